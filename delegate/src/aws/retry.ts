import type { OutriderError } from '@outrider/shared/errors.ts';
import { StepStopped } from '../steps/contract.ts';
import { stoppedBy, throwIfStopped } from '../steps/stopped.ts';
import { CALL_TIMEOUT_MS } from './clients.ts';
import { type AwsErrorClass, awsErrorClass, convertAwsError } from './errors.ts';
import { PermitLapsed, withLastLook } from './last-look.ts';
import type { MutationGate } from './mutation-gate.ts';

export interface CallTools {
  /** Resolves after the time, or throws StepStopped as soon as the step is to stop. */
  sleep(milliseconds: number): Promise<void>;
  /** Uniform in [0, 1). */
  random(): number;
}

/**
 * How calls go out: reads end with the step's signal and are patient, since a look that failed is no reason to give up a
 * deployment; mutations wait for the gate and are tried again after a look.
 */
export interface Calls {
  read<T>(operation: string, send: (options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T>;
  /** A read that is not worth waiting for: it is not tried again. */
  readOnce<T>(operation: string, send: (options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T>;
  mutate<T>(operation: string, send: () => Promise<T>, policy: MutationPolicy<T>): Promise<T>;
}

export interface MutationPolicy<T> {
  /** Whether doing it twice is as good as once. If not, an unclear end is thrown: the caller must look. */
  readonly repeatable: boolean;
  /** Asked before a call that ended unclearly goes out again: what it says is the answer of the lost call. */
  readonly look?: () => Promise<T | undefined>;
  /** AWS may not see yet what this call builds on: "absent" then passes by itself. */
  readonly absentPasses?: boolean;
  /** It puts an end to something, and goes out once also when the step is to stop, as long as the lease lasts. */
  readonly evenWhenStopping?: boolean;
}

/** Calls altogether, by the class of the last error. */
const ATTEMPTS: Readonly<Record<AwsErrorClass, number>> = {
  throttled: 8,
  unclear: 8,
  concurrent: 6,
  consistency: 14,
  absent: 1,
  final: 1,
};
/** The same for reads: they live through half a minute in which AWS does not answer. The SDK tries a few times in each of them. */
const READ_ATTEMPTS: Readonly<Record<AwsErrorClass, number>> = {
  throttled: 8,
  unclear: 8,
  concurrent: 1,
  consistency: 1,
  absent: 1,
  final: 1,
};
/** First wait; it doubles up to the longest, and a random share of it is taken (at least half). */
const FIRST_WAIT_MS: Readonly<Record<AwsErrorClass, number>> = {
  throttled: 1_000,
  unclear: 500,
  concurrent: 500,
  consistency: 1_000,
  absent: 0,
  final: 0,
};
const LONGEST_WAIT_MS = 10_000;
/** Times a call may be held back on its way out before something else must be wrong. */
const LAPSES_MAX = 10;

export function createCalls(options: {
  readonly gate: MutationGate;
  readonly signal: AbortSignal;
  readonly tools: CallTools;
}): Calls {
  const { gate, signal, tools } = options;
  return {
    async read(operation, send) {
      for (let attempt = 1; ; attempt++) {
        throwIfStopped(signal);
        const ended = await settle(operation, () => send({ abortSignal: signal }));
        if ('value' in ended) return ended.value;
        if (signal.aborted) throw stoppedBy(signal);
        const kind = kindOf(ended.error, false);
        if (attempt >= READ_ATTEMPTS[kind]) throw ended.error;
        await tools.sleep(waitBefore(attempt, kind, tools.random()));
      }
    },

    async readOnce(operation, send) {
      throwIfStopped(signal);
      const ended = await settle(operation, () => send({ abortSignal: signal }));
      if ('value' in ended) return ended.value;
      throw signal.aborted ? stoppedBy(signal) : ended.error;
    },

    async mutate(operation, send, policy) {
      if (policy.evenWhenStopping === true && signal.aborted) return await once(operation, send, gate, signal);
      for (let attempt = 1; ; attempt++) {
        throwIfStopped(signal);
        await gate.permit(CALL_TIMEOUT_MS);
        throwIfStopped(signal);
        // From here the call is let finish, whatever the signal says: only then is it known what was done.
        const ended = await settle(operation, () => withLastLook(gate, CALL_TIMEOUT_MS, send));
        if ('value' in ended) return ended.value;
        // It never left: the gate is asked again, and says whether the step may go on.
        if (ended.error.cause instanceof PermitLapsed && attempt < LAPSES_MAX) continue;
        const kind = kindOf(ended.error, policy.absentPasses === true);
        if (attempt >= ATTEMPTS[kind] || (kind === 'unclear' && !policy.repeatable)) throw ended.error;
        await tools.sleep(waitBefore(attempt, kind, tools.random()));
        const seen = kind === 'unclear' ? await policy.look?.() : undefined;
        if (seen !== undefined) return seen;
      }
    },
  };
}

/** Without a wait: whoever is to stop may not wait for a renewal, nor try again. */
async function once<T>(operation: string, send: () => Promise<T>, gate: MutationGate, signal: AbortSignal): Promise<T> {
  if (!gate.holds(CALL_TIMEOUT_MS)) throw stoppedBy(signal);
  const ended = await settle(operation, () => withLastLook(gate, CALL_TIMEOUT_MS, send));
  if ('value' in ended) return ended.value;
  throw ended.error;
}

/** Wait before the next call: grows with the attempt, jittered so that many steps do not come back together. */
export function waitBefore(attempt: number, kind: AwsErrorClass, random: number): number {
  const full = Math.min(FIRST_WAIT_MS[kind] * 2 ** (attempt - 1), LONGEST_WAIT_MS);
  return Math.round(full / 2 + (full / 2) * random);
}

function kindOf(error: OutriderError, absentPasses: boolean): AwsErrorClass {
  const kind = awsErrorClass(error) ?? 'final';
  return kind === 'absent' && absentPasses ? 'consistency' : kind;
}

type Ended<T> = { readonly value: T } | { readonly error: OutriderError };

async function settle<T>(operation: string, send: () => Promise<T>): Promise<Ended<T>> {
  try {
    return { value: await send() };
  } catch (thrown) {
    if (thrown instanceof StepStopped) throw thrown;
    return { error: convertAwsError(thrown, operation) };
  }
}
