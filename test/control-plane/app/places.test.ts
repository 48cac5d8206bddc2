import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { StartRequest } from '@outrider/control-plane/app/executions-port.ts';
import { SILENT } from '@outrider/control-plane/app/logger.ts';
import { QUEUE_LIMIT } from '@outrider/control-plane/app/place.ts';
import { createWaits } from '@outrider/control-plane/app/waits.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import * as fc from 'fast-check';
import { eventually } from '../../support/processes.ts';
import {
  environmentDocument,
  infrastructureDocument,
  phaseDocument,
  SERVICE_NAME,
  serviceDocument,
  UPGRADE,
} from '../domain/planning/resources.ts';
import { Bench } from './bench.ts';

const BY = { name: 'ana' };
const SETUP: JsonObject = { name: 'ECS Service Setup', type: 'ecs-service-setup', with: { instances: { fixed: 2 } } };

/** A workflow of its own name at some infrastructures. */
function workflowAt(name: string, concurrency: string | undefined, ...infrastructures: readonly string[]): JsonObject {
  return {
    apiVersion: 'outrider/v1',
    kind: 'Workflow',
    metadata: { application: 'ECS', name },
    spec: {
      type: 'CANARY',
      environment: 'stage-ecs',
      ...(concurrency === undefined ? {} : { concurrency }),
      phases: infrastructures.map((infrastructure) =>
        phaseDocument(`At ${infrastructure}`, {
          infrastructure,
          sections: { 'Setup Container': [SETUP], 'Deploy Containers': [UPGRADE('100%')] },
        }),
      ),
    },
  };
}

async function installed(...workflows: readonly JsonObject[]): Promise<Bench> {
  const bench = new Bench();
  await bench.apply(
    serviceDocument(SERVICE_NAME),
    environmentDocument(),
    infrastructureDocument('example'),
    infrastructureDocument('second'),
    ...workflows,
  );
  return bench;
}

async function start(bench: Bench, workflow: string): Promise<string> {
  const request: StartRequest = {
    workflow,
    application: 'ECS',
    artifacts: { [SERVICE_NAME]: ':stable-perl' },
    variables: {},
  };
  return (await bench.executions.start(request, BY)).execution.id;
}

async function untilStatus(bench: Bench, id: string, status: string): Promise<void> {
  await eventually(`${id} is ${status}`, async () =>
    (await bench.executions.get(id)).status === status ? true : undefined,
  );
}

const behind = async (bench: Bench, id: string) =>
  (await bench.executions.get(id)).waitsFor?.map(({ executionId }) => executionId);

async function untilBehind(bench: Bench, id: string, others: readonly string[]): Promise<void> {
  await eventually(`${id} waits for ${others.join(', ')}`, async () =>
    isDeepStrictEqual(await behind(bench, id), others) ? true : undefined,
  );
}

