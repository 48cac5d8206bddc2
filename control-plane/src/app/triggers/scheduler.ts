import { type ErrorCode, OutriderError } from '@outrider/shared/errors.ts';
import type { Timers } from '../dispatch/ports.ts';
import type { Logger } from '../logger.ts';
import type { Clock, ExecutionStore } from '../ports.ts';
import { type FiringDependencies, fire, refusalText, starterOf } from './firing.ts';
import type { Firing, TriggerRow, TriggerStore } from './ports.ts';
import { nextTime } from './schedule.ts';
import type { TriggerTimings } from './timings.ts';

export interface SchedulerDependencies extends FiringDependencies {
  readonly store: FiringDependencies['store'] & TriggerStore & Pick<ExecutionStore, 'findIdempotent'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly timings: TriggerTimings;
}

/**
 * Starts workflows at their times, each time once: its key is made of the trigger and the time, so that a start whose noting a crash
 * prevented is found again and not repeated. A time that is long past is noted as missed.
 */
export interface Scheduler {
  start(): void;
  stop(): Promise<void>;
}

/** Schedules that are looked at in one round. */
const PAGE = 100;
/** What may be otherwise in a moment: after a start, delegates come back one by one. */
const MAY_PASS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['store-failed', 'overloaded', 'no-eligible-delegate']);

export function createScheduler(dependencies: SchedulerDependencies): Scheduler {
  const { timers, logger, timings } = dependencies;
  let cancelTimer: () => void = () => undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  const tick = () => {
    running = round(dependencies, () => stopped)
      .catch((thrown: unknown) => logger.warn({}, `Schedules wait: ${OutriderError.from(thrown).message}`))
      .finally(() => {
        if (!stopped) cancelTimer = timers.after(timings.tickMs, tick);
      });
  };
  return {
    start: tick,
    async stop() {
      stopped = true;
      cancelTimer();
      await running;
    },
  };
}

async function round(dependencies: SchedulerDependencies, isStopped: () => boolean): Promise<void> {
  const { store, clock } = dependencies;
  for (const trigger of await store.dueTriggers(clock.now(), PAGE)) {
    if (isStopped()) return;
    await act(dependencies, trigger);
  }
}

async function act(dependencies: SchedulerDependencies, trigger: TriggerRow): Promise<void> {
  const { store, clock, logger } = dependencies;
  const { id, when, nextAtMs: dueMs } = trigger;
  if (when.kind !== 'schedule' || dueMs === null) return;
  const firing = await firingOf(dependencies, trigger, dueMs);
  if (firing === undefined) return;
  const nowMs = clock.now();
  const toMs = nextTime(when.cron, when.timeZone, Math.max(nowMs, dueMs));
  await store.noteFiring(id, firing, { fromMs: dueMs, toMs });
  const fields = { trigger: starterOf(trigger), due: new Date(dueMs).toISOString(), because: firing.because };
  if (firing.outcome === 'started') logger.info({ ...fields, execution: firing.executionId }, 'A schedule has started');
  else logger.warn(fields, `A schedule was ${firing.outcome}`);
}

/** Undefined: nothing can be said yet; it is looked at again with the next round. */
async function firingOf(
  dependencies: SchedulerDependencies,
  trigger: TriggerRow,
  dueMs: number,
): Promise<Firing | undefined> {
  const { store, clock, timings, logger } = dependencies;
  const atMs = clock.now();
  const idempotencyKey = `${trigger.id} ${new Date(dueMs).toISOString()}`;
  const known = await store.findIdempotent(starterOf(trigger), idempotencyKey, atMs);
  if (known !== undefined) return { atMs, outcome: 'started', executionId: known.executionId, because: null };
  if (atMs - dueMs > timings.latestMs) {
    const because = `it was due ${new Date(dueMs).toISOString()}, and nobody was there`;
    return { atMs, outcome: 'missed', executionId: null, because };
  }
  try {
    const wish = { artifacts: {}, variables: {}, reason: 'its schedule', idempotencyKey };
    const { execution } = await fire(dependencies, trigger, wish);
    return { atMs, outcome: 'started', executionId: execution.id, because: null };
  } catch (thrown) {
    const error = OutriderError.from(thrown);
    const { code, message } = error;
    const later = atMs + timings.tickMs - dueMs <= timings.latestMs;
    if (later && MAY_PASS.has(code)) {
      logger.warn({ trigger: starterOf(trigger), code }, `A schedule waits: ${message}`);
      return undefined;
    }
    return { atMs, outcome: 'refused', executionId: null, because: refusalText(error) };
  }
}
