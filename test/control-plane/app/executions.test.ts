import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StartRequest } from '@outrider/control-plane/app/executions-port.ts';
import type { DelegateView } from '@outrider/control-plane/domain/fleet/match.ts';
import { type ErrorCode, OutriderError } from '@outrider/shared/errors.ts';
import {
  environmentDocument,
  infrastructureDocument,
  phaseDocument,
  SEED_CANARY,
  SERVICE_NAME,
  serviceDocument,
  workflowDocument,
} from '../domain/planning/resources.ts';
import { BAD_IMAGE } from '../domain/story.ts';
import { Bench, succeed, VPC_STAGE } from './bench.ts';

const BY = { name: 'ana' };
const REQUEST: StartRequest = {
  workflow: 'ECS Replica Strategy',
  application: 'ECS',
  artifacts: { [SERVICE_NAME]: ':stable-perl' },
  variables: {},
};

async function seeded(): Promise<Bench> {
  const bench = new Bench();
  await bench.apply(
    serviceDocument(SERVICE_NAME),
    environmentDocument(),
    infrastructureDocument('example'),
    SEED_CANARY,
  );
  return bench;
}

async function refused(work: Promise<unknown>, code: ErrorCode, says: RegExp): Promise<OutriderError> {
  try {
    await work;
  } catch (thrown) {
    assert.ok(thrown instanceof OutriderError, String(thrown));
    assert.equal(thrown.code, code, thrown.message);
    assert.match(thrown.message, says);
    assert.ok(thrown.hint.length > 0);
    return thrown;
  }
  return assert.fail('it was not refused');
}