describe('with concurrency: queue', () => {
  test('runs at one place take turns in the order in which they were asked for, and say whom they wait for', async () => {
    const bench = await installed(workflowAt('web', 'queue', 'example'));
    const [first, second, third] = [await start(bench, 'web'), await start(bench, 'web'), await start(bench, 'web')];
    assert.deepEqual(
      await Promise.all([first, second, third].map(async (id) => (await bench.executions.get(id)).status)),
      ['running', 'queued', 'queued'],
    );
    assert.deepEqual((await bench.executions.get(second)).waitsFor, [
      { executionId: first, workflow: 'web', resource: `ECS/${SERVICE_NAME}@example` },
    ]);
    assert.deepEqual(await behind(bench, third), [first, second]);
    await bench.workOff(first);
    await untilStatus(bench, second, 'running');
    await untilBehind(bench, third, [second]);
    await bench.workOff(second);
    await untilStatus(bench, third, 'running');
    await bench.workOff(third);
    assert.equal((await bench.executions.get(third)).status, 'succeeded');
  });

  test('one that waits is aborted at once, has rolled back nothing, and those behind it move up', async () => {
    const bench = await installed(workflowAt('web', 'queue', 'example'));
    const [first, second, third] = [await start(bench, 'web'), await start(bench, 'web'), await start(bench, 'web')];
    const aborted = await bench.executions.abort(second, { rollback: true, reason: 'not needed' }, BY);
    assert.deepEqual([aborted.status, aborted.rollback, aborted.failure?.code], ['aborted', 'none', 'aborted']);
    await untilBehind(bench, third, [first]);
    await bench.workOff(first);
    await untilStatus(bench, third, 'running');
  });

  test('a run at two places waits for both, and lets nobody in who comes later', async () => {
    const bench = await installed(
      workflowAt('one', 'queue', 'example'),
      workflowAt('two', 'queue', 'second'),
      workflowAt('both', 'queue', 'example', 'second'),
    );
    const [one, two, both] = [await start(bench, 'one'), await start(bench, 'two'), await start(bench, 'both')];
    const later = await start(bench, 'one');
    assert.deepEqual(await behind(bench, both), [one, two]);
    await bench.workOff(one);
    await untilBehind(bench, both, [two]);
    await untilBehind(bench, later, [both]);
    await bench.workOff(two);
    await untilStatus(bench, both, 'running');
    assert.equal((await bench.executions.get(later)).status, 'queued');
  });

  test('other places are free', async () => {
    const bench = await installed(workflowAt('one', 'queue', 'example'), workflowAt('two', 'queue', 'second'));
    await start(bench, 'one');
    assert.equal((await bench.executions.get(await start(bench, 'two'))).status, 'running');
  });

  test('what waits cannot be rolled back: the refusal says to abort it', async () => {
    const bench = await installed(workflowAt('web', 'queue', 'example'));
    await start(bench, 'web');
    const second = await start(bench, 'web');
    await assert.rejects(bench.executions.rollback(second, { reason: '' }, BY), /it has not begun; abort it/);
  });

  test(`more than ${QUEUE_LIMIT} do not wait at one place`, async () => {
    const bench = await installed(workflowAt('web', 'queue', 'example'));
    for (let count = 0; count < QUEUE_LIMIT + 1; count++) await start(bench, 'web');
    await assert.rejects(start(bench, 'web'), (error: unknown) => {
      assert.ok(error instanceof OutriderError);
      assert.equal(error.code, 'queue-full');
      assert.match(error.hint, /--status queued/);
      return true;
    });
  });

  test('after a restart a turn comes that fell due while nobody was there', async () => {
    const bench = await installed(workflowAt('web', 'queue', 'example'));
    const [first, second] = [await start(bench, 'web'), await start(bench, 'web')];
    await bench.waits.stop();
    await bench.workOff(first);
    assert.equal((await bench.executions.get(second)).status, 'queued');
    const engine = bench.anotherEngine();
    await createWaits({ store: bench.store, engine, clock: bench.clock, logger: SILENT }).look();
    assert.equal((await engine.load(second))?.kind, 'deploying');
    assert.deepEqual(await bench.living(), ['p1.1 queued'], 'its first step has a task');
  });
});

