/** What a row must still be for a change of it to hold. Pure. */

interface Held<State extends string = string> {
  readonly state: State;
  readonly epoch: number;
  readonly instanceId: string | null;
  readonly leaseUntilMs: number | null;
}
interface Seen extends Omit<Held, 'leaseUntilMs'> {
  /** Left out: renewals do not matter. */
  readonly leaseUntilMs?: number | null;
}

/** A row as a decision is made on it. */
export function seenOf<State extends string>(row: Held<State>): Held<State> {
  const { state, epoch, instanceId, leaseUntilMs } = row;
  return { state, epoch, instanceId, leaseUntilMs };
}

/** `instanceId` undefined: nobody asks which instance it is. */
export function isHolder(row: Pick<Held, 'instanceId'>, instanceId: string | undefined): boolean {
  return instanceId === undefined || row.instanceId === instanceId;
}

/** The row is not any more what a decision was made on. */
export function hasMovedOn(row: Held, seen: Seen | undefined): boolean {
  if (seen === undefined) return false;
  const { state, epoch, instanceId, leaseUntilMs } = seen;
  if (row.state !== state || row.epoch !== epoch || row.instanceId !== instanceId) return true;
  return leaseUntilMs !== undefined && row.leaseUntilMs !== leaseUntilMs;
}
