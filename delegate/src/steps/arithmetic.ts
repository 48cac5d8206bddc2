import type { Amount } from '@outrider/shared/steps/amount.ts';
import type { ServiceDesired } from '@outrider/shared/steps/target.ts';

/**
 * What an amount means, and what the operator should know about how it was reached. `note` is empty when the number
 * speaks for itself.
 */
export interface Resolved {
  readonly instances: number;
  readonly note: string;
}

/**
 * Instances for an amount out of `total`. A share is rounded half up, but a share above 0 % is never less than one
 * instance: a phase that deploys nothing would prove nothing. A count is never more than the total.
 */
export function resolveAmount(amount: Amount, total: number): Resolved {
  if ('count' in amount) {
    if (amount.count <= total) return { instances: amount.count, note: '' };
    return { instances: total, note: `${amount.count} instances are more than the total: ${total} are used` };
  }
  const exact = (Math.min(amount.percent, 100) * total) / 100;
  const rounded = roundHalfUp(exact);
  if (rounded === 0 && amount.percent > 0 && total > 0) {
    return { instances: 1, note: `${amount.percent}% of ${total} instances is ${text(exact)}: at least 1 is used` };
  }
  const note =
    rounded === exact ? '' : `${amount.percent}% of ${total} instances is ${text(exact)}: ${rounded} are used`;
  return { instances: rounded, note };
}

/** Whether nothing is left for a later step: everything that is to run, runs in the new version. */
export function reachesTotal(amount: Amount, total: number): boolean {
  return 'count' in amount ? amount.count >= total : amount.percent >= 100;
}

export interface Downsizing {
  readonly desired: Amount;
  /** How much of the old version is to remain; left out: one old out per new in. */
  readonly remain: Amount | undefined;
  readonly total: number;
  readonly newBefore: number;
  readonly newAfter: number;
  /** Instances of all old versions together. */
  readonly oldTotal: number;
}

/** How many instances the old versions give up (harness-facts §1.3). */
export function downsizeBy(input: Downsizing): number {
  const { desired, remain, total, oldTotal } = input;
  if (remain !== undefined) {
    const kept = resolveAmount(remain, total === 0 ? oldTotal : total).instances;
    return Math.max(oldTotal - kept, 0);
  }
  if (total === 0) return resolveAmount(desired, oldTotal).instances;
  if (reachesTotal(desired, total)) return oldTotal;
  return Math.min(Math.max(input.newAfter - input.newBefore, 0), oldTotal);
}

/** Takes `removed` instances from the versions in the order given (oldest first): what each is to have afterwards. */
export function spendOver(versions: readonly ServiceDesired[], removed: number): ServiceDesired[] {
  let left = removed;
  return versions.map((version) => {
    const taken = Math.min(left, version.desired);
    left -= taken;
    return { name: version.name, desired: version.desired - taken };
  });
}

function roundHalfUp(value: number): number {
  // 2.5 % of 20 is 0.5000000000000001 or 0.4999999999999999 in binary: the last digits must not decide.
  return Math.floor(Number(value.toFixed(6)) + 0.5);
}

function text(value: number): string {
  return String(Number(value.toFixed(3)));
}
