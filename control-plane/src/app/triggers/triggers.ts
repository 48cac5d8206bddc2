import { createHash, timingSafeEqual } from 'node:crypto';
import { OutriderError } from '@outrider/shared/errors.ts';
import { sortableId } from '@outrider/shared/ids.ts';
import type { StartedExecution } from '../executions-port.ts';
import type { Logger } from '../logger.ts';
import type { Clock, Randomness, ResourceStore } from '../ports.ts';
import { type FiringDependencies, type FiringWish, fire, refusalText, starterOf } from './firing.ts';
import type { Firing, TriggerRef, TriggerRow, TriggerStore, TriggerWhen } from './ports.ts';
import { nextTime } from './schedule.ts';
import type { TriggerTimings } from './timings.ts';

/** A trigger without what opens it. */
export type TriggerInfo = Omit<TriggerRow, 'tokenSha256'> & { readonly hasToken: boolean };
export interface TriggerWish extends Pick<TriggerRow, 'workflow' | 'artifacts' | 'variables' | 'enabled'> {
  readonly when: TriggerWhen;
}
/** Who makes or changes it. */
export interface TriggerMaker {
  readonly name: string;
  readonly keyId: string | null;
}

/** What operators and callers do with triggers, as the HTTP API offers it. @throws not-found for what is not there */
export interface Triggers {
  /**
   * Makes or replaces it; it stands on the key of who saved it last. A token stays good while it stays a webhook.
   * @throws request-invalid, reference-missing, overloaded at the limit of MAX_TRIGGERS
   */
  put(ref: TriggerRef, wish: TriggerWish, by: TriggerMaker): Promise<{ info: TriggerInfo; created: boolean }>;
  get(ref: TriggerRef): Promise<TriggerInfo>;
  list(application?: string): Promise<readonly TriggerInfo[]>;
  remove(ref: TriggerRef): Promise<void>;
  /** Makes a token, answered this once; the one before opens nothing any more. @throws not-allowed-now for a schedule */
  newToken(ref: TriggerRef): Promise<string>;
  /** Starts it for a caller. @throws not-authenticated, and what a start throws */
  call(token: string, wish: FiringWish): Promise<StartedExecution>;
}

export interface TriggersDependencies extends FiringDependencies {
  readonly store: FiringDependencies['store'] & TriggerStore & Pick<ResourceStore, 'getResource'>;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly logger: Logger;
  readonly timings: TriggerTimings;
}

export const MAX_TRIGGERS = 1_000;
const SECRET_BYTES = 32;

export function createTriggers(dependencies: TriggersDependencies): Triggers {
  const { store, randomness } = dependencies;
  return {
    put: (ref, wish, by) => put(dependencies, ref, wish, by),
    get: async (ref) => infoOf((await store.getTrigger(ref)) ?? noSuchTrigger(ref)),
    list: async (application) => (await store.listTriggers(application)).map(infoOf),
    async remove(ref) {
      if (!(await store.deleteTrigger(ref))) noSuchTrigger(ref);
    },
    async newToken(ref) {
      const { id, when } = (await store.getTrigger(ref)) ?? noSuchTrigger(ref);
      if (when.kind !== 'webhook') {
        throw new OutriderError('not-allowed-now', `The trigger ${textOf(ref)} is a schedule: nobody calls it`, {
          hint: 'Make it a webhook first.',
        });
      }
      const token = `oht_${id}_${Buffer.from(randomness.bytes(SECRET_BYTES)).toString('hex')}`;
      const changed = await store.changeTrigger(ref, { tokenSha256: sha256(token) });
      return changed === undefined ? noSuchTrigger(ref) : token;
    },
    call: callOf(dependencies),
  };
}

