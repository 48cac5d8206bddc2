import type {
  CommitInput,
  ResourceRef,
  Store,
  TaskChange,
  TaskRow,
  TaskSeen,
} from '@outrider/control-plane/app/ports.ts';
import type { OperationName } from '@outrider/control-plane/store/operations.ts';
import { RESTORATION_SETTING } from '@outrider/control-plane/store/restoration.ts';
import { taskId } from '@outrider/shared/ids.ts';
import type { TaskRef } from '@outrider/shared/protocol/messages.ts';
import { commitOf, eventsFrom, logLines, stepTaskOf, summaryOf, T0 } from './fixtures.ts';
import { fleetBuilders, keyBuilders } from './fleet-moves.ts';
import { type Ask, type Builder, Picker, WORLD } from './picker.ts';
import { triggerBuilders } from './trigger-moves.ts';
import { DELIVERY_IDS, webhookBuilders } from './webhook-moves.ts';

/** One step of a random history: which operation, and numbers from which its input is made. */
export interface Move {
  readonly kind: OperationName;
  readonly picks: readonly number[];
}

/** Makes the input of a move fit what the oracle holds now, so that most moves succeed and some just fail. */
export async function askOf(move: Move, oracle: Store): Promise<Ask> {
  return BUILDERS[move.kind](new Picker(move.picks), oracle);
}

const BUILDERS: Readonly<Record<OperationName, Builder>> = {
  check: () => (store) => store.check(),
  ...resourceBuilders(),
  ...executionBuilders(),
  ...taskBuilders(),
  ...logBuilders(),
  ...fleetBuilders(),
  ...keyBuilders(),
  ...webhookBuilders(),
  ...triggerBuilders(),
};

function resourceBuilders() {
  const refOf = (pick: Picker): ResourceRef => ({
    kind: pick.oneOf(['Service', 'Workflow'] as const),
    application: pick.oneOf(WORLD.applications),
    name: pick.oneOf(WORLD.names),
  });
  const ifVersion = (pick: Picker) => (pick.rarely(2) ? { ifVersion: pick.below(3) } : {});
  return {
    putResources: (pick) => {
      const puts = Array.from({ length: 1 + pick.below(2) }, () => ({
        ...refOf(pick),
        document: { spec: pick.below(3), name: 'ü"' },
        ...ifVersion(pick),
      }));
      const at = pick.time();
      return (store) => store.putResources(puts, 'ada', at);
    },
    getResource: (pick) => {
      const ref = refOf(pick);
      const version = pick.below(4);
      return (store) => (version === 0 ? store.getResource(ref) : store.getResource(ref, version));
    },
    listResources: (pick) => {
      const options = {
        ...(pick.rarely(2) ? { application: pick.oneOf(WORLD.applications) } : {}),
        ...(pick.rarely(3) ? { after: refOf(pick) } : {}),
        limit: 1 + pick.below(4),
      };
      return (store) => store.listResources('Service', options);
    },
    deleteResource: (pick) => {
      const ref = refOf(pick);
      const { ifVersion: version } = { ifVersion: undefined, ...ifVersion(pick) };
      return (store) => store.deleteResource(ref, version);
    },
  } satisfies Partial<Record<OperationName, Builder>>;
}

async function commitMove(pick: Picker, oracle: Store): Promise<Ask> {
  const id = pick.oneOf(WORLD.executions);
  const seq = (await oracle.readEvents(id, 0, 10_000)).length;
  const expectedSeq = pick.rarely(8) ? pick.below(4) : seq;
  const count = pick.below(3);
  const task = pick.rarely(2) ? await changeOf(pick, oracle) : undefined;
  const executionId = task === undefined || pick.rarely(10) ? id : task.taskId.slice(0, 30);
  const seqThere = executionId === id ? expectedSeq : (await oracle.readEvents(executionId, 0, 10_000)).length;
  const input: CommitInput = {
    ...commitOf(executionId, seqThere, { count }),
    events: eventsFrom(seqThere + (pick.rarely(15) ? 2 : 1), count),
    effects: pick.rarely(2) ? [effectOf(executionId, seqThere + 1), effectOf(executionId, seqThere + 2)] : [],
    summary: summaryOf(executionId, {
      status: pick.oneOf(WORLD.statuses),
      application: pick.oneOf(WORLD.applications),
      workflow: pick.oneOf(WORLD.names),
    }),
    ...(task === undefined ? {} : { task }),
    ...(pick.rarely(4)
      ? {
          idempotency: {
            scope: 'ada',
            key: pick.oneOf(WORLD.ids),
            requestDigest: pick.oneOf(WORLD.ids),
            atMs: T0 + pick.below(4) * 43_200_000,
          },
        }
      : {}),
  };
  return (store) => store.commit(input);
}

