import type { EcsService } from '../aws/ports.ts';
import { primaryOf } from './steady-state.ts';
import { classifyTarget, type Verdict } from './why.ts';

/** Something that may pass by itself keeps the tasks from starting or from being healthy. */
export interface Stuck {
  readonly verdict: Verdict;
  /** How long nothing has moved since. */
  readonly seconds: number;
  /** Why it will never pass; undefined: it may. */
  readonly never: string | undefined;
}

export interface Patience {
  /** What an event says against placing tasks; it holds until as many tasks as wanted have a place. */
  noted(verdict: Verdict): void;
  /** It will not pass, and this is why. */
  never(why: string): void;
  /** Undefined: nothing that may pass is in the way. */
  look(service: EcsService, desired: number, unhealthyTargets: readonly string[]): Stuck | undefined;
}

/**
 * How long a wait has got nowhere for a reason that may pass: missing capacity, a quota, a target group without traffic. ECS
 * tells of it once and is then silent for hours, so that the time counts, not the events.
 */
export function createPatience(clock: { now(): number }): Patience {
  let verdict: Verdict | undefined;
  let why: string | undefined;
  let sinceMs = clock.now();
  let most = 0;
  let idle = false;
  return {
    noted(found) {
      if (verdict === undefined) sinceMs = clock.now();
      verdict = found;
    },
    never(reason) {
      why = reason;
    },
    look(service, desired, unhealthyTargets) {
      const now = clock.now();
      const placed = placedOf(service);
      if (placed > most) {
        most = placed;
        sinceMs = now;
      }
      if (placed >= desired) {
        verdict = undefined;
        why = undefined;
      }
      const [target] = unhealthyTargets;
      const unused = target !== undefined && unhealthyTargets.every((text) => /Target\.NotInUse/.test(text));
      if (unused && !idle) sinceMs = now;
      idle = unused;
      const found = verdict ?? (unused ? classifyTarget(target) : undefined);
      if (found === undefined) return undefined;
      return {
        verdict: found,
        seconds: Math.floor((now - sinceMs) / 1000),
        never: verdict === undefined ? undefined : why,
      };
    },
  };
}

/** Tasks of the deployment that is under way which have a place, running or not yet. */
function placedOf(service: EcsService): number {
  const { running, pending } = primaryOf(service) ?? service;
  return running + pending;
}