async function put(
  { store, clock, randomness }: TriggersDependencies,
  ref: TriggerRef,
  wish: TriggerWish,
  by: TriggerMaker,
): Promise<{ info: TriggerInfo; created: boolean }> {
  const nowMs = clock.now();
  const { when, enabled } = wish;
  const firstMs = when.kind === 'schedule' ? firstTime(when, nowMs) : null;
  if (
    (await store.getResource({ kind: 'Workflow', application: ref.application, name: wish.workflow })) === undefined
  ) {
    throw new OutriderError('reference-missing', `There is no workflow ${ref.application}/${wish.workflow}`);
  }
  const facts = {
    ...wish,
    changedAtMs: nowMs,
    changedBy: by.name,
    keyId: by.keyId,
    nextAtMs: enabled ? firstMs : null,
    ...(when.kind === 'webhook' ? {} : { tokenSha256: null }),
  };
  const changed = await store.changeTrigger(ref, facts);
  if (changed !== undefined) return { info: infoOf(changed), created: false };
  if ((await store.listTriggers()).length >= MAX_TRIGGERS) {
    throw new OutriderError('overloaded', `There are ${MAX_TRIGGERS} triggers already`, { hint: 'Delete one first.' });
  }
  const id = sortableId('tr', nowMs, randomness.bytes(10)).replace('_', '');
  const row: TriggerRow = { tokenSha256: null, ...facts, ...ref, id, firings: [] };
  if ((await store.createTrigger(row)) === 'ok') return { info: infoOf(row), created: true };
  throw new OutriderError('version-conflict', `The trigger ${textOf(ref)} was made by somebody else meanwhile`);
}

function firstTime({ cron, timeZone }: Extract<TriggerWhen, { kind: 'schedule' }>, nowMs: number): number {
  const atMs = nextTime(cron, timeZone, nowMs);
  if (atMs !== null) return atMs;
  throw new OutriderError('request-invalid', `The schedule ${JSON.stringify(cron)} never comes`, {
    hint: 'Check the day against the month.',
  });
}

/** Calls are counted for each trigger, so that a token in wrong hands or a caller gone wild has a limit. */
function callOf(dependencies: TriggersDependencies): Triggers['call'] {
  const { store, clock, logger, timings } = dependencies;
  const windows = new Map<string, { readonly sinceMs: number; calls: number }>();
  const count = (id: string, nowMs: number) => {
    const known = windows.get(id);
    const isOver = known === undefined || nowMs - known.sinceMs >= timings.windowMs || nowMs < known.sinceMs;
    const window = isOver ? { sinceMs: nowMs, calls: 0 } : known;
    if (isOver && windows.size >= MAX_TRIGGERS) windows.clear();
    windows.set(id, window);
    window.calls += 1;
    if (window.calls <= timings.callsPerWindow) return;
    throw new OutriderError('overloaded', `The trigger was called more than ${timings.callsPerWindow} times a minute`);
  };
  return async (token, wish) => {
    const trigger = await opened(store, token);
    const nowMs = clock.now();
    count(trigger.id, nowMs);
    const note = (firing: Omit<Firing, 'atMs'>) => store.noteFiring(trigger.id, { atMs: nowMs, ...firing });
    try {
      const started = await fire(dependencies, trigger, wish);
      if (!started.replayed) {
        await note({ outcome: 'started', executionId: started.execution.id, because: null });
      }
      return started;
    } catch (thrown) {
      const error = OutriderError.from(thrown);
      const { code, message } = error;
      logger.info({ trigger: starterOf(trigger), code }, `A call of a trigger was refused: ${message}`);
      if (code !== 'store-failed') {
        await note({ outcome: 'refused', executionId: null, because: refusalText(error) });
      }
      throw thrown;
    }
  };
}

/** The trigger that a token opens. What is wrong with a token is nobody's business. */
async function opened(store: TriggerStore, token: string): Promise<TriggerRow> {
  const id = /^oht_(tr[0-9A-Z]{26})_[0-9a-f]{64}$/.exec(token)?.[1];
  const trigger = id === undefined ? undefined : await store.findTrigger(id);
  const wanted = trigger?.tokenSha256 ?? null;
  if (trigger !== undefined && wanted !== null && sameDigest(wanted, sha256(token))) return trigger;
  throw new OutriderError('not-authenticated', 'The token is not that of a trigger', {
    hint: 'Ask an admin for a new one: outrider triggers token NAME.',
  });
}

function infoOf({ tokenSha256, ...info }: TriggerRow): TriggerInfo {
  return { ...info, hasToken: tokenSha256 !== null };
}

function textOf({ application, name }: TriggerRef): string {
  return `${application}/${name}`;
}

function noSuchTrigger(ref: TriggerRef): never {
  throw new OutriderError('not-found', `There is no trigger ${textOf(ref)}`, {
    hint: 'List what there is: outrider triggers list.',
  });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function sameDigest(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
