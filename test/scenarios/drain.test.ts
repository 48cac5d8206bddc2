import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  applyExample,
  execution,
  logLines,
  logTexts,
  REPLICA,
  runAndWatch,
  runDetached,
  untilEnded,
  untilResizeWaits,
} from '../support/deployments.ts';
import { goldenLines, isOrderedPart } from '../support/golden-log.ts';
import { eventually } from '../support/processes.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { holdTasksBack, letTasksGo, servicesOf, successfulMutations, taskDefinitionsOf } from '../support/world.ts';

const RESIZE = 'Phase 1/Upgrade Containers';
/** ECS kills 120 s after SIGTERM at most; nothing keeps a step from being handed back at its next look at AWS. */
const HAND_BACK_MS = 60_000;

describe('a delegate that is told to stop in the middle of a resize', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack({ delegates: { 'vpc-a': ['vpc-stage'], 'vpc-b': ['vpc-stage'] } });
    await applyExample(stack, 'replica-canary');
    const first = await runAndWatch(stack, REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.27`);
    assert.equal(first.exitCode, 0, first.stderr + first.stdout);
  });
  after(() => stack.close());

  /** SIGTERM; it ends by itself, in time, and says that all is well. */
  async function stop(name: string): Promise<void> {
    const from = performance.now();
    const finished = await stack.delegate(name).end();
    assert.equal(finished?.exitCode, 0, finished?.stderr);
    const tookMs = performance.now() - from;
    assert.ok(tookMs < HAND_BACK_MS, `it took ${Math.round(tookMs)} ms`);
  }

  async function holderOf(id: string): Promise<string> {
    const view = await execution(stack, id);
    return view.phases[0]?.steps.find((step) => step.type === 'ecs-upgrade-containers')?.delegate ?? '';
  }

  /** Deploys this version, with `disturb` in the middle of its first resize: as if nothing had happened. */
  async function deploys(revision: number, disturb: (id: string) => Promise<void>): Promise<readonly string[]> {
    const updatesBefore = successfulMutations(stack, 'UpdateService').length;
    holdTasksBack(stack);
    const id = await runDetached(stack, REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.${26 + revision}`);
    await untilResizeWaits(stack, id);
    const logged = await logLines(stack, id, RESIZE);
    await disturb(id);
    letTasksGo(stack);
    const view = await untilEnded(stack, id);
    assert.equal(view.status, 'succeeded', JSON.stringify(view.failure));
    const serving = servicesOf(stack, REPLICA.cluster).filter((service) => service.desired > 0);
    assert.deepEqual(serving, [{ name: `${REPLICA.family}__${revision}`, desired: 2, running: 2 }]);
    assert.equal(taskDefinitionsOf(stack, REPLICA.family).length, revision, 'one task definition for each deployment');
    assert.equal(successfulMutations(stack, 'CreateService').length, revision, 'one service for each deployment');
    const changes = successfulMutations(stack, 'UpdateService').slice(updatesBefore);
    assert.equal(new Set(changes).size, changes.length, `every change is made once:\n${changes.join('\n')}`);
    const attempts = view.phases.flatMap((phase) => phase.steps).map((step) => step.attempt);
    assert.equal(Math.max(...attempts), 1);
    assert.deepEqual((await logLines(stack, id, RESIZE)).slice(0, logged.length), logged, 'nothing logged is lost');
    const texts = await logTexts(stack, id, RESIZE);
    assert.equal(texts.filter((text) => text === 'Command execution finished with status SUCCESS').length, 1);
    return texts;
  }

  let left = '';
  test('hands the step over: another delegate goes on where it stood, and nothing shows but a line', async () => {
    const texts = await deploys(2, async (id) => {
      const holder = await holderOf(id);
      left = holder === 'vpc-a' ? 'vpc-b' : 'vpc-a';
      await stop(holder);
      await eventually('the other one has it', async () => ((await holderOf(id)) === left ? true : undefined));
    });
    isOrderedPart(texts, goldenLines('seed-resize'));
    assert.ok(
      texts.some((line) => /resum|restart/i.test(line)),
      texts.join('\n'),
    );
  });

  test('hands the step back when it is the only one, and goes on where it stood when it is started again', async () => {
    await deploys(3, async (id) => {
      await stop(left);
      const view = await execution(stack, id);
      assert.equal(view.status, 'running');
      await stack.delegate(left).start();
    });
  });
});
