import type { MemorySnapshot } from '@outrider/control-plane/store/memory.ts';
import { RESTORATION_SETTING, readRestoration } from '@outrider/control-plane/store/restoration.ts';
import { CALL_DEADLINE_MS, LEASE_TTL_MS } from '@outrider/shared/protocol/timings.ts';
import { enrol } from './credentials.ts';
import type { Stage } from './director.ts';
import type { RolledBack } from './record.ts';

/** The copy that takes the store's place, and when it was taken. */
export interface Restoring {
  readonly copy: MemorySnapshot;
  readonly toMs: number;
}

/** Until then a delegate that the copy does not know of may still be at work. */
const HOLD_MS = LEASE_TTL_MS + CALL_DEADLINE_MS;

/** The control plane dies and its store becomes what it once was, restored as `outrider restore` does it. */
export async function rollBack(stage: Stage, { copy, toMs }: Restoring): Promise<void> {
  const { context, controlPlane, disk } = stage;
  const { recorder } = context;
  controlPlane.kill();
  const lost = disk.store.snapshot();
  disk.goBack(copy);
  const nowMs = controlPlane.wallMs;
  recorder.note('store:raiseGeneration', 'operator');
  const { generation } = readRestoration(lost.settings.get(RESTORATION_SETTING));
  await disk.store.raiseGeneration(nowMs, nowMs + HOLD_MS, generation);
  // Who has joined since the copy was made joins again, as its credential is not known any more.
  for (const [index, { host }] of stage.places.entries()) {
    const id = host.disk.credentialId;
    if (id === null || (await disk.store.findCredential(id)) !== undefined) continue;
    await enrol(disk.store, context.script.delegates[index]?.name ?? '', id, nowMs);
  }
  recorder.rolledBack.push({ atMs: recorder.nowMs, toMs, ...difference(lost, disk.store.snapshot()) });
  recorder.openExecutions.clear();
  for (const [id, { events }] of copy.executions) {
    if (events.at(-1)?.event.type !== 'execution-finished') recorder.openExecutions.add(id);
  }
}

function difference(lost: MemorySnapshot, now: MemorySnapshot): Pick<RolledBack, 'executions' | 'epochs'> {
  const executions: RolledBack['executions'][number][] = [];
  for (const [executionId, { events }] of lost.executions) {
    const kept = now.executions.get(executionId)?.events.length ?? 0;
    if (kept < events.length) executions.push({ executionId, fromSeq: kept, toSeq: events.length });
  }
  const epochs: RolledBack['epochs'][number][] = [];
  for (const [taskId, { epoch: before }] of lost.tasks) {
    const after = now.tasks.get(taskId)?.epoch ?? 0;
    if (after !== before) epochs.push({ taskId, before, after });
  }
  return { executions, epochs };
}
