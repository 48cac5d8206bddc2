import { HEARTBEAT_MS, LEASE_TTL_MS, SELF_FENCE_SHARE } from '@outrider/shared/protocol/timings.ts';
import type { HistoryRecord } from '../plant/record.ts';
import type { FaultKind, HolderSpan, LeaseGrant } from '../ports.ts';
import { spanOf } from '../script-check.ts';
import { type Finding, groupBy, type Invariant } from './violation.ts';

/** Who may work on a task, and when: H1 and H12. */

export const ONE_LEASE: Invariant = {
  id: 'H1',
  says:
    'A task has at most one valid lease: the store lets only the instance that holds the present epoch accept, renew, checkpoint, log and ' +
    'end it; of two instances or two epochs never both believe at a moment that they may change AWS, and nobody does once the control plane ' +
    'has taken the task for over. No instance takes the work of another one of its name that is connected. A clone that takes the work of ' +
    'its twin while that one is not connected cannot be told from a restart: for two thirds of a lease both may believe.',
  check: (record) => [
    ...overlappingHolders(record),
    ...holdersOfWithdrawn(record),
    ...wrongGrants(record),
    ...takenFromConnected(record),
  ],
};

export const NO_OLD_EPOCH: Invariant = {
  id: 'H12',
  says: 'After a restore of the store no epoch that was given out before it is given out again, or taken for the present one.',
  check: epochsFromBefore,
};

function overlappingHolders(record: HistoryRecord): Finding[] {
  const findings: Finding[] = [];
  const living = record.holders.map((span) => untilItsDeath(span, record.trace));
  for (const spans of groupBy(living, ({ taskId }) => taskId).values()) {
    const sorted = spans.toSorted((one, other) => one.fromMs - other.fromMs);
    for (const [index, span] of sorted.entries()) {
      const rival = sorted
        .slice(index + 1)
        .find((other) => other.fromMs < span.untilMs && isRival(span, other) && !isTwin(span, other, record));
      if (rival !== undefined) findings.push(overlap(span, rival));
    }
  }
  return findings;
}

function holdersOfWithdrawn(record: HistoryRecord): Finding[] {
  const withdrawn = record.grants.filter(({ kind }) => kind === 'withdrawn');
  return withdrawn.flatMap(({ taskId, atMs }) => {
    const spans = record.holders.filter((span) => span.taskId === taskId && span.fromMs <= atMs && atMs < span.untilMs);
    return spans
      .map((span) => untilItsDeath(span, record.trace))
      .filter((span) => atMs < span.untilMs)
      .map(({ host, untilMs }) => ({
        detail: `${taskId} was withdrawn, and ${host} may change AWS for it until ${untilMs}`,
        about: [taskId, host],
        atMs,
      }));
  });
}

/** A dead process believes nothing; what it had sent is on the wire (H3). */
function untilItsDeath(span: HolderSpan, trace: HistoryRecord['trace']): HolderSpan {
  const died = trace.find(({ atMs, kind, host }) => kind === ENDED && host === span.host && atMs >= span.fromMs);
  return died === undefined || died.atMs >= span.untilMs ? span : { ...span, untilMs: died.atMs };
}

function isRival(one: HolderSpan, other: HolderSpan): boolean {
  return one.epoch !== other.epoch || one.instanceId !== other.instanceId;
}

/** The work was taken over under the same epoch, no longer ago than the one before can believe in its lease. */
function isTwin(one: HolderSpan, other: HolderSpan, { grants }: HistoryRecord): boolean {
  if (one.epoch !== other.epoch) return false;
  const instances = new Set([one.instanceId, other.instanceId]);
  return grants.some(
    ({ kind, taskId, instanceId, atMs }) =>
      kind === 'reattached' &&
      taskId === one.taskId &&
      instances.has(instanceId ?? '') &&
      atMs <= other.fromMs &&
      Math.min(one.untilMs, other.untilMs) <= atMs + BELIEF_MS,
  );
}

const BELIEF_MS = LEASE_TTL_MS * SELF_FENCE_SHARE;

function takenFromConnected(record: HistoryRecord): Finding[] {
  const findings: Finding[] = [];
  for (const [taskId, grants] of groupBy(record.grants, (grant) => grant.taskId)) {
    for (const [index, { kind, instanceId, atMs }] of grants.entries()) {
      if (kind !== 'reattached') continue;
      const before = grants.slice(0, index).findLast((grant) => grant.instanceId !== null);
      if (before === undefined || before.instanceId === instanceId || before.kind === 'offered') continue;
      const from = before.instanceId ?? '';
      if (!isConnected(record, from, before.atMs, atMs)) continue;
      const detail = `${instanceId ?? ''} took over ${taskId} from ${from}, which was connected and renewed it at ${before.atMs}`;
      findings.push({ detail, about: [taskId], atMs });
    }
  }
  return findings;
}

/** It was heard of a moment ago over a connection that still is, and nothing disturbs that. */
function isConnected(
  { trace, holders, script }: HistoryRecord,
  instanceId: string,
  fromMs: number,
  toMs: number,
): boolean {
  const held = holders.find((span) => span.instanceId === instanceId);
  if (held === undefined || toMs - fromMs > HEARTBEAT_MS) return false;
  const { host } = held;
  const until = trace.filter(({ atMs }) => atMs <= toMs + LOSS_IS_HEARD_MS);
  // Each process is an instance of its own: this one's has ended, and what it had said was only heard later.
  if (until.some((entry) => entry.host === host && entry.kind === ENDED && entry.atMs >= held.fromMs)) return false;
  const last = until.findLast((entry) => entry.host === host && CONNECTION.test(entry.kind));
  if (last?.kind !== 'message:hello' || last.atMs > fromMs - GREETING_MS) return false;
  // What is said then is heard late, or not at all, so that nobody can tell who is connected.
  const unclear = script.faults.filter(({ kind }) => UNCLEAR.has(kind));
  if (unclear.some((fault) => fault.atMs <= toMs && spanOf(fault, script.calmFromMs).toMs >= last.atMs)) return false;
  return !until.some(({ atMs, kind }) => atMs >= fromMs && DISTURBANCE.test(kind));
}

