import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stepState } from '@outrider/control-plane/domain/execution/state.ts';
import { CANARY, on, PLAIN, planOf, retry, SETUP_OUTPUT } from '../plans.ts';
import { Story } from '../story.ts';

const ROLLBACK = { kind: 'rollback', by: 'ben', reason: 'p99' } as const;
const ABORT = { kind: 'abort', by: 'ben', reason: '', rollback: true } as const;

function halfWay(): Story {
  return Story.begun(planOf(CANARY)).run('p1.1', SETUP_OUTPUT).run('p1.2').accept('p2.1');
}

describe('aborting', () => {
  test('stops what runs, waits for it, rolls back in reverse order and ends aborted', () => {
    const story = halfWay().abort();
    assert.equal(story.kindOf('p2.1'), 'cancelling');
    assert.deepEqual(story.living, ['p2.1'], 'no rollback while a delegate may still act');
    story.stopped('p2.1').run('r2.1').run('r1.1');
    assert.equal(story.end, 'aborted, rollback succeeded');
    assert.ok(story.state.kind === 'ended');
    assert.equal(story.state.failure?.code, 'aborted');
    assert.match(story.state.failure.message, /Aborted by ben: wrong version/);
  });

  test('without rollback leaves everything as it is', () => {
    const story = halfWay().abort(false).stopped('p2.1');
    assert.equal(story.end, 'aborted, rollback none');
    const step = stepState(story.state, 'p2.1');
    assert.ok(step.kind === 'aborted');
    assert.match(step.message, /aborted by ben/);
  });

  test('ends aborted also when the rollback fails', () => {
    const story = halfWay().abort().stopped('p2.1').accept('r2.1').fail('r2.1');
    assert.equal(story.end, 'aborted, rollback failed');
  });

  test('takes the word of a step that was done before the cancel arrived', () => {
    const story = halfWay().abort(false).succeed('p2.1');
    assert.equal(story.kindOf('p2.1'), 'succeeded');
    assert.equal(story.end, 'aborted, rollback none', 'the execution is aborted all the same');
  });

  test('a step that fails instead of stopping does not change what follows', () => {
    for (const [rollback, action] of [
      [true, 'rollback-workflow'],
      [false, 'abort'],
    ] as const) {
      const story = halfWay().abort(rollback).fail('p2.1');
      const step = stepState(story.state, 'p2.1');
      assert.ok(step.kind === 'failed');
      assert.equal(step.action, action);
      assert.equal(story.state.kind, rollback ? 'rolling-back' : 'ended');
    }
  });

  test('a step that waits for its retry is stopped too', () => {
    const story = Story.begun(planOf([{ steps: [[{ ...PLAIN, failureStrategies: [retry(3)] }]] }]));
    story.accept('p1.1').fail('p1.1').abort().stopped('p1.1');
    assert.equal(story.end, 'aborted, rollback none');
  });

  test('a step that nobody accepted ends when its task is withdrawn', () => {
    const story = Story.begun(planOf([{ steps: [[PLAIN]] }])).abort();
    assert.equal(story.kindOf('p1.1'), 'cancelling');
    story.stopped('p1.1', 'no delegate was working on it');
    assert.equal(story.end, 'aborted, rollback none');
  });

  test('an accept that crossed the cancel is answered with the cancel', () => {
    const story = Story.begun(planOf([{ steps: [[PLAIN]] }])).abort();
    const before = story.effects.length;
    story.accept('p1.1');
    assert.equal(story.kindOf('p1.1'), 'cancelling');
    assert.deepEqual(
      story.effects.slice(before).map((effect) => effect.kind),
      ['cancel-task'],
    );
  });

  test('a task handed back while it is being stopped is not offered again', () => {
    const story = halfWay().abort();
    const before = story.effects.length;
    story.put({ kind: 'task-requeued', stepId: 'p2.1', attempt: 1, because: 'the delegate drains' });
    assert.equal(story.kindOf('p2.1'), 'cancelling');
    assert.deepEqual(
      story.effects.slice(before).map((effect) => effect.kind),
      ['cancel-task'],
    );
  });

  test('a delegate that is lost while its step is being stopped aborts the step', () => {
    const story = halfWay().abort(false);
    const failure = {
      code: 'delegate-lost',
      message: 'gone',
      hint: '',
      evidence: [],
      failureType: 'delegate',
    } as const;
    story.put({ kind: 'task-undeliverable', stepId: 'p2.1', attempt: 1, failure });
    assert.equal(story.kindOf('p2.1'), 'aborted');
  });

  test('what a stopped step still saved counts when it is undone', () => {
    const story = halfWay().abort().checkpoint('p2.1', { undo: 'late' }).stopped('p2.1');
    const step = stepState(story.state, 'r2.1');
    assert.ok(step.kind === 'queued');
    assert.deepEqual(
      step.task.prior.undo.map(({ status, facts }) => [status, facts]),
      [['aborted', { undo: 'late' }]],
    );
  });
});

describe('rolling back by hand', () => {
  test('stops what runs, rolls back and ends failed', () => {
    const story = halfWay();
    story.put(ROLLBACK);
    story.stopped('p2.1').run('r2.1').run('r1.1');
    assert.equal(story.end, 'failed, rollback succeeded');
    assert.ok(story.state.kind === 'ended');
    assert.match(story.state.failure?.message ?? '', /Rolled back by ben: p99/);
  });
});

