import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SILENT } from '@outrider/control-plane/app/logger.ts';
import { createWaits } from '@outrider/control-plane/app/waits.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import {
  environmentDocument,
  infrastructureDocument,
  phaseDocument,
  SERVICE_NAME,
  SETUP,
  serviceDocument,
  UPGRADE,
  workflowDocument,
} from '../domain/planning/resources.ts';
import { BAD_IMAGE } from '../domain/story.ts';
import { Bench, succeed } from './bench.ts';

const BY = { name: 'ana' };
const UPGRADES = 'Phase 1/Upgrade Containers';

/** A workflow whose resize asks a person when it fails; it has failed. */
async function waiting(strategy: JsonObject = {}): Promise<{ readonly bench: Bench; readonly id: string }> {
  const bench = new Bench();
  const failureStrategies = [{ action: 'manual-intervention', ...strategy }];
  await bench.apply(
    serviceDocument(SERVICE_NAME),
    environmentDocument(),
    infrastructureDocument('example'),
    workflowDocument({
      phases: [
        phaseDocument('Phase 1', {
          failureStrategies,
          sections: { 'Setup Container': [SETUP], 'Deploy Containers': [UPGRADE('100%')] },
        }),
      ],
    }),
  );
  const { execution } = await bench.executions.start(
    { workflow: 'ECS Replica Strategy', application: 'ECS', artifacts: { [SERVICE_NAME]: ':1' }, variables: {} },
    BY,
  );
  await bench.workOff(execution.id, (row) =>
    row.stepType === 'ecs-upgrade-containers' ? { outcome: 'failed', failure: BAD_IMAGE } : succeed(row),
  );
  return { bench, id: execution.id };
}

const stepOf = async (bench: Bench, id: string) => (await bench.executions.get(id)).phases[0]?.steps[1];

describe('a step that failed and asks a person', () => {
  test('waits, and says why, until when, and what follows then', async () => {
    const { bench, id } = await waiting({ timeoutSeconds: 3_600, afterTimeout: 'end' });
    assert.equal((await bench.executions.get(id)).status, 'waiting');
    const step = await stepOf(bench, id);
    assert.equal(step?.status, 'waiting');
    assert.equal(step.failure?.code, 'image-pull-failed');
    assert.equal(step.endedAt, null);
    assert.deepEqual(step.intervention, { until: '2026-01-01T01:00:00.000Z', afterTimeout: 'end' });
    assert.equal((await bench.executions.step(id, UPGRADES)).ended, false, 'its log may go on');
    const listed = await bench.executions.list({ statuses: ['waiting'], limit: 10 });
    assert.deepEqual(
      listed.items.map((item) => item.id),
      [id],
    );
  });

  test('retry gives it a task again, and the execution goes on from there', async () => {
    const { bench, id } = await waiting();
    const view = await bench.executions.answer(id, UPGRADES, { answer: 'retry', reason: 'the tag is there now' }, BY);
    assert.equal(view.status, 'running');
    assert.deepEqual(await bench.living(), ['p1.2 queued']);
    await bench.workOff(id);
    const ended = await bench.executions.get(id);
    assert.deepEqual([ended.status, ended.phases[0]?.steps[1]?.attempt], ['succeeded', 2]);
  });

  test('ignore and mark-success go on, and the step says who said so', async () => {
    const ignored = await waiting();
    await ignored.bench.executions.answer(ignored.id, 'p1.2', { answer: 'ignore', reason: 'one is enough' }, BY);
    const failed = await stepOf(ignored.bench, ignored.id);
    assert.deepEqual(
      [failed?.status, failed?.ignored, failed?.because],
      ['failed', true, 'Ignored by ana: one is enough'],
    );
    assert.equal((await ignored.bench.executions.get(ignored.id)).status, 'succeeded');

    const marked = await waiting();
    await marked.bench.executions.answer(marked.id, 'p1.2', { answer: 'mark-success', reason: '' }, BY);
    const success = await stepOf(marked.bench, marked.id);
    assert.deepEqual(
      [success?.status, success?.output, success?.because],
      ['succeeded', undefined, 'Marked as success by ana'],
    );
  });

  test('a step that asks nobody refuses an answer, and says when one is wanted and what to do instead', async () => {
    const { bench, id } = await waiting();
    await assert.rejects(
      bench.executions.answer(id, 'Phase 1/ECS Service Setup', { answer: 'retry', reason: '' }, BY),
      (error: unknown) => {
        assert.ok(error instanceof OutriderError);
        assert.equal(error.code, 'not-allowed-now');
        assert.match(error.message, /Phase 1\/ECS Service Setup of exe_\w+ cannot be retried: the step has ended/);
        assert.match(error.hint, /manual-intervention.*outrider abort/);
        return true;
      },
    );
    await assert.rejects(
      bench.executions.answer(id, 'Phase 1/Upgrade', { answer: 'retry', reason: '' }, BY),
      /has no step "Phase 1\/Upgrade"/,
    );
  });

  test('after its time what was agreed on follows, also when the control plane was away then', async () => {
    const { bench, id } = await waiting({ timeoutSeconds: 3_600 });
    await bench.waits.look();
    assert.equal((await bench.executions.get(id)).status, 'waiting', 'there is still time');
    await bench.waits.stop();
    bench.clock.ms += 3_600_000;
    const engine = bench.anotherEngine();
    await createWaits({ store: bench.store, engine, clock: bench.clock, logger: SILENT }).look();
    assert.equal((await engine.load(id))?.kind, 'rolling-back');
    await bench.workOff(id);
    const ended = await bench.executions.get(id);
    assert.deepEqual([ended.status, ended.rollback, ended.failure?.code], ['failed', 'succeeded', 'image-pull-failed']);
  });
});