describe('starting', () => {
  test("plays the seed's canary and shows it as the API does", async () => {
    const bench = await seeded();
    const { execution } = await bench.executions.start({ ...REQUEST, reason: 'release 7' }, BY);
    assert.equal(execution.status, 'running');
    assert.equal(execution.currentPhase, 'Phase 1');
    assert.deepEqual([execution.startedBy, execution.reason, execution.rollback], ['ana', 'release 7', 'none']);
    await bench.workOff(execution.id);
    const view = await bench.executions.get(execution.id);
    assert.deepEqual([view.status, view.currentPhase, view.environment], ['succeeded', null, 'stage-ecs']);
    assert.deepEqual(
      view.phases.map(({ name, status, rollback, steps }) => [name, status, rollback, steps.map((step) => step.id)]),
      [
        ['Phase 1', 'succeeded', false, ['p1.1', 'p1.2']],
        ['Phase 2', 'succeeded', false, ['p2.1']],
      ],
    );
    const [setup] = view.phases[0]?.steps ?? [];
    assert.equal(setup?.section, 'Setup Container');
    assert.equal(setup.status, 'succeeded');
    assert.equal(setup.attempt, 1);
    assert.equal(setup.delegate, VPC_STAGE.name);
    assert.equal(setup.startedAt, '2026-01-01T00:00:00.000Z');
    assert.equal(setup.output?.['serviceName'], 'ECS__web__stage__ecs__4');
    assert.ok(!('failure' in view));
  });

  test('a failed canary shows its rollback phases in the order in which they ran', async () => {
    const bench = await seeded();
    const { execution } = await bench.executions.start(REQUEST, BY);
    await bench.workOff(execution.id, (row) =>
      row.stepId === 'p2.1' ? { outcome: 'failed', failure: BAD_IMAGE } : succeed(row),
    );
    const view = await bench.executions.get(execution.id);
    assert.deepEqual([view.status, view.rollback, view.failure?.code], ['failed', 'succeeded', 'image-pull-failed']);
    assert.deepEqual(
      view.phases.map(({ name, status }) => `${name} ${status}`),
      ['Phase 1 succeeded', 'Phase 2 failed', 'Rollback Phase 2 succeeded', 'Rollback Phase 1 succeeded'],
    );
  });

  test('steps and phases that the execution never came to are shown as skipped once it stops', async () => {
    const bench = await seeded();
    const { execution } = await bench.executions.start(REQUEST, BY);
    await bench.executions.abort(execution.id, { rollback: false, reason: '' }, BY);
    const view = await bench.executions.get(execution.id);
    assert.deepEqual(
      view.phases.flatMap((phase) => [phase.status, ...phase.steps.map((step) => step.status)]),
      ['aborted', 'aborted', 'skipped', 'skipped', 'skipped'],
    );
  });

  test('an unknown workflow is refused with the nearest names, or with where it is', async () => {
    const bench = await seeded();
    const near = await refused(
      bench.executions.start({ ...REQUEST, workflow: 'ECS Replika Strategy' }, BY),
      'not-found',
      /ECS Replika/,
    );
    assert.match(near.hint, /did you mean "ECS Replica Strategy"/);
    const elsewhere = await refused(
      bench.executions.start({ ...REQUEST, application: undefined }, BY),
      'not-found',
      /in the application "default"/,
    );
    assert.match(elsewhere.hint, /ECS\/ECS Replica Strategy/);
  });

  test('everything that is wrong with the request is said at once', async () => {
    const bench = await seeded();
    const error = await refused(
      bench.executions.start({ ...REQUEST, artifacts: { web: ':1' }, variables: { Nobody: 1 } }, BY),
      'request-invalid',
      /3 problems/,
    );
    assert.equal(error.problems.length, 3);
    const single = await refused(
      bench.executions.start({ ...REQUEST, artifacts: {} }, BY),
      'request-invalid',
      /no image/,
    );
    assert.match(single.hint, /--artifact/);
  });

  test('what changed since the workflow was applied is noticed', async () => {
    const bench = await seeded();
    await bench.apply(infrastructureDocument('example', { launchType: 'FARGATE' }));
    const error = await refused(bench.executions.start(REQUEST, BY), 'document-invalid', /keep the workflow/);
    assert.match(
      error.problems.map((problem) => problem.message).join('\n'),
      /at least 1 subnet is required for Fargate/,
    );
  });

  test('one execution at a time runs at a service and infrastructure; the other is named', async () => {
    const bench = await seeded();
    const { execution } = await bench.executions.start(REQUEST, BY);
    const error = await refused(bench.executions.start(REQUEST, BY), 'execution-running', new RegExp(execution.id));
    assert.equal(error.data['executionId'], execution.id);
    await bench.workOff(execution.id);
    await bench.executions.start(REQUEST, BY);
  });

  test('two starts at once: one runs, the other is refused', async () => {
    const bench = await seeded();
    const outcomes = await Promise.allSettled([
      bench.executions.start(REQUEST, BY),
      bench.executions.start(REQUEST, BY),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status),
      ['fulfilled', 'rejected'],
    );
  });

  test('the same idempotency key answers with the same execution, another request under it is refused', async () => {
    const bench = await seeded();
    const keyed = { ...REQUEST, idempotencyKey: 'ci-4412' };
    const first = await bench.executions.start(keyed, BY);
    const again = await bench.executions.start(keyed, BY);
    assert.deepEqual([again.execution.id, first.replayed, again.replayed], [first.execution.id, false, true]);
    await refused(bench.executions.start({ ...keyed, reason: 'other' }, BY), 'idempotency-key-reused', /ci-4412/);
    const other = bench.executions.start(keyed, { name: 'ben' });
    await refused(other, 'execution-running', /./);
  });
});