function executionBuilders() {
  return {
    commit: commitMove,
    readEvents: (pick) => {
      const [id, after, limit] = [pick.oneOf(WORLD.executions), pick.below(4), pick.below(5)];
      return (store) => store.readEvents(id, after, limit);
    },
    getSummary: (pick) => {
      const id = pick.oneOf(WORLD.executions);
      return (store) => store.getSummary(id);
    },
    listSummaries: (pick) => {
      const options = {
        ...(pick.rarely(2) ? { statuses: WORLD.statuses.slice(pick.below(3)) } : {}),
        ...(pick.rarely(3) ? { application: pick.oneOf(WORLD.applications) } : {}),
        ...(pick.rarely(3) ? { workflow: pick.oneOf(WORLD.names) } : {}),
        ...(pick.rarely(3) ? { before: pick.oneOf(WORLD.executions) } : {}),
        limit: pick.below(5),
      };
      return (store) => store.listSummaries(options);
    },
    pendingEffects: (pick) => {
      const limit = 1 + pick.below(5);
      const id = pick.rarely(2) ? pick.oneOf(WORLD.executions) : undefined;
      return (store) => store.pendingEffects(limit, id);
    },
    effectDone: async (pick, oracle) => {
      const effects = await oracle.pendingEffects(10);
      const id = effects.length === 0 ? 'none' : pick.oneOf(effects).id;
      return (store) => store.effectDone(id);
    },
    findIdempotent: (pick) => {
      const [key, at] = [pick.oneOf(WORLD.ids), T0 + pick.below(4) * 43_200_000];
      return (store) => store.findIdempotent('ada', key, at);
    },
    verifyHistory: (pick) => {
      const id = pick.oneOf(WORLD.executions);
      return (store) => store.verifyHistory(id);
    },
  } satisfies Partial<Record<OperationName, Builder>>;
}

function effectOf(executionId: string, seq: number) {
  return {
    id: `${executionId}/${seq}/0`,
    executionId,
    effect: { kind: 'cancel-task', stepId: 'p1.1', attempt: 1, reason: 'aborted', message: `${seq}` },
  } as const;
}

/** Each change of a task with the state in which the task is best for it; the last of each is for its repetition. */
const CHANGES = [
  ['accepted', 'offered'],
  ['accepted', 'offered'],
  ['accepted', 'leased'],
  ['checkpointed', 'leased'],
  ['checkpointed', 'leased'],
  ['released', 'leased'],
  ['released', 'queued'],
  ['ended', 'leased'],
  ['ended', 'ended'],
  ['withdrawn', 'offered'],
  ['withdrawn', 'ended'],
] as const;

async function changeOf(pick: Picker, oracle: Store): Promise<TaskChange> {
  const [kind, state] = pick.oneOf(CHANGES);
  const row = await someTask(pick, oracle, state);
  const ref = refTo(pick, row);
  switch (kind) {
    case 'accepted': {
      const instanceId = pick.rarely(4) ? pick.oneOf(WORLD.instances).instanceId : (row.instanceId ?? 'a');
      return { kind: 'accepted', ...ref, instanceId, leaseUntilMs: pick.time() };
    }
    case 'checkpointed': {
      const sequence = row.checkpointSequence + pick.below(3);
      const facts = { [pick.oneOf(WORLD.ids)]: pick.below(3) };
      return { kind: 'checkpointed', ...ref, ...speaker(pick, row), sequence, facts };
    }
    case 'released':
      return { kind: 'released', ...ref, notBeforeMs: pick.time(), ...seen(pick, row), ...lastWords(pick) };
    case 'ended':
      return {
        kind: 'ended',
        ...ref,
        ...speaker(pick, row),
        resultSha256: row.resultSha256 ?? pick.oneOf(WORLD.secrets),
      };
    case 'withdrawn':
      return { kind: 'withdrawn', taskId: ref.taskId, ...seen(pick, row), ...lastWords(pick) };
  }
}

