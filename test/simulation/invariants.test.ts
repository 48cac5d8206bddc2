import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  calmRecord,
  EXECUTION,
  grant,
  mutation,
  SERVICE,
  service,
  storedLog,
  TASK,
  withEvent,
} from './invariants/calm-record.ts';
import { INVARIANTS, violationsOf } from './invariants.ts';
import type { HistoryRecord } from './plant/record.ts';

/** A history in which something is wrong, and what finds it. */
interface Case {
  readonly title: string;
  readonly id: string;
  readonly changes: Partial<HistoryRecord>;
  /** Part of what is said. */
  readonly says: RegExp;
}

const calm = calmRecord();
const [holder] = calm.holders;
const [execution] = calm.store.executions;
const [answer] = calm.answers;
assert.ok(holder !== undefined && execution !== undefined && answer !== undefined);
const restore = { atMs: 20_000, toMs: 4_000, executions: [], epochs: [] } as const;
const failure = { code: 'internal', message: 'oh', hint: '', evidence: [], failureType: 'delegate' } as const;
const place = { stepId: 'p1.1', attempt: 1 } as const;

const CASES: readonly Case[] = [
  {
    title: 'two epochs may change AWS at the same moment',
    id: 'H1',
    changes: {
      holders: [holder, { ...holder, epoch: 2, host: 'birch', instanceId: 'birch-1', fromMs: 21_999, untilMs: 40_000 }],
    },
    says: /amber \(amber-1, epoch 1\) may change AWS .* until 22000, birch \(birch-1, epoch 2\) from 21999 on/,
  },
  {
    title: 'two instances of one epoch may change AWS at the same moment',
    id: 'H1',
    changes: { holders: [holder, { ...holder, instanceId: 'amber-2', fromMs: 10_000 }] },
    says: /amber-2/,
  },
  {
    title: 'an instance takes the work of another one that is connected',
    id: 'H1',
    changes: {
      grants: [...calm.grants.slice(0, 4), grant('reattached', 8_500, { instanceId: 'amber-2' })],
      trace: [{ atMs: 900, kind: 'message:hello', host: 'amber', detail: '' }],
    },
    says: /amber-2 took over .* from amber-1, which was connected and renewed it at 8000/,
  },
  {
    title: 'a lease is renewed for somebody who does not hold it',
    id: 'H1',
    changes: {
      grants: [...calm.grants.slice(0, 4), grant('renewed', 8_500, { instanceId: 'birch-1' }), ...calm.grants.slice(4)],
    },
    says: /renewed under epoch 1 by birch-1: amber-1 has it/,
  },
  {
    title: 'a task is offered again under the same epoch',
    id: 'H1',
    changes: { grants: [grant('offered', 1_000), grant('returned', 1_400), ...calm.grants] },
    says: /epoch 1 was given out already/,
  },
  {
    title: 'a task that is leased is offered',
    id: 'H1',
    changes: { grants: [...calm.grants.slice(0, 2), grant('offered', 2_500, { epoch: 2 })] },
    says: /it is leased/,
  },
  {
    title: 'a checkpoint of an old epoch is taken',
    id: 'H1',
    changes: {
      grants: [
        ...calm.grants.slice(0, 2),
        grant('released', 2_500),
        grant('offered', 2_600, { epoch: 2, instanceId: 'birch-1' }),
        grant('accepted', 2_700, { epoch: 2, instanceId: 'birch-1' }),
        grant('checkpointed', 3_000),
      ],
    },
    says: /checkpointed under epoch 1 .* it is at epoch 2/,
  },
  {
    title: 'a task is withdrawn whose holder may still change AWS',
    id: 'H1',
    changes: { grants: [...calm.grants.slice(0, 4), grant('withdrawn', 10_000, { instanceId: null })] },
    says: /was withdrawn, and amber may change AWS for it until 22000/,
  },
  {
    title: 'a step ends twice',
    id: 'H2',
    changes: withEvent(calm, { type: 'step-failed', ...place, failure, action: 'end' }, false),
    says: /p1\.1\/1 has ended 2 times/,
  },
  {
    title: 'something follows the end of an execution',
    id: 'H2',
    changes: withEvent(calm, { type: 'step-skipped', stepId: 'p1.2', because: '' }, false),
    says: /step-skipped after its end/,
  },
  {
    title: 'a committed event changes',
    id: 'H2',
    changes: { committed: withEvent(calm, { type: 'step-started', ...place, delegate: 'birch' }, true).committed },
    says: /event 3, step-started, was committed and is now step-started/,
  },
  {
    title: 'a committed event goes',
    id: 'H2',
    changes: {
      committed: [...calm.committed, { atMs: 30_000, executionId: 'exe_GONE', events: execution.events.slice(0, 1) }],
    },
    says: /exe_GONE: event 1, execution-created, was committed and is gone/,
  },
  {
    title: 'an event is stored that nobody committed',
    id: 'H2',
    changes: { committed: calm.committed.slice(0, 1) },
    says: /4 stored events were never committed/,
  },
  {
    title: 'an old epoch changes a resource after a later one has',
    id: 'H3',
    changes: {
      mutations: [
        ...calm.mutations,
        mutation({ action: 'UpdateService', epoch: 2, host: 'birch', atMs: 9_100, logical: 'b' }),
        mutation({ action: 'UpdateService', atMs: 9_200, logical: 'c' }),
      ],
    },
    says: /UpdateService of service\/example\/app__2 by amber for .*#1, after .*#2 had changed it/,
  },
  {
    title: 'an earlier step changes a resource after a later one has',
    id: 'H3',
    changes: {
      mutations: [
        mutation({}),
        mutation({ taskId: `${EXECUTION}/r1.1/1`, atMs: 8_000, action: 'UpdateService', logical: 'back' }),
        mutation({ atMs: 9_000, action: 'UpdateService', logical: 'forth' }),
      ],
    },
    says: /after .*r1\.1\/1#1 had changed it/,
  },
  {
    title: 'a service is created twice for one setup',
    id: 'H3',
    changes: { mutations: [mutation({}), mutation({ atMs: 8_000 })] },
    says: /CreateService of service\/example\/app__2 for exe_\w+\/p1\.1 took effect at 5000 and again at 8000/,
  },
  {
    title: 'lines of a log are missing and nothing says so',
    id: 'H4',
    changes: { storedLogs: [storedLog(['Begin', 'End'])], acknowledgements: [] },
    says: /“Working” of amber is missing before “End”/,
  },
  {
    title: 'an execution has not ended',
    id: 'H5',
    changes: { unended: [EXECUTION] },
    says: /has not ended/,
  },
  {
    title: 'a task lives on after its execution',
    id: 'H5',
    changes: { store: { ...calm.store, tasks: calm.store.tasks.map((task) => ({ ...task, state: 'leased' })) } },
    says: /is leased, and its execution has ended/,
  },
  { title: 'a request is never answered', id: 'H5', changes: { answers: [] }, says: /run-1 was never answered/ },
  {
    title: 'effects are left in the outbox',
    id: 'H5',
    changes: { store: { ...calm.store, pendingEffects: 2 } },
    says: /2 effects are not performed/,
  },
  {
    title: 'a hash chain is broken',
    id: 'H6',
    changes: { store: { ...calm.store, executions: [{ ...execution, verdict: { kind: 'broken', seq: 4 } }] } },
    says: /the chain breaks at event 4/,
  },
  {
    title: 'a chain is shorter than its history',
    id: 'H6',
    changes: { store: { ...calm.store, executions: [{ ...execution, verdict: { kind: 'ok', events: 4 } }] } },
    says: /the chain has 4 events, the history 6/,
  },
  {
    title: 'AWS is changed for a task that has ended',
    id: 'H7',
    changes: { mutations: [...calm.mutations, mutation({ action: 'UpdateService', atMs: 10_500, logical: 'late' })] },
    says: /which had ended at 10000/,
  },
  {
    title: 'a secret is where it does not belong',
    id: 'H8',
    changes: { leaks: [{ atMs: 5, where: 'store:commit', detail: 'canary' }] },
    says: /a secret is in store:commit: canary/,
  },
  {
    title: 'a watcher misses an event',
    id: 'H9',
    changes: { watched: calm.watched.toSpliced(2, 1) },
    says: /event 3, step-started, was shown as/,
  },
  {
    title: 'a watcher sees an event twice',
    id: 'H9',
    changes: { watched: [...calm.watched.slice(0, 3), ...calm.watched.slice(2)] },
    says: /event 3 after event 3/,
  },
  {
    title: 'a watcher never sees the end',
    id: 'H9',
    changes: { watched: calm.watched.slice(0, -1) },
    says: /was shown as nothing/,
  },
  {
    title: 'a start that was acknowledged is gone',
    id: 'H10',
    changes: { answers: [...calm.answers, { ...answer, executionId: 'exe_GONE' }] },
    says: /run run-1 was answered with exe_GONE: there is no such execution/,
  },
  {
    title: 'an abort that was acknowledged is gone',
    id: 'H10',
    changes: {
      answers: [...calm.answers, { ...answer, request: { kind: 'abort', atMs: 1, key: 'run-1', rollback: true } }],
    },
    says: /its history knows of no abort/,
  },
  {
    title: 'a checkpoint that was acknowledged is gone',
    id: 'H10',
    changes: {
      acknowledgements: [{ taskId: TASK, epoch: 1, atMs: 3_000, kind: 'checkpoint', sequence: 2, facts: { total: 3 } }],
    },
    says: /no event has the facts total/,
  },
  {
    title: 'a result that was acknowledged is another one in the store',
    id: 'H10',
    changes: {
      acknowledgements: [{ taskId: TASK, epoch: 1, atMs: 9, kind: 'result', status: 'duplicate', outcome: 'failed' }],
    },
    says: /it is not step-failed/,
  },
  {
    title: 'a result is acknowledged before it is committed',
    id: 'H10',
    changes: {
      acknowledgements: [
        { taskId: TASK, epoch: 1, atMs: 9_999, kind: 'result', status: 'committed', outcome: 'succeeded' },
      ],
    },
    says: /at that moment it is not step-succeeded/,
  },
  {
    title: 'a log that was acknowledged is shorter in the store',
    id: 'H10',
    changes: { acknowledgements: [{ taskId: TASK, epoch: 1, atMs: 9, kind: 'log', durableOffset: 1_000 }] },
    says: /its log up to 1000, and it has \d+ bytes/,
  },
  {
    title: 'a log is acknowledged before it is stored',
    id: 'H10',
    changes: { acknowledgements: [{ taskId: TASK, epoch: 1, atMs: 9_499, kind: 'log', durableOffset: 100 }] },
    says: /its log up to 100, which it never had before/,
  },
  {
    title: 'the new version has too few instances after a success',
    id: 'H11',
    changes: { world: { ...calm.world, services: [service('app__2', 1), service('app__1', 0)] } },
    says: /app__2 has 1 instances, not 2/,
  },
  {
    title: 'the old version still runs after a success',
    id: 'H11',
    changes: { world: { ...calm.world, services: [service('app__2', 2), service('app__1', 1)] } },
    says: /the old version app__1 still has 1 instances/,
  },
  {
    title: 'a step has registered two revisions',
    id: 'H11',
    changes: {
      world: {
        ...calm.world,
        taskDefinitions: ['a', 'b'].map((arn) => ({
          arn,
          family: 'app',
          status: 'ACTIVE',
          tags: { 'outrider:task-definition': arn, 'outrider:execution': EXECUTION, 'outrider:step': 'p1.1' },
        })),
      },
    },
    says: /2 revisions of app for exe_\w+\/p1\.1: a, b/,
  },
  {
    title: 'the old version is not as it was after a rollback',
    id: 'H11',
    changes: {
      ...withEvent(calm, { type: 'execution-finished', status: 'failed', rollback: 'succeeded', failure: null }, true),
      mutations: [mutation({ resource: 'service/example/app__1', action: 'UpdateService' })],
      world: { ...calm.world, services: [service('app__1', 1)] },
    },
    says: /app__1 has 1 instances, not 2 as before/,
  },
  {
    title: 'a rollback shrinks the new version before the old one is back',
    id: 'H11',
    changes: {
      mutations: ['app__2', 'app__1'].map((name, index) =>
        mutation({
          taskId: `${EXECUTION}/r1.1/1`,
          action: 'UpdateService',
          resource: `service/example/${name}`,
          logical: `UpdateService ${name} {"desiredCount":1}`,
          atMs: 6_000 + index,
        }),
      ),
    },
    says: /app__2 shrank for .*r1\.1\/1 before the old version was back/,
  },
  {
    title: 'an epoch of before a restore is given out again',
    id: 'H12',
    changes: { rolledBack: [restore], grants: [...calm.grants, grant('offered', 30_000)] },
    says: /offered under epoch 1 .*; epoch 1 was given out before/,
  },
  {
    title: 'an epoch of before a restore is taken for the present one',
    id: 'H12',
    changes: { rolledBack: [restore], grants: [...calm.grants, grant('renewed', 30_000)] },
    says: /renewed under epoch 1/,
  },
  {
    title: 'a process ends by itself',
    id: 'H13',
    changes: { failures: [{ atMs: 4, host: 'birch', what: 'TypeError: x' }] },
    says: /birch: TypeError: x/,
  },
  {
    title: 'a step fails as internal',
    id: 'H13',
    changes: withEvent(calm, { type: 'step-failed', ...place, failure, action: 'end' }, false),
    says: /step-failed as internal: oh/,
  },
  {
    title: 'AWS is changed before the facts to undo it are committed',
    id: 'H14',
    changes: { checkpoints: calm.checkpoints.map((made) => ({ ...made, atMs: 4_000 })) },
    says: /CreateService of .* left before its facts \(total\) were committed/,
  },
  {
    title: 'a step is held up until its time is over',
    id: 'H15',
    changes: withEvent(
      calm,
      { type: 'step-failed', ...place, failure: { ...failure, code: 'step-timed-out' }, action: 'end' },
      false,
    ),
    says: /p1\.1: step-timed-out: oh/,
  },
  {
    title: 'an error is logged that no fault explains',
    id: 'H13',
    changes: { errors: [{ atMs: 1, host: 'control-plane', message: 'A message failed', detail: '' }] },
    says: /control-plane logged an error: A message failed/,
  },
];