describe('interrupts that make no sense are refused with a reason', () => {
  const rows: readonly [string, () => Story, string, string][] = [
    ['before it has begun', () => new Story(planOf(CANARY)), '(taken)', 'it has not begun; abort it'],
    ['while it is aborted', () => halfWay().abort(), 'it is being stopped already', 'it is being stopped already'],
    [
      'while it rolls back',
      () => halfWay().fail('p2.1'),
      'its rollback runs already; it cannot be stopped half way',
      'its rollback runs already; it cannot be stopped half way',
    ],
    ['after its end', () => halfWay().succeed('p2.1'), 'it has ended', 'it has ended'],
  ];
  for (const [when, play, abort, rollback] of rows) {
    test(`${when}: abort ${abort}, rollback ${rollback}`, () => {
      const story = play();
      if (abort !== '(taken)') assert.equal(story.refusal(ABORT), abort);
      assert.equal(story.refusal(ROLLBACK), rollback);
    });
  }

  test('an execution that has not begun is aborted at once', () => {
    const story = new Story(planOf(CANARY));
    story.put(ABORT);
    assert.equal(story.end, 'aborted, rollback none');
  });
});

describe('the limit of a step', () => {
  test('stops it, and what its strategies say of timeouts follows', () => {
    const step = { ...PLAIN, timeoutSeconds: 60, failureStrategies: [on('ignore', ['timeout'])] };
    const story = Story.begun(planOf([{ steps: [[step], [PLAIN]] }])).accept('p1.1');
    story.put({ kind: 'task-deadline-passed', stepId: 'p1.1', attempt: 1 });
    assert.equal(story.kindOf('p1.1'), 'cancelling');
    story.stopped('p1.1', 'waited for 1/2 tasks');
    const failed = stepState(story.state, 'p1.1');
    assert.ok(failed.kind === 'failed');
    assert.equal(failed.failure.code, 'step-timed-out');
    assert.match(failed.failure.message, /did not end within 60 s/);
    assert.deepEqual(failed.failure.evidence, ['waited for 1/2 tasks']);
    assert.deepEqual(story.living, ['p1.2']);
  });

  test('passes only once', () => {
    const story = Story.begun(planOf([{ steps: [[PLAIN]] }])).accept('p1.1');
    const passed = { kind: 'task-deadline-passed', stepId: 'p1.1', attempt: 1 } as const;
    story.put(passed);
    assert.equal(story.refusal(passed), 'the step is being stopped already');
  });
});

describe('words about tasks', () => {
  test('of a former attempt are refused', () => {
    const story = Story.begun(planOf([{ steps: [[{ ...PLAIN, failureStrategies: [retry(1)] }]] }]));
    story.accept('p1.1').fail('p1.1').accept('p1.1');
    const late = {
      kind: 'task-ended',
      stepId: 'p1.1',
      attempt: 1,
      result: { outcome: 'succeeded', output: {} },
    } as const;
    assert.equal(story.refusal(late), 'attempt 1 is over; the step is at attempt 2');
  });

  test('of a step that the plan has not are refused', () => {
    const story = Story.begun(planOf([{ steps: [[PLAIN]] }]));
    const about = { kind: 'task-accepted', stepId: 'p9.9', attempt: 1, delegate: 'a' } as const;
    assert.equal(story.refusal(about), 'the execution has no step p9.9');
  });

  test('a step moves to another delegate and stays the same attempt', () => {
    const story = Story.begun(planOf([{ steps: [[PLAIN]] }])).accept('p1.1', 'a');
    story.put({ kind: 'task-requeued', stepId: 'p1.1', attempt: 1, because: 'its lease ended' });
    assert.equal(story.kindOf('p1.1'), 'queued');
    const begun = story.now;
    story.now += 60_000;
    story.accept('p1.1', 'b').succeed('p1.1');
    const step = stepState(story.state, 'p1.1');
    assert.ok(step.kind === 'succeeded');
    assert.equal(step.delegate, 'b');
    assert.equal(step.attempt, 1);
    assert.equal(step.startedAtMs, begun, 'it began with its first delegate');
  });

  test('a step that stopped without being told to has failed', () => {
    const story = Story.begun(planOf([{ steps: [[PLAIN]] }]))
      .accept('p1.1')
      .stopped('p1.1', 'draining');
    const step = stepState(story.state, 'p1.1');
    assert.ok(step.kind === 'failed');
    assert.equal(step.failure.code, 'delegate-lost');
    assert.equal(step.failure.failureType, 'delegate');
  });

  test('a step that nobody could take fails with the reason given', () => {
    const story = Story.begun(planOf([{ steps: [[PLAIN]] }]));
    const failure = {
      code: 'no-eligible-delegate',
      message: 'none',
      hint: '',
      evidence: [],
      failureType: 'delegate',
    } as const;
    story.put({ kind: 'task-undeliverable', stepId: 'p1.1', attempt: 1, failure });
    assert.equal(story.end, 'failed, rollback none');
    assert.ok(story.state.kind === 'ended');
    assert.equal(story.state.failure?.code, 'no-eligible-delegate');
  });
});