describe('when no delegate can do it', () => {
  const cases: readonly [string, readonly DelegateView[], RegExp, readonly RegExp[]][] = [
    ['nobody has joined', [], /no delegate has joined yet/, []],
    [
      'each delegate is named with why not',
      [
        { ...VPC_STAGE, name: 'prod-1', tags: ['vpc-prod'] },
        { ...VPC_STAGE, name: 'gone-1', connected: false },
        { ...VPC_STAGE, name: 'drain-1', draining: true },
        { ...VPC_STAGE, name: 'old-1', stepTypes: ['ecs-service-setup', 'ecs-rollback-containers'] },
      ],
      /No delegate can take steps for the selector vpc-stage/,
      [
        /prod-1 .*lacks the tag vpc-stage \(it has vpc-prod\)/,
        /gone-1 .*not connected/,
        /drain-1 .*draining/,
        /old-1 .*does not know ecs-upgrade-containers/,
      ],
    ],
  ];
  for (const [title, fleet, says, reasons] of cases) {
    test(`${title}, and nothing is started`, async () => {
      const bench = await seeded();
      bench.fleet = fleet;
      const error = await refused(bench.executions.start(REQUEST, BY), 'no-eligible-delegate', says);
      assert.equal(error.problems.length, reasons.length);
      for (const [index, reason] of reasons.entries()) assert.match(error.problems[index]?.message ?? '', reason);
      assert.deepEqual((await bench.executions.list({ limit: 10 })).items, []);
    });
  }

  test('where no tags are asked for, nobody is told to change selectors', async () => {
    const bench = await seeded();
    await bench.apply(infrastructureDocument('example', { delegate: { selectors: [] } }));
    bench.fleet = [{ ...VPC_STAGE, connected: false }];
    const error = await refused(
      bench.executions.start(REQUEST, BY),
      'no-eligible-delegate',
      /^No delegate can take the steps, which ask for no tags$/,
    );
    assert.match(error.problems[0]?.message ?? '', /^vpc-stage-1 cannot take the steps.*: it is not connected$/);
    assert.doesNotMatch(error.hint, /selectors/);
  });

  test('a full delegate will have room later, and different steps may go to different delegates', async () => {
    const bench = await seeded();
    await bench.apply(
      workflowDocument({
        phases: [
          phaseDocument('One', {
            sections: {
              'Setup Container': [{ name: 'S', type: 'ecs-service-setup' }],
              'Deploy Containers': [{ name: 'U', type: 'ecs-upgrade-containers', delegateSelectors: ['big'] }],
            },
          }),
        ],
      }),
    );
    const error = await refused(
      bench.executions.start(REQUEST, BY),
      'no-eligible-delegate',
      /selectors big and vpc-stage/,
    );
    assert.equal(error.problems.length, 1);
    bench.fleet = [
      { ...VPC_STAGE, busy: 10 },
      { ...VPC_STAGE, name: 'big-1', tags: ['vpc-stage', 'big'] },
    ];
    await bench.executions.start(REQUEST, BY);
  });
});

describe('stopping', () => {
  test('abort rolls back what runs and ends aborted', async () => {
    const bench = await seeded();
    const { execution } = await bench.executions.start(REQUEST, BY);
    const setup = await bench.accept(execution.id, 'p1.1');
    await bench.end(setup, succeed(setup));
    const resize = await bench.accept(execution.id, 'p1.2');
    const view = await bench.executions.abort(execution.id, { rollback: true, reason: 'wrong image' }, { name: 'ben' });
    assert.deepEqual([view.status, view.stopping?.because], ['running', 'aborted by ben: wrong image']);
    const step = view.phases[0]?.steps[1];
    assert.deepEqual([step?.status, step?.because], ['running', 'It is being stopped: aborted by ben: wrong image']);
    await bench.end(resize, { outcome: 'stopped', message: '' });
    assert.equal((await bench.executions.get(execution.id)).rollback, 'running');
    await bench.workOff(execution.id);
    const ended = await bench.executions.get(execution.id);
    assert.deepEqual([ended.status, ended.rollback], ['aborted', 'succeeded']);
  });

  test('rollback of a running execution ends it failed', async () => {
    const bench = await seeded();
    const { execution } = await bench.executions.start(REQUEST, BY);
    const setup = await bench.accept(execution.id, 'p1.1');
    await bench.executions.rollback(execution.id, { reason: '' }, BY);
    await bench.end(setup, { outcome: 'stopped', message: '' });
    const ended = await bench.executions.get(execution.id);
    assert.deepEqual([ended.status, ended.rollback], ['failed', 'succeeded']);
  });

  test('rollback of one that succeeded is refused with what to do instead', async () => {
    const bench = await seeded();
    const { execution } = await bench.executions.start(REQUEST, BY);
    await bench.workOff(execution.id);
    const error = await refused(
      bench.executions.rollback(execution.id, { reason: '' }, BY),
      'not-allowed-now',
      /has succeeded/,
    );
    assert.match(error.hint, /Run "ECS Replica Strategy" again/);
    await refused(
      bench.executions.abort(execution.id, { rollback: true, reason: '' }, BY),
      'not-allowed-now',
      /it has ended/,
    );
  });

  test('what does not exist cannot be stopped', async () => {
    const bench = await seeded();
    const id = 'exe_00000000000000000000000000';
    await refused(bench.executions.abort(id, { rollback: true, reason: '' }, BY), 'not-found', /no execution exe_0/);
    await refused(bench.executions.rollback(id, { reason: '' }, BY), 'not-found', /no execution/);
    await refused(bench.executions.get(id), 'not-found', /no execution/);
  });
});