/** Which instance says it: nobody asks, the one that has the task, or another. */
function speaker(pick: Picker, row: Pick<TaskRow, 'instanceId'>): { readonly instanceId?: string } {
  if (pick.rarely(3)) return {};
  return { instanceId: pick.rarely(4) ? pick.oneOf(WORLD.instances).instanceId : (row.instanceId ?? 'a') };
}

function lastWords(pick: Picker): { readonly lastWords?: Uint8Array } {
  return pick.rarely(2) ? {} : { lastWords: logLines(pick.below(3), pick.below(10)) };
}

/** What the decision was made on: nothing in particular, the row as it is, or as it was. */
function seen(pick: Picker, row: Pick<TaskRow, keyof TaskSeen>): { readonly seen?: TaskSeen } {
  if (pick.rarely(2)) return {};
  const { state, epoch, instanceId, leaseUntilMs } = row;
  const lease = pick.rarely(3) ? {} : { leaseUntilMs: pick.rarely(3) ? pick.time() : leaseUntilMs };
  return {
    seen: { state: pick.rarely(5) ? 'queued' : state, epoch: epoch - (pick.rarely(6) ? 1 : 0), instanceId, ...lease },
  };
}

/** A task, one in the wanted state if there is any; for a world without tasks, what one would be. */
async function someTask(pick: Picker, oracle: Store, state?: TaskRow['state']) {
  const ids = WORLD.executions.flatMap((id) => WORLD.steps.map((step) => taskId(id, step, 1)));
  const rows = (await Promise.all(ids.map((id) => oracle.getTask(id)))).filter((row) => row !== undefined);
  const wanted = rows.filter((row) => row.state === state);
  if (rows.length === 0 || pick.rarely(12)) {
    return {
      taskId: pick.oneOf(ids),
      epoch: 1,
      instanceId: 'a',
      delegate: 'vpc-1',
      state: 'leased' as const,
      leaseUntilMs: null,
      checkpointSequence: 0,
      logBytes: 0,
      resultSha256: null,
    };
  }
  return pick.oneOf(wanted.length === 0 || pick.rarely(6) ? rows : wanted);
}

function refTo(pick: Picker, row: TaskRef): TaskRef {
  return { taskId: row.taskId, epoch: pick.rarely(8) ? row.epoch - 1 + pick.below(3) : row.epoch };
}

function taskBuilders() {
  return {
    enqueueTask: (pick) => {
      const task = {
        task: stepTaskOf(pick.oneOf(WORLD.executions), pick.oneOf(WORLD.steps)),
        selectors: [pick.oneOf(WORLD.ids)],
        repeatable: pick.rarely(2),
        timeoutSeconds: 60 + pick.below(3),
        notBeforeMs: pick.time(),
        atMs: pick.time(),
      };
      return (store) => store.enqueueTask(task);
    },
    getTask: async (pick, oracle) => {
      const { taskId: id } = await someTask(pick, oracle);
      return (store) => store.getTask(id);
    },
    livingTasks: () => (store) => store.livingTasks(),
    offerTask: async (pick, oracle) => {
      const { taskId: id } = await someTask(pick, oracle, 'queued');
      const [to, now] = [pick.oneOf(WORLD.instances), pick.time()];
      return (store) => store.offerTask(id, to, now, now + 10_000);
    },
    returnOffer: async (pick, oracle) => {
      const ref = refTo(pick, await someTask(pick, oracle, 'offered'));
      const at = pick.time();
      return (store) => store.returnOffer(ref, at);
    },
    renewLeases: async (pick, oracle) => {
      const rows = [await someTask(pick, oracle, 'leased'), await someTask(pick, oracle, 'leased')];
      const refs = rows.map((row) => refTo(pick, row));
      const instanceId = rows[0]?.instanceId ?? 'a';
      const until = pick.time() + 30_000;
      return (store) => store.renewLeases(instanceId, refs, until);
    },
    reattachTask: async (pick, oracle) => {
      const row = await someTask(pick, oracle, pick.rarely(3) ? 'ended' : 'leased');
      const ref = refTo(pick, row);
      const to = pick.oneOf(WORLD.instances);
      const delegate = pick.rarely(4) ? to.delegate : (row.delegate ?? to.delegate);
      const until = pick.time() + 30_000;
      return (store) => store.reattachTask(ref, delegate, to.instanceId, until);
    },
    extendAllLeases: (pick) => {
      const until = pick.time() + 28_000;
      return (store) => store.extendAllLeases(until);
    },
    cancelTask: async (pick, oracle) => {
      const { taskId: id } = await someTask(pick, oracle);
      const reason = pick.oneOf(['aborted', 'timed-out', 'rolling-back'] as const);
      return (store) => store.cancelTask(id, reason, reason);
    },
    raiseGeneration: (pick) => {
      const at = pick.time();
      const notBefore = at + pick.below(3) * 1_000;
      const above = pick.rarely(3) ? pick.below(6) : undefined;
      return (store) => store.raiseGeneration(at, notBefore, above);
    },
  } satisfies Partial<Record<OperationName, Builder>>;
}