const ENDED = 'process:delegate-ended';
const CONNECTION = /^(message:hello|connection:lost|process:delegate-ended)$/;
const DISTURBANCE = /^(process:control-plane-ended|fault:reset)$/;
const UNCLEAR: ReadonlySet<FaultKind> = new Set(['messages', 'partition', 'freeze-delegate', 'freeze-control-plane']);
/** Who says Hello is connected when it has been greeted; what is heard of it meanwhile was said over its connection before. */
const GREETING_MS = 1_000;
/** The two ends of a connection hear of its end one after the other, and of what was said before it. */
const LOSS_IS_HEARD_MS = 1_000;

function overlap(one: HolderSpan, other: HolderSpan): Finding {
  return {
    detail:
      `${one.host} (${one.instanceId}, epoch ${one.epoch}) may change AWS for ${one.taskId} until ${one.untilMs}, ` +
      `${other.host} (${other.instanceId}, epoch ${other.epoch}) from ${other.fromMs} on`,
    about: [one.taskId, one.host, other.host],
    atMs: other.fromMs,
  };
}

/** A task as the grants so far leave it. */
interface Standing {
  readonly epoch: number;
  readonly instanceId: string | null;
  readonly state: 'queued' | 'offered' | 'leased' | 'ended';
}

const UNOFFERED: Standing = { epoch: 0, instanceId: null, state: 'queued' };

function wrongGrants(record: HistoryRecord): Finding[] {
  const findings: Finding[] = [];
  for (const grants of groupBy(record.grants, ({ taskId }) => taskId).values()) {
    let standing: Standing | undefined = UNOFFERED;
    let restores = 0;
    for (const grant of grants) {
      const restored = record.rolledBack.filter(({ atMs }) => atMs < grant.atMs).length;
      // What the store that came back makes of the task is shown by the next offer.
      if (restored > restores) standing = undefined;
      restores = restored;
      const wrong = standing === undefined ? undefined : objectionTo(standing, grant);
      if (wrong !== undefined) {
        const detail = `${grant.kind} under epoch ${grant.epoch} by ${grant.instanceId ?? 'nobody'}: ${wrong}`;
        findings.push({ detail: `${grant.taskId}: ${detail}`, about: [grant.taskId], atMs: grant.atMs });
      }
      standing = after(standing, grant);
    }
  }
  return findings;
}

function objectionTo(now: Standing, grant: LeaseGrant): string | undefined {
  if (grant.kind === 'offered') {
    if (now.state !== 'queued') return `it is ${now.state}`;
    return grant.epoch > now.epoch ? undefined : `epoch ${now.epoch} was given out already`;
  }
  if (grant.kind === 'withdrawn') return now.state === 'ended' ? 'it has ended' : undefined;
  if (grant.epoch !== now.epoch) return `it is at epoch ${now.epoch}`;
  // A log may be added to at any time under the present epoch, by the control plane as well.
  if (grant.kind === 'logged') return undefined;
  const wanted = grant.kind === 'accepted' || grant.kind === 'returned' ? 'offered' : 'leased';
  if (now.state !== wanted) return `it is ${now.state}`;
  const sameHolder = grant.kind === 'accepted' || grant.kind === 'renewed';
  if (sameHolder && grant.instanceId !== now.instanceId) return `${now.instanceId ?? 'nobody'} has it`;
  return undefined;
}

function after(now: Standing | undefined, grant: LeaseGrant): Standing | undefined {
  const { epoch, instanceId } = grant;
  switch (grant.kind) {
    case 'offered':
      return { epoch, instanceId, state: 'offered' };
    case 'accepted':
    case 'reattached':
      return { epoch, instanceId, state: 'leased' };
    case 'returned':
    case 'released':
      return { epoch, instanceId: null, state: 'queued' };
    case 'ended':
    case 'withdrawn':
      return { epoch: Math.max(epoch, now?.epoch ?? 0), instanceId: null, state: 'ended' };
    default:
      return now;
  }
}

function epochsFromBefore(record: HistoryRecord): Finding[] {
  const findings: Finding[] = [];
  for (const restore of record.rolledBack) {
    const before = new Map<string, number>();
    for (const { taskId, epoch, atMs } of record.grants) {
      if (atMs <= restore.atMs) before.set(taskId, Math.max(epoch, before.get(taskId) ?? 0));
    }
    for (const grant of record.grants) {
      // Offers alone give out epochs: what was only queued has none that anybody could remember.
      const old = before.get(grant.taskId);
      if (grant.atMs <= restore.atMs || old === undefined || grant.kind === 'withdrawn') continue;
      if (grant.epoch > old) continue;
      const detail = `${grant.kind} under epoch ${grant.epoch} of ${grant.taskId}, restored at ${restore.atMs}; epoch ${old} was given out before`;
      findings.push({ detail, about: [grant.taskId], atMs: grant.atMs });
    }
  }
  return findings;
}
