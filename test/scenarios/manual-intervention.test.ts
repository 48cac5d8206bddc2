import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { applyExample, execution, REPLICA, runDetached, untilEnded } from '../support/deployments.ts';
import { eventually } from '../support/processes.ts';
import { EXAMPLES, type Stack, startStack } from '../support/stack.ts';
import { failPullsAfter, servicesOf } from '../support/world.ts';

const UPGRADE = 'Phase 2/Upgrade Containers';

describe('a canary whose second phase fails, with manual intervention as failure strategy', () => {
  let stack: Stack;
  let id: string;
  beforeEach(async () => {
    stack = await startStack();
    await applyExample(stack, 'replica-canary');
    const directory = await mkdtemp(join(tmpdir(), 'outrider-intervention-'));
    try {
      const text = await readFile(join(EXAMPLES, 'replica-canary', 'workflow.yaml'), 'utf8');
      const file = join(directory, 'workflow.yaml');
      const changed = text.replace(/action: rollback-workflow/, 'action: manual-intervention');
      assert.notEqual(changed, text, 'the example says what follows a failure');
      await writeFile(file, changed);
      const applied = await stack.outrider('apply', '-f', file);
      assert.equal(applied.exitCode, 0, applied.stderr);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
    failPullsAfter(stack, 'library/nginx:1.28', 1);
    id = await runDetached(stack, REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.28`);
    await eventually('it waits for a person', async () =>
      (await execution(stack, id)).status === 'waiting' ? true : undefined,
    );
  });
  afterEach(() => stack.close());

  test('waits over a restart of the control plane, is tried again when somebody says so, and succeeds', async () => {
    await stack.controlPlane.kill();
    await stack.controlPlane.start();
    const shown = await stack.outrider('show', id);
    assert.match(
      shown.stdout,
      /Phase 2\/Upgrade Containers failed and waits for a person until .*; then: rollback-workflow/,
    );
    assert.match(shown.stdout, new RegExp(`outrider retry ${id} "Phase 2/Upgrade Containers"`));
    assert.equal((await execution(stack, id)).phases[1]?.steps[0]?.status, 'waiting');
    stack.aws.control.clearFaults();
    const retried = await stack.outrider('retry', id, UPGRADE, '--reason', 'the image is there again');
    assert.equal(retried.exitCode, 0, retried.stderr);
    const ended = await untilEnded(stack, id);
    assert.equal(ended.status, 'succeeded', JSON.stringify(ended.failure));
    assert.equal(ended.phases[1]?.steps[0]?.attempt, 2);
    assert.deepEqual(servicesOf(stack, REPLICA.cluster), [{ name: `${REPLICA.family}__1`, desired: 2, running: 2 }]);
    const late = await stack.outrider('retry', id, UPGRADE);
    assert.equal(late.exitCode, 1);
    assert.match(late.stderr, /cannot be retried: it has ended/);
  });

  test('is rolled back when somebody says that instead, with exit code 3', async () => {
    const watching = stack.start('watch', id);
    const rolledBack = await stack.outrider('rollback', id, '--reason', 'not today');
    assert.equal(rolledBack.exitCode, 0, rolledBack.stderr);
    const ended = await untilEnded(stack, id);
    assert.deepEqual([ended.status, ended.rollback], ['failed', 'succeeded']);
    assert.equal((await watching.finished).exitCode, 3);
    assert.deepEqual(
      servicesOf(stack, REPLICA.cluster).filter(({ desired }) => desired > 0),
      [],
    );
  });
});
