import type { MutationEntry } from '../ports.ts';
import type { PlantContext } from './context.ts';
import type { Operators } from './operators.ts';
import type { FinalWorld, HistoryRecord, StoreDump, StoredExecution, StoredLog } from './record.ts';
import type { StoreDisk } from './store.ts';
import type { Watcher } from './watchers.ts';
import { worldOf } from './world.ts';

export interface Harvest {
  readonly context: PlantContext;
  readonly disk: StoreDisk;
  readonly operators: Operators;
  readonly watchers: readonly Watcher[];
  readonly worldBefore: FinalWorld;
  readonly beganAtMs: number;
  readonly secret: string;
}

/** Everything that is known about the history, now that it is over. */
export async function harvest(from: Harvest): Promise<HistoryRecord> {
  const { context, disk, operators, worldBefore, beganAtMs, secret } = from;
  const { script, scheduler, recorder, aws } = context;
  const store = await storeOf(disk, operators);
  const storedLogs = logsOf(disk);
  if (JSON.stringify(store).includes(secret)) recorder.leak('store', 'the value of a secret');
  for (const { taskId, text } of storedLogs) if (text.includes(secret)) recorder.leak('log', taskId);
  const mutations = aws.journal.entries.map(
    (entry): MutationEntry => ({ ...entry, atMs: entry.atMs - beganAtMs, sentAtMs: entry.sentAtMs - beganAtMs }),
  );
  const { trace, produced, holders, answers, watched, acknowledgements, grants, checkpoints, committed, errors } =
    recorder;
  return {
    script,
    trace,
    traceDigest: recorder.digest(),
    endedAtMs: recorder.nowMs,
    steps: scheduler.events,
    mutations,
    produced,
    storedLogs,
    holders,
    answers,
    watched,
    acknowledgements,
    grants,
    checkpoints,
    committed,
    errors,
    store,
    rolledBack: recorder.rolledBack,
    world: worldOf(aws.state()),
    worldBefore,
    failures: recorder.failures,
    leaks: recorder.leaks,
    faultsInEffect: [...recorder.faultsInEffect].toSorted((one, other) => one - other),
    unended: store.executions.filter(({ events }) => !hasEnded(events)).map(({ id }) => id),
  };
}

function hasEnded(events: StoredExecution['events']): boolean {
  return events.at(-1)?.event.type === 'execution-finished';
}

async function storeOf(disk: StoreDisk, operators: Operators): Promise<StoreDump> {
  const { store } = disk;
  const held = store.snapshot();
  const keys = operators.started;
  const executions: StoredExecution[] = [];
  for (const [id, { summary, events }] of held.executions) {
    executions.push({ id, requestKey: keys.get(id) ?? null, events, summary, verdict: await store.verifyHistory(id) });
  }
  return { executions, tasks: [...held.tasks.values()], pendingEffects: held.effects.size };
}

function logsOf(disk: StoreDisk): StoredLog[] {
  return [...disk.store.snapshot().logs].map(([taskId, chunks]) => {
    const bytes = Buffer.concat(chunks.map((chunk) => chunk.bytes));
    return { taskId, text: bytes.toString('utf8'), bytes: bytes.length };
  });
}
