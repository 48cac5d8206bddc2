import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  applyExample,
  logTexts,
  REPLICA,
  runAndWatch,
  runDetached,
  untilEnded,
  untilResizeWaits,
} from '../support/deployments.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { holdTasksBack, letTasksGo, servicesOf } from '../support/world.ts';

/** An execution that stands in the middle of the resize of phase 1: the new task does not come up. */
async function startAndHold(stack: Stack): Promise<string> {
  holdTasksBack(stack);
  const id = await runDetached(stack, REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.29`);
  await untilResizeWaits(stack, id);
  return id;
}

describe('aborting a canary in the middle of a resize', () => {
  let stack: Stack;
  beforeEach(async () => {
    stack = await startStack();
    await applyExample(stack, 'replica-canary');
    const first = await runAndWatch(stack, REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.28`);
    assert.equal(first.exitCode, 0, first.stderr + first.stdout);
  });
  afterEach(() => stack.close());

  test('with rollback: the old version is back at two instances, the new one at none, exit code 6', async () => {
    const id = await startAndHold(stack);
    const watching = stack.start('watch', id);
    const aborted = await stack.outrider('abort', id, '--reason', 'p99 doubled');
    assert.equal(aborted.exitCode, 0, aborted.stderr);
    letTasksGo(stack);
    const view = await untilEnded(stack, id);
    assert.equal(view.status, 'aborted');
    assert.equal(view.rollback, 'succeeded');
    assert.equal((await watching.finished).exitCode, 6);
    assert.deepEqual(servicesOf(stack, REPLICA.cluster), [
      { name: `${REPLICA.family}__1`, desired: 2, running: 2 },
      { name: `${REPLICA.family}__2`, desired: 0, running: 0 },
    ]);
    const log = (await logTexts(stack, id, 'Phase 1/Upgrade Containers')).join('\n');
    assert.match(log, /abort/i, log);
  });

  test('without rollback: everything stays as it is and the log says so, exit code 6', async () => {
    const id = await startAndHold(stack);
    const watching = stack.start('watch', id);
    const aborted = await stack.outrider('abort', id, '--no-rollback', '--reason', 'will look by hand');
    assert.equal(aborted.exitCode, 0, aborted.stderr);
    const view = await untilEnded(stack, id);
    assert.equal(view.status, 'aborted');
    assert.equal(view.rollback, 'none');
    assert.equal((await watching.finished).exitCode, 6);
    letTasksGo(stack);
    assert.deepEqual(
      servicesOf(stack, REPLICA.cluster).map((service) => [service.name, service.desired]),
      [
        [`${REPLICA.family}__1`, 2],
        [`${REPLICA.family}__2`, 1],
      ],
    );
    const again = await stack.outrider('abort', id);
    assert.equal(again.exitCode, 1);
    assert.match(again.stderr, /ended|aborted/);
  });

  test('rollback of a running execution ends it failed, with exit code 3', async () => {
    const id = await startAndHold(stack);
    const watching = stack.start('watch', id);
    const asked = await stack.outrider('rollback', id, '--reason', 'wrong build');
    assert.equal(asked.exitCode, 0, asked.stderr);
    letTasksGo(stack);
    const view = await untilEnded(stack, id);
    assert.equal(view.status, 'failed');
    assert.equal(view.rollback, 'succeeded');
    assert.equal((await watching.finished).exitCode, 3);
  });
});
