import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  applyExample,
  logTexts,
  REPLICA,
  runAndWatch,
  runDetached,
  untilEnded,
  untilResizeWaits,
} from '../support/deployments.ts';
import { goldenLines, isOrderedPart } from '../support/golden-log.ts';
import { startHttp2Proxy } from '../support/http2-proxy.ts';
import { eventually } from '../support/processes.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { holdTasksBack, letTasksGo, servicesOf, successfulMutations } from '../support/world.ts';

const RESIZE = 'Phase 1/Upgrade Containers';

describe('behind a proxy that has no streams and cuts every connection after two seconds', () => {
  let stack: Stack;
  /** What is to be closed, newest last; also when the stack does not come up. */
  const open: { close(): Promise<void> }[] = [];
  before(async () => {
    stack = await startStack({
      between: async (port) => {
        const proxy = await startHttp2Proxy({ port }, { streams: 'refuse', connectionLifeMs: 2_000 });
        open.push(proxy);
        return proxy.port;
      },
    });
    open.push(stack);
    await applyExample(stack, 'replica-canary');
    const first = await runAndWatch(stack, REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.28`);
    assert.equal(first.exitCode, 0, first.stderr + first.stdout);
  });
  after(async () => {
    for (const each of open.toReversed()) await each.close();
  });

  test('a canary is deployed with its whole log although control plane and delegate are killed on the way', async () => {
    const shown = await stack.outrider('delegates', 'list');
    assert.match(shown.stdout, /vpc-stage +● connected \(polling\)/);
    holdTasksBack(stack);
    const id = await runDetached(stack, REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.29`);
    await untilResizeWaits(stack, id);
    await stack.controlPlane.kill();
    await stack.controlPlane.start();
    await stack.delegate('vpc-stage').kill();
    await stack.delegate('vpc-stage').start();
    letTasksGo(stack);
    const view = await untilEnded(stack, id);
    assert.equal(view.status, 'succeeded', JSON.stringify(view.failure));
    assert.deepEqual(servicesOf(stack, REPLICA.cluster), [
      { name: `${REPLICA.family}__1`, desired: 0, running: 0 },
      { name: `${REPLICA.family}__2`, desired: 2, running: 2 },
    ]);
    assert.equal(successfulMutations(stack, 'CreateService').length, 2, 'one service for each deployment');
    assert.ok(view.phases.flatMap((phase) => phase.steps).every((step) => step.attempt === 1));
    isOrderedPart(await logTexts(stack, id, RESIZE), goldenLines('seed-resize'));
    const said = stack.delegate('vpc-stage').log();
    assert.equal(said.match(/does not let streams live/g)?.length, 2, 'each process says it once');
  });

  test('an abort stops the step, and a delegate that is told to end says goodbye', async () => {
    holdTasksBack(stack);
    const id = await runDetached(stack, REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.30`);
    await untilResizeWaits(stack, id);
    const aborted = await stack.outrider('abort', id, '--reason', 'p99 doubled');
    assert.equal(aborted.exitCode, 0, aborted.stderr);
    letTasksGo(stack);
    const view = await untilEnded(stack, id);
    assert.deepEqual([view.status, view.rollback], ['aborted', 'succeeded']);
    await stack.delegate('vpc-stage').end();
    await eventually(
      'it is gone at once',
      async () => {
        const { stdout } = await stack.outrider('delegates', 'list');
        return /vpc-stage +○ gone/.test(stdout) ? true : undefined;
      },
      4_000,
    );
  });
});