describe('with concurrency: supersede', () => {
  test('the one that runs is stopped and rolled back first, and then the new one runs', async () => {
    const bench = await installed(workflowAt('web', 'supersede', 'example'));
    const first = await start(bench, 'web');
    const setup = await bench.accept(first, 'p1.1');
    const second = await start(bench, 'web');
    assert.equal((await bench.executions.get(second)).status, 'queued');
    await eventually('the first is told to stop', async () =>
      (await bench.state(first)).kind === 'stopping' ? true : undefined,
    );
    assert.match(
      (await bench.executions.get(first)).stopping?.because ?? '',
      new RegExp(`by ana: superseded by ${second}`),
    );
    await bench.end(setup, { outcome: 'stopped', message: '' });
    await bench.workOff(first);
    const view = await bench.executions.get(first);
    assert.equal(view.status, 'aborted');
    await untilStatus(bench, second, 'running');
  });

  test('those that only waited end at once', async () => {
    const bench = await installed(workflowAt('web', 'queue', 'example'), workflowAt('urgent', 'supersede', 'example'));
    const [first, second] = [await start(bench, 'web'), await start(bench, 'web')];
    const urgent = await start(bench, 'urgent');
    await untilStatus(bench, second, 'aborted');
    await untilStatus(bench, first, 'aborted');
    await untilStatus(bench, urgent, 'running');
  });

  test('one that is being rolled back already goes on as it was told', async () => {
    const bench = await installed(workflowAt('web', 'supersede', 'example'));
    const first = await start(bench, 'web');
    const setup = await bench.accept(first, 'p1.1');
    await bench.executions.rollback(first, { reason: 'wrong' }, BY);
    const second = await start(bench, 'web');
    await bench.waits.look();
    await bench.end(setup, { outcome: 'stopped', message: '' });
    await bench.workOff(first);
    assert.equal(
      (await bench.executions.get(first)).status,
      'failed',
      'a rollback that was asked for ends it as failed',
    );
    await untilStatus(bench, second, 'running');
  });
});

describe('with concurrency: reject, and without any', () => {
  for (const concurrency of ['reject', undefined]) {
    test(`${concurrency ?? 'none'}: a run beside another is refused with its name and what to do`, async () => {
      const bench = await installed(
        workflowAt('web', concurrency, 'example'),
        workflowAt('patient', 'queue', 'example'),
      );
      const first = await start(bench, 'web');
      const waiting = await start(bench, 'patient');
      await assert.rejects(start(bench, 'web'), (error: unknown) => {
        assert.ok(error instanceof OutriderError);
        assert.equal(error.code, 'execution-running');
        assert.ok([first, waiting].includes(String(error.data['executionId'])));
        assert.match(error.hint, /outrider watch .*outrider abort .*concurrency: queue/);
        return true;
      });
    });
  }
});

test('whoever asks, ends and is aborted in whatever order: no place is ever taken twice, and every turn comes', async () => {
  const names = ['one', 'two', 'both', 'urgent'] as const;
  const move = fc.record({ act: fc.constantFrom('start', 'start', 'finish', 'abort'), target: fc.nat(20) });
  await fc.assert(
    fc.asyncProperty(fc.array(move, { maxLength: 15 }), async (moves) => {
      const bench = await installed(
        workflowAt('one', 'queue', 'example'),
        workflowAt('two', 'queue', 'second'),
        workflowAt('both', 'queue', 'example', 'second'),
        workflowAt('urgent', 'supersede', 'second'),
      );
      const living = async (...statuses: ('queued' | 'running')[]) =>
        await bench.store.listSummaries({ statuses, limit: 100 });
      const settle = async () => {
        await bench.waits.look();
        const places = (await living('running')).flatMap((summary) => summary.resourceKeys);
        assert.equal(new Set(places).size, places.length, `${places.join(', ')} are taken`);
      };
      for (const { act, target } of moves) {
        const those = await living(...(act === 'finish' ? (['running'] as const) : (['queued', 'running'] as const)));
        const id = those[target % Math.max(those.length, 1)]?.id;
        if (act === 'start') await start(bench, names[target % names.length] ?? 'one');
        else if (act === 'finish' && id !== undefined) await bench.workOff(id);
        else if (id !== undefined)
          await bench.executions.abort(id, { rollback: true, reason: '' }, BY).catch((thrown: unknown) => {
            assert.equal(OutriderError.from(thrown).code, 'not-allowed-now', 'it is being stopped already');
          });
        await settle();
      }
      for (let round = 0; round < 40; round++) {
        for (const { id } of await living('running')) await bench.workOff(id);
        await settle();
      }
      assert.deepEqual(await living('queued', 'running'), []);
    }),
    { numRuns: 40 },
  );
});