describe('the invariants of histories', () => {
  test('find nothing wrong with a history in which all is well', () => {
    assert.deepEqual(violationsOf(calm), []);
  });

  test('are numbered from H1 on, and each is stated in words', () => {
    const numbers = INVARIANTS.map(({ id }) => Number(id.slice(1))).toSorted((one, other) => one - other);
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
    );
    for (const { says } of INVARIANTS) assert.match(says, /^[A-Z].{40,}\.$/s);
  });

  for (const { title, id, changes, says } of CASES) {
    test(`${id} finds that ${title}`, () => {
      const found = violationsOf({ ...calm, ...changes }).filter(({ invariant }) => invariant === id);
      assert.ok(
        found.some(({ detail }) => says.test(detail)),
        JSON.stringify(found.map(({ detail }) => detail)),
      );
    });
  }

  test('every one of them is seen to find something', () => {
    const proven = new Set(CASES.map(({ id }) => id));
    assert.deepEqual(
      INVARIANTS.map(({ id }) => id).filter((id) => !proven.has(id)),
      [],
    );
  });
});

describe('what the invariants of histories allow', () => {
  const allowed = (changes: Partial<HistoryRecord>, id: string) =>
    assert.deepEqual(
      violationsOf({ ...calm, ...changes }).filter(({ invariant }) => invariant === id),
      [],
    );

  test('a request on the wire may still take effect when its process is dead, within the time of one call', () => {
    const onTheWire = mutation({ atMs: 11_000, sentAtMs: 9_500, hostAlive: false, action: 'UpdateService' });
    allowed({ mutations: [...calm.mutations, onTheWire] }, 'H7');
    const created = mutation({ hostAlive: false });
    allowed({ mutations: [created, mutation({ atMs: 8_000 })] }, 'H3');
  });

  test('a process that is dead changes nothing any more, whatever it was allowed', () => {
    const died = { atMs: 9_000, kind: 'process:delegate-ended', host: 'amber', detail: '' };
    const holders = [holder, { ...holder, instanceId: 'amber-2', fromMs: 9_500 }];
    allowed({ holders, trace: [died] }, 'H1');
  });

  test('a clone that takes over from a twin that is not connected may believe in its lease as long as that one does', () => {
    const lost = { atMs: 8_300, kind: 'connection:lost', host: 'amber', detail: '' };
    const grants = [...calm.grants.slice(0, 4), grant('reattached', 8_500, { instanceId: 'amber-2' })];
    const twin = { ...holder, host: 'amber-clone', instanceId: 'amber-2', fromMs: 9_000, untilMs: 50_000 };
    allowed({ holders: [holder, twin], grants, trace: [lost] }, 'H1');
  });

  test('a restore takes back what was acknowledged after its backup, and nothing else', () => {
    const gone = { ...answer, executionId: 'exe_GONE' };
    allowed({ answers: [...calm.answers, { ...gone, atMs: 5_000 }], rolledBack: [restore] }, 'H10');
    const kept = { answers: [...calm.answers, { ...gone, atMs: 3_999 }], rolledBack: [restore] };
    assert.ok(violationsOf({ ...calm, ...kept }).some(({ invariant }) => invariant === 'H10'));
  });

  test('events that a restore took back are gone', () => {
    const committed = [
      { atMs: 1_000, executionId: EXECUTION, events: execution.events.slice(0, 3) },
      {
        atMs: 5_000,
        executionId: EXECUTION,
        events: [{ seq: 4, atMs: 0, event: { type: 'step-aborted', ...place, message: '' } }],
      },
      { atMs: 30_000, executionId: EXECUTION, events: execution.events.slice(3) },
    ] as const;
    const taken = { ...restore, executions: [{ executionId: EXECUTION, fromSeq: 3, toSeq: 4 }] };
    allowed({ committed, rolledBack: [taken] }, 'H2');
  });

  test('a service that was changed last by a request on the wire may be as it pleases', () => {
    const changes = withEvent(
      calm,
      { type: 'execution-finished', status: 'failed', rollback: 'succeeded', failure: null },
      true,
    );
    const late = mutation({ hostAlive: false, atMs: 11_000 });
    allowed({ ...changes, mutations: [late], world: { ...calm.world, services: [service('app__2', 1)] } }, 'H11');
    assert.equal(late.resource, SERVICE);
  });
});
