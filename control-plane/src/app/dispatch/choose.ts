import { type DelegateView, matchDelegates } from '../../domain/fleet/match.ts';
import type { TaskRow } from '../ports.ts';
import type { Session } from './registry.ts';

/** Which session a queued task is offered to. Pure: what is known goes in, who gets it comes out. */

export interface Candidate {
  readonly session: Pick<Session, 'delegate' | 'instanceId' | 'tags' | 'stepTypes' | 'lastOfferMs'>;
  readonly slotsFree: number;
  readonly takesOffers: boolean;
}

export type Choice<C extends Candidate> =
  | { readonly kind: 'offer'; readonly to: C }
  /** Somebody could, later: all slots are taken. */
  | { readonly kind: 'full' }
  /** Nobody can; one line for each delegate that says why. */
  | { readonly kind: 'nobody'; readonly because: readonly string[] };

export interface Preferences {
  /** The delegate that worked for this execution before: its caches are warm, its lines are together. */
  readonly worker: string | undefined;
  /** Instances that let an offer of this task go by: tried again only when there is no other. */
  readonly declined: ReadonlySet<string>;
}

export function chooseSession<C extends Candidate>(
  task: Pick<TaskRow, 'selectors' | 'stepType'>,
  candidates: readonly C[],
  fleet: readonly DelegateView[],
  preferences: Preferences,
): Choice<C> {
  const able = candidates.filter((candidate) => candidate.takesOffers && fits(task, candidate.session));
  if (able.length === 0) return { kind: 'nobody', because: reasons(task, fleet) };
  const free = able.filter((candidate) => candidate.slotsFree > 0);
  const [best] = free.toSorted((a, b) => rank(a, b, preferences));
  return best === undefined ? { kind: 'full' } : { kind: 'offer', to: best };
}

/** One line for each delegate: `NAME: it lacks the tag vpc (it has edge)`. */
export function reasons(task: Pick<TaskRow, 'selectors' | 'stepType'>, fleet: readonly DelegateView[]): string[] {
  if (fleet.length === 0) return ['no delegate has ever connected'];
  const { ineligible } = matchDelegates(task, fleet);
  return ineligible.map(({ name, reasons: why }) => `${name}: ${why.join('; ')}`);
}

function fits(task: Pick<TaskRow, 'selectors' | 'stepType'>, session: Candidate['session']): boolean {
  const has = (selector: string) => selector === session.delegate || session.tags.includes(selector);
  return task.selectors.every(has) && session.stepTypes.includes(task.stepType);
}

function rank(a: Candidate, b: Candidate, { worker, declined }: Preferences): number {
  return (
    Number(declined.has(a.session.instanceId)) - Number(declined.has(b.session.instanceId)) ||
    Number(b.session.delegate === worker) - Number(a.session.delegate === worker) ||
    b.slotsFree - a.slotsFree ||
    a.session.lastOfferMs - b.session.lastOfferMs ||
    (a.session.instanceId < b.session.instanceId ? -1 : 1)
  );
}

/** How many tasks are offered to or leased by each instance. */
export function busyByInstance(rows: readonly TaskRow[]): Map<string, number> {
  const busy = new Map<string, number>();
  for (const { state, instanceId } of rows) {
    if (instanceId === null || (state !== 'offered' && state !== 'leased')) continue;
    busy.set(instanceId, (busy.get(instanceId) ?? 0) + 1);
  }
  return busy;
}

/** Those that may be offered now, in the order in which they are: oldest first. */
export function offerable(rows: readonly TaskRow[], now: number): readonly TaskRow[] {
  return rows.filter((row) => row.state === 'queued' && row.cancel === null && row.notBeforeMs <= now);
}
