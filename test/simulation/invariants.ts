import { CHAINS_HOLD, EVERYTHING_ENDS, IN_TIME, ONE_END, WATCHED_ONCE } from './invariants/events.ts';
import { NO_OLD_EPOCH, ONE_LEASE } from './invariants/leases.ts';
import { LOGS_WHOLE } from './invariants/logs.ts';
import { FACTS_BEFORE_CHANGES, MUTATIONS_IN_ORDER, NOTHING_AFTER_THE_END } from './invariants/mutations.ts';
import { NO_DEFECTS, NO_SECRETS } from './invariants/order.ts';
import { ACKNOWLEDGED_IS_DURABLE } from './invariants/promises.ts';
import type { Invariant, Violation } from './invariants/violation.ts';
import { WORLD_AGREES } from './invariants/world.ts';
import type { HistoryRecord } from './plant/record.ts';

export type { Invariant, Violation };

/** What is true of every history, whatever goes wrong in it. */
export const INVARIANTS: readonly Invariant[] = [
  ONE_LEASE,
  ONE_END,
  MUTATIONS_IN_ORDER,
  LOGS_WHOLE,
  EVERYTHING_ENDS,
  CHAINS_HOLD,
  NOTHING_AFTER_THE_END,
  NO_SECRETS,
  WATCHED_ONCE,
  ACKNOWLEDGED_IS_DURABLE,
  WORLD_AGREES,
  NO_OLD_EPOCH,
  NO_DEFECTS,
  FACTS_BEFORE_CHANGES,
  IN_TIME,
];

/** Everything in a history that must not be. */
export function violationsOf(record: HistoryRecord): Violation[] {
  return INVARIANTS.flatMap(({ id, check }) => check(record).map((finding) => ({ ...finding, invariant: id })));
}
