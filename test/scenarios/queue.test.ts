import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { applyExample, execution, REPLICA, runDetached, untilEnded, untilResizeWaits } from '../support/deployments.ts';
import { EXAMPLES, type Stack, startStack } from '../support/stack.ts';
import { holdTasksBack, letTasksGo, servicesOf, successfulMutations } from '../support/world.ts';

const RUN = [REPLICA.workflow, '--artifact'] as const;

describe('several runs of one service', () => {
  let stack: Stack;
  beforeEach(async () => {
    stack = await startStack();
    await applyExample(stack, 'replica-canary');
  });
  afterEach(() => stack.close());

  /** The seed's workflow, applied again with another `concurrency`. */
  async function applyWith(concurrency: 'queue' | 'supersede'): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'outrider-queue-'));
    try {
      const text = await readFile(join(EXAMPLES, 'replica-canary', 'workflow.yaml'), 'utf8');
      const file = join(directory, 'workflow.yaml');
      await writeFile(file, text.replace(/^spec:\n/m, `spec:\n  concurrency: ${concurrency}\n`));
      const applied = await stack.outrider('apply', '-f', file);
      assert.equal(applied.exitCode, 0, applied.stderr);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  test('queued, the second waits for the first across a restart of the control plane, and then runs by itself', async () => {
    await applyWith('queue');
    holdTasksBack(stack);
    const first = await runDetached(stack, ...RUN, `${REPLICA.service}=:1.28`);
    await untilResizeWaits(stack, first);
    const started = await stack.outrider('run', ...RUN, `${REPLICA.service}=:1.29`);
    assert.equal(started.exitCode, 0, started.stderr);
    const second = started.stdout.trim();
    assert.match(started.stderr, new RegExp(`queued: it waits for ${first} \\(ECS Replica Strategy\\) at `));
    const third = await runDetached(stack, ...RUN, `${REPLICA.service}=:1.30`);
    const shown = await stack.outrider('show', third);
    assert.match(shown.stdout, new RegExp(`queued.*waits for ${first}.*waits for ${second}`, 's'));

    await stack.controlPlane.kill();
    await stack.controlPlane.start();
    assert.equal((await execution(stack, second)).status, 'queued');
    const aborted = await stack.outrider('abort', third, '--reason', 'not needed');
    assert.equal(aborted.exitCode, 0, aborted.stderr);
    assert.equal((await execution(stack, third)).status, 'aborted');

    letTasksGo(stack);
    assert.equal((await untilEnded(stack, first)).status, 'succeeded');
    assert.equal((await untilEnded(stack, second)).status, 'succeeded');
    assert.deepEqual(servicesOf(stack, REPLICA.cluster), [
      { name: `${REPLICA.family}__1`, desired: 0, running: 0 },
      { name: `${REPLICA.family}__2`, desired: 2, running: 2 },
    ]);
    assert.equal(successfulMutations(stack, 'CreateService').length, 2, 'the aborted one did nothing');
  });

  test('superseding, the new run stops the one before it, lets it be rolled back, and then deploys', async () => {
    await applyWith('supersede');
    holdTasksBack(stack);
    const first = await runDetached(stack, ...RUN, `${REPLICA.service}=:1.28`);
    await untilResizeWaits(stack, first);
    const watching = stack.start('watch', first);
    const second = await runDetached(stack, ...RUN, `${REPLICA.service}=:1.29`);
    letTasksGo(stack);
    const ended = await untilEnded(stack, first);
    assert.deepEqual([ended.status, ended.rollback], ['aborted', 'succeeded']);
    assert.match(ended.failure?.message ?? '', new RegExp(`superseded by ${second}`));
    assert.equal((await watching.finished).exitCode, 6);
    const view = await untilEnded(stack, second);
    assert.equal(view.status, 'succeeded', JSON.stringify(view.failure));
    const services = servicesOf(stack, REPLICA.cluster).filter(({ desired }) => desired > 0);
    assert.deepEqual(services, [{ name: `${REPLICA.family}__2`, desired: 2, running: 2 }]);
  });

  test('without a word about it the second is refused, and told by whom the place is taken', async () => {
    holdTasksBack(stack);
    const first = await runDetached(stack, ...RUN, `${REPLICA.service}=:1.28`);
    const refused = await stack.outrider('run', ...RUN, `${REPLICA.service}=:1.29`);
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, new RegExp(first));
    assert.match(refused.stderr, /concurrency: queue/);
    letTasksGo(stack);
    assert.equal((await untilEnded(stack, first)).status, 'succeeded');
  });
});