describe('looking', () => {
  test('lists are newest first, filtered, and go on at their cursor', async () => {
    const bench = await seeded();
    const ids: string[] = [];
    for (let index = 0; index < 3; index++) {
      bench.clock.ms += 1_000;
      const { execution } = await bench.executions.start(REQUEST, BY);
      if (index < 2) await bench.workOff(execution.id);
      ids.unshift(execution.id);
    }
    const first = await bench.executions.list({ limit: 2 });
    assert.deepEqual(
      first.items.map((item) => item.id),
      ids.slice(0, 2),
    );
    const second = await bench.executions.list({ limit: 2, cursor: first.nextCursor ?? undefined });
    assert.deepEqual([second.items.map((item) => item.id), second.nextCursor], [ids.slice(2), null]);
    const running = await bench.executions.list({ limit: 10, statuses: ['running'] });
    assert.deepEqual(
      running.items.map((item) => item.id),
      ids.slice(0, 1),
    );
    await refused(bench.executions.list({ limit: 2, cursor: 'x' }), 'request-invalid', /cursor/);
  });

  test('events come in order, and the last page says that there will be no more', async () => {
    const bench = await seeded();
    const { execution } = await bench.executions.start(REQUEST, BY);
    const running = await bench.executions.events(execution.id, 0, 100);
    assert.deepEqual(
      running.events.map(({ event }) => event.type),
      ['execution-created', 'phase-started', 'step-queued'],
    );
    assert.equal(running.ended, false);
    await bench.workOff(execution.id);
    const page = await bench.executions.events(execution.id, 3, 2);
    assert.deepEqual([page.events.map((event) => event.seq), page.ended], [[4, 5], false]);
    const rest = await bench.executions.events(execution.id, 5, 1_000);
    assert.equal(rest.ended, true);
    assert.equal((await bench.executions.events(execution.id, rest.events.at(-1)?.seq ?? 0, 10)).ended, true);
  });

  for (const [reference, expected] of [
    ['p1.2', 'p1.2'],
    ['Phase 2/Upgrade Containers', 'p2.1'],
    ['phase 1/ecs service setup', 'p1.1'],
    ['ECS Service Setup', 'p1.1'],
    ['Rollback Phase 2/Rollback Containers', 'r2.1'],
  ] as const) {
    test(`"${reference}" finds the step ${expected}`, async () => {
      const bench = await seeded();
      const { execution } = await bench.executions.start(REQUEST, BY);
      assert.equal((await bench.executions.step(execution.id, reference)).stepId, expected);
    });
  }

  test('a name that several steps have, or none, is refused with the names to use', async () => {
    const bench = await seeded();
    const { execution } = await bench.executions.start(REQUEST, BY);
    const many = await refused(
      bench.executions.step(execution.id, 'Upgrade Containers'),
      'request-invalid',
      /Several steps/,
    );
    assert.match(many.hint, /"Phase 1\/Upgrade Containers \(p1\.2\)" or "Phase 2\/Upgrade Containers \(p2\.1\)"/);
    const none = await refused(
      bench.executions.step(execution.id, 'Phase 2/Upgrade'),
      'not-found',
      /no step "Phase 2\/Upgrade"/,
    );
    assert.match(none.hint, /Phase 2\/Upgrade Containers/);
  });

  test('a step knows the tasks whose logs are its own, and when they are whole', async () => {
    const bench = await seeded();
    const { execution } = await bench.executions.start(REQUEST, BY);
    const queued = await bench.executions.step(execution.id, 'p1.1');
    assert.deepEqual([queued.tasks, queued.ended], [[`${execution.id}/p1.1/1`], false]);
    const pending = await bench.executions.step(execution.id, 'p2.1');
    assert.deepEqual([pending.tasks, pending.ended], [[], false]);
    await bench.executions.abort(execution.id, { rollback: false, reason: '' }, BY);
    assert.equal((await bench.executions.step(execution.id, 'p1.1')).ended, true);
    assert.equal((await bench.executions.step(execution.id, 'p2.1')).ended, true);
  });
});