function logBuilders() {
  return {
    appendLog: async (pick, oracle) => {
      const row = await someTask(pick, oracle);
      const ref = refTo(pick, row);
      const offset = Math.max(row.logBytes + (pick.rarely(4) ? pick.below(200) - 100 : 0), 0);
      const bytes = logLines(pick.rarely(20) ? 4_000 : pick.below(4), pick.below(10));
      const by = { ...ref, ...speaker(pick, row) };
      return (store) => store.appendLog(by, offset, bytes);
    },
    readLog: async (pick, oracle) => {
      const { taskId: id, logBytes } = await someTask(pick, oracle);
      const [from, limit] = [pick.below(logBytes + 2), pick.oneOf([0, 100, 100_000])];
      return (store) => store.readLog(id, from, limit);
    },
    logDigest: async (pick, oracle) => {
      const { taskId: id } = await someTask(pick, oracle);
      return (store) => store.logDigest(id);
    },
  } satisfies Partial<Record<OperationName, Builder>>;
}

/** Everything that a store of this world holds. */
export async function dump(store: Store): Promise<unknown> {
  const tasks = WORLD.executions.flatMap((id) => WORLD.steps.map((step) => taskId(id, step, 1)));
  const refs = (['Service', 'Workflow'] as const).flatMap((kind) =>
    WORLD.applications.flatMap((application) => WORLD.names.map((name) => ({ kind, application, name }))),
  );
  const versions = refs.flatMap((ref) => [1, 2, 3, 4, 5, 6, 7, 8].map((version) => store.getResource(ref, version)));
  return {
    resources: await Promise.all([
      store.listResources('Service', { limit: 100 }),
      store.listResources('Workflow', { limit: 100 }),
    ]),
    versions: await Promise.all(versions),
    summaries: await store.listSummaries({ limit: 100 }),
    events: await Promise.all(WORLD.executions.map((id) => store.readEvents(id, 0, 10_000))),
    histories: await Promise.all(WORLD.executions.map((id) => store.verifyHistory(id))),
    effects: await store.pendingEffects(10_000),
    keysUsed: await Promise.all(WORLD.ids.map((key) => store.findIdempotent('ada', key, T0))),
    living: await store.livingTasks(),
    tasks: await Promise.all(tasks.map((id) => store.getTask(id))),
    logs: await Promise.all(tasks.map((id) => store.readLog(id, 0, 100_000_000))),
    digests: await Promise.all(tasks.map((id) => store.logDigest(id))),
    triggers: await store.listTriggers(),
    webhooks: await store.listWebhooks(),
    deliveries: await Promise.all(DELIVERY_IDS.map((id) => store.getDelivery(id))),
    delegates: await store.listDelegates(),
    tokens: await store.listJoinTokens(),
    credentials: await Promise.all(
      Array.from({ length: 6 }, (_, index) => store.findCredential(`credential-${index}`)),
    ),
    apiKeys: await store.listApiKeys(),
    settings: await Promise.all([...WORLD.ids, RESTORATION_SETTING].map((key) => store.getSetting(key))),
  };
}
