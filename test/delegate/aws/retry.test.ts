import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MutationGate } from '@outrider/delegate/aws/mutation-gate.ts';
import { createCalls, waitBefore } from '@outrider/delegate/aws/retry.ts';
import { StepStopped } from '@outrider/delegate/steps/contract.ts';
import { OutriderError } from '@outrider/shared/errors.ts';

function failing(name: string, times: number): { send: () => Promise<string>; sent: () => number } {
  let sent = 0;
  const send = async () => {
    sent += 1;
    if (sent <= times) throw Object.assign(new Error(name), { name, $metadata: { httpStatusCode: 400 } });
    return 'done';
  };
  return { send, sent: () => sent };
}

function calls(options: { gate?: MutationGate; signal?: AbortSignal; onSleep?: () => void } = {}) {
  const slept: number[] = [];
  const made = createCalls({
    gate: options.gate ?? { permit: async () => undefined, holds: () => true },
    signal: options.signal ?? new AbortController().signal,
    tools: {
      sleep: async (milliseconds) => {
        slept.push(milliseconds);
        options.onSleep?.();
      },
      random: () => 1,
    },
  });
  return { made, slept };
}

describe('calls that change AWS', () => {
  test('a throttled one is sent again, later and later', async () => {
    const { made, slept } = calls();
    const call = failing('ThrottlingException', 4);
    assert.equal(await made.mutate('ECS UpdateService', call.send, { repeatable: false }), 'done');
    assert.deepEqual(slept, [1_000, 2_000, 4_000, 8_000]);
  });

  test('throttling without end is given up after eight calls', async () => {
    const { made } = calls();
    const call = failing('ThrottlingException', 99);
    await assert.rejects(made.mutate('ECS UpdateService', call.send, { repeatable: true }), { code: 'aws-throttled' });
    assert.equal(call.sent(), 8);
  });

  test('an unclear end of a call that is not repeatable is left to the caller', async () => {
    const { made } = calls();
    const call = failing('ServerException', 1);
    await assert.rejects(made.mutate('ECS RegisterTaskDefinition', call.send, { repeatable: false }), {
      code: 'aws-unavailable',
    });
    assert.equal(call.sent(), 1);
  });

  test('an unclear end is looked at before the call goes out again', async () => {
    const { made } = calls();
    const call = failing('ServerException', 9);
    const answer = await made.mutate('ECS CreateService', call.send, { repeatable: true, look: async () => 'seen' });
    assert.equal(answer, 'seen');
    assert.equal(call.sent(), 1);
  });

  test('a refusal is not repeated', async () => {
    const { made } = calls();
    const call = failing('InvalidParameterException', 9);
    await assert.rejects(made.mutate('ECS CreateService', call.send, { repeatable: true }), { code: 'aws-rejected' });
    assert.equal(call.sent(), 1);
  });

  test('what AWS does not see yet is tried again only where that passes', async () => {
    const put = failing('ObjectNotFoundException', 3);
    const answer = await calls().made.mutate('AutoScaling PutScalingPolicy', put.send, {
      repeatable: true,
      absentPasses: true,
    });
    assert.equal(answer, 'done');
    const remove = failing('ObjectNotFoundException', 3);
    await assert.rejects(calls().made.mutate('AutoScaling DeleteScalingPolicy', remove.send, { repeatable: true }));
    assert.equal(remove.sent(), 1);
  });

  test('without a lease nothing is sent', async () => {
    const gate = {
      permit: async () => {
        throw new StepStopped('lease-lost');
      },
      holds: () => false,
    };
    const call = failing('x', 0);
    await assert.rejects(calls({ gate }).made.mutate('ECS UpdateService', call.send, { repeatable: true }), {
      reason: 'lease-lost',
    });
    assert.equal(call.sent(), 0);
  });

  test('the lease is asked for before each try, for the whole time that a call may take', async () => {
    const asked: number[] = [];
    const gate = { permit: async (callMs: number) => void asked.push(callMs), holds: () => true };
    const call = failing('ThrottlingException', 2);
    await calls({ gate }).made.mutate('ECS UpdateService', call.send, { repeatable: true });
    assert.deepEqual(asked, [15_000, 15_000, 15_000]);
  });

  test('a stopped step sends nothing more, but a call that was sent is let finish', async () => {
    const stop = new AbortController();
    const { made } = calls({ signal: stop.signal });
    const answer = await made.mutate(
      'ECS UpdateService',
      async () => {
        stop.abort('aborted');
        return 'finished';
      },
      { repeatable: true },
    );
    assert.equal(answer, 'finished');
    const call = failing('x', 0);
    await assert.rejects(made.mutate('ECS UpdateService', call.send, { repeatable: true }), { reason: 'aborted' });
    assert.equal(call.sent(), 0);
  });
});

describe('calls that only look', () => {
  test('end with the step, and say why', async () => {
    const stop = new AbortController();
    const { made } = calls({ signal: stop.signal });
    const look = made.read('ECS DescribeServices', async ({ abortSignal }) => {
      await new Promise((_resolve, reject) => {
        abortSignal.addEventListener('abort', () => reject(new Error('cut')));
        stop.abort('timed-out');
      });
    });
    await assert.rejects(look, { reason: 'timed-out' });
  });

  test('live through half a minute in which AWS throttles or does not answer', async () => {
    for (const name of ['ThrottlingException', 'ServerException']) {
      const { made, slept } = calls();
      const call = failing(name, 7);
      assert.equal(await made.read('ECS DescribeServices', call.send), 'done');
      const sleptMs = slept.reduce((sum, milliseconds) => sum + milliseconds, 0);
      assert.ok(sleptMs > 30_000 && sleptMs < 60_000, `${sleptMs}`);
    }
  });

  test('are given up after eight tries, and at once where trying again changes nothing', async () => {
    const down = failing('ServerException', 99);
    await assert.rejects(calls().made.read('ECS DescribeServices', down.send), { code: 'aws-unavailable' });
    assert.equal(down.sent(), 8);
    const denied = failing('AccessDeniedException', 99);
    await assert.rejects(calls().made.read('ECS DescribeServices', denied.send), { code: 'aws-access-denied' });
    assert.equal(denied.sent(), 1);
  });

  test('are not tried again once the step is to stop', async () => {
    const stop = new AbortController();
    const call = failing('ThrottlingException', 99);
    const { made } = calls({ signal: stop.signal, onSleep: () => stop.abort('draining') });
    await assert.rejects(made.read('ECS DescribeServices', call.send), { reason: 'draining' });
    assert.equal(call.sent(), 1);
  });

  test('errors come out in our words', async () => {
    const read = calls().made.read('ECS ListServices', failing('AccessDeniedException', 1).send);
    await assert.rejects(read, (error) => error instanceof OutriderError && error.code === 'aws-access-denied');
  });
});

test('waits grow to a limit, and chance takes at most half off', () => {
  assert.equal(waitBefore(1, 'throttled', 0), 500);
  assert.equal(waitBefore(1, 'throttled', 1), 1_000);
  assert.equal(waitBefore(20, 'throttled', 1), 10_000);
});
