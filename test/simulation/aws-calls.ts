import type { CallKind } from '@outrider/delegate/aws/clients.ts';
import type { TaskRef } from '@outrider/shared/protocol/messages.ts';
import type { ServiceName } from '@outrider/simulator/validation/models.ts';
import { AwsError } from '@outrider/simulator/wire/aws-error.ts';
import {
  callDirectly,
  callForXml,
  type DirectContext,
  directOperation,
  serverErrorOf,
  throttledBy,
} from '@outrider/simulator/wire/direct-call.ts';
import { CALL_DEADLINE_MS, connectionReset, isRetried, sdkError, timedOut } from './aws-errors.ts';
import type { HostClock } from './host-clock.ts';
import { fingerprint, type MutationJournal, meaningOf } from './mutation-journal.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** How likely each thing is to go wrong with one call. */
export interface CallRates {
  /** Refused at once; nothing is done. */
  readonly throttled: number;
  /** A 5xx; half of the mutations among them are done all the same. */
  readonly serverError: number;
  /** The connection breaks before anything is done. */
  readonly requestLost: number;
  /** It is done, then the connection breaks. */
  readonly responseLost: number;
  /** Seconds on the way there, on the way back, or beyond the call's deadline. */
  readonly slow: number;
}

export const NO_CALL_FAULTS: CallRates = {
  throttled: 0,
  serverError: 0,
  requestLost: 0,
  responseLost: 0,
  slow: 0,
};

export interface AwsCall {
  readonly service: ServiceName;
  readonly operation: string;
  readonly mutates: boolean;
  readonly input: object;
  readonly host: HostClock;
  /** The offer under which it is made. */
  readonly ref: TaskRef;
}

export interface CallResult {
  /** `done`: the operation ran. `refused`: AWS refused it. `none`: it never came to be done. */
  readonly effect: 'done' | 'refused' | 'none';
  readonly answer: 'given' | 'lost' | 'late';
  /** `ok`, an AWS error code, or empty where nothing was decided. */
  readonly code: string;
  /** Which of the rates struck. */
  readonly fault: keyof CallRates | undefined;
}

/** Called in the middle of things, so that a host can be killed or frozen exactly there. */
export interface CallHooks {
  /** Just before a request leaves its host. From a host that was killed here nothing is sent. */
  readonly sending?: (call: AwsCall) => void;
  /** When it was dealt with at AWS. A host that was killed here hears nothing of it. */
  readonly performed?: (call: AwsCall, result: CallResult) => void;
}

export interface CallOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly context: DirectContext;
  /** Brings the world to the present. */
  readonly catchUp: () => void;
  readonly journal: MutationJournal;
  readonly hooks: CallHooks;
}

interface Fate {
  readonly fault: keyof CallRates | undefined;
  /** Of a server error: the operation runs nevertheless. */
  readonly doneAllTheSame: boolean;
  readonly requestMs: number;
  readonly answerMs: number;
  /** A request that is under way when its host dies is lost with it. */
  readonly diesWithHost: boolean;
}

const READ_ATTEMPTS = 4;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 20_000;
const LATENCY_MS = { low: 5, high: 60 } as const;
/** A slow way takes at least so long. */
const SLOW_MS = 1_000;
const DIES_WITH_HOST = 0.3;

/** How calls travel to simulated AWS and back, on virtual time. Answers are those of the SDK: objects, or errors as it throws them. */
export class AwsCalls {
  readonly #options: CallOptions;
  readonly #struck = new Map<keyof CallRates, number>();
  #rates: CallRates = NO_CALL_FAULTS;
  #calls = 0;

  constructor(options: CallOptions) {
    this.#options = options;
  }

  /** From now on. */
  setRates(rates: Partial<CallRates>): void {
    this.#rates = { ...NO_CALL_FAULTS, ...rates };
  }

  /** Requests that left a host. */
  get count(): number {
    return this.#calls;
  }

  /** How often each fault has struck. */
  get struck(): ReadonlyMap<keyof CallRates, number> {
    return this.#struck;
  }

  /**
   * Sends a call as the SDK's client would: reads are tried again by themselves. Never settles once the host is dead. A
   * read ends with its signal; a mutation that was sent takes no notice of anything.
   */
  async send(call: AwsCall, kind: CallKind, signal?: AbortSignal): Promise<unknown> {
    const attempts = kind === 'read' ? READ_ATTEMPTS : 1;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(call, signal);
      } catch (error) {
        if (attempt >= attempts || !isRetried(error)) throw error;
      }
      const longest = Math.min(FIRST_RETRY_MS * 2 ** attempt, LONGEST_RETRY_MS);
      const wait = this.#options.random.whole(0, longest);
      await abortable(signal, (resolve) => call.host.after(wait, () => resolve(undefined)));
    }
  }

  async #attempt(call: AwsCall, signal: AbortSignal | undefined): Promise<unknown> {
    this.#options.hooks.sending?.(call);
    return await abortable(signal, (resolve, reject) => {
      if (!call.host.alive) return () => {};
      const { scheduler } = this.#options;
      const fate = this.#fateOf(call);
      const sentAtMs = scheduler.now();
      let over = false;
      this.#calls += 1;
      scheduler.after(
        fate.requestMs,
        () => {
          const { result, answer } = this.#arrive(call, fate, sentAtMs);
          this.#options.hooks.performed?.(call, result);
          if (over) return;
          const left = CALL_DEADLINE_MS - fate.requestMs;
          const end = 'error' in answer ? () => reject(answer.error) : () => resolve(answer.value);
          if (result.answer === 'late')
            call.host.deliver(left, () => reject(timedOut()), `aws timeout ${call.operation}`);
          else call.host.deliver(fate.answerMs, end, `aws answer ${call.operation}`);
        },
        `aws ${call.operation} ${call.host.name}`,
      );
      return () => {
        over = true;
      };
    });
  }

  /** Draws the same number of times for every call, so that one call's fate does not shift the next one's. */
  #fateOf(call: AwsCall): Fate {
    const { random } = this.#options;
    const rates = this.#rates;
    const fault = chosen(rates, random.unit());
    const way = random.unit();
    const slowMs = Math.round(SLOW_MS + random.unit() * (CALL_DEADLINE_MS - 2 * SLOW_MS));
    const requestMs = random.whole(LATENCY_MS.low, LATENCY_MS.high);
    const answerMs = random.whole(LATENCY_MS.low, LATENCY_MS.high);
    const diesWithHost = random.chance(DIES_WITH_HOST);
    const doneAllTheSame = call.mutates && way < 0.5;
    const usual = { fault, doneAllTheSame, requestMs, answerMs, diesWithHost };
    if (fault === undefined) return usual;
    this.#struck.set(fault, (this.#struck.get(fault) ?? 0) + 1);
    if (fault !== 'slow') return usual;
    if (way < 0.4) return { ...usual, requestMs: slowMs };
    return { ...usual, answerMs: way < 0.7 ? slowMs : CALL_DEADLINE_MS + slowMs };
  }

  /** The request has come to AWS. */
  #arrive(call: AwsCall, fate: Fate, sentAtMs: number): { result: CallResult; answer: Answer } {
    const { fault } = fate;
    const answer = fate.answerMs + fate.requestMs > CALL_DEADLINE_MS ? 'late' : 'given';
    if (fault === 'requestLost' || (fate.diesWithHost && !call.host.alive)) {
      return { result: { effect: 'none', answer: 'lost', code: '', fault }, answer: { error: connectionReset() } };
    }
    const { service } = directOperation(call.service, call.operation);
    try {
      if (fault === 'throttled') throw throttledBy(service);
      if (fault === 'serverError' && !fate.doneAllTheSame) throw serverErrorOf(service);
      const value = this.#perform(call, sentAtMs);
      const done = { effect: 'done', answer, code: 'ok', fault } as const;
      if (fault === 'responseLost')
        return { result: { ...done, answer: 'lost' }, answer: { error: connectionReset() } };
      if (fault !== 'serverError') return { result: done, answer: { value } };
      const error = serverErrorOf(service);
      return { result: { ...done, code: error.code }, answer: { error: sdkError(service.name, error) } };
    } catch (thrown) {
      if (!(thrown instanceof AwsError)) throw thrown;
      const lost = fault === 'responseLost';
      return {
        result: { effect: 'refused', answer: lost ? 'lost' : answer, code: thrown.code, fault },
        answer: { error: lost ? connectionReset() : sdkError(service.name, thrown) },
      };
    }
  }

  #perform(call: AwsCall, sentAtMs: number): unknown {
    const { context, catchUp } = this.#options;
    const target = directOperation(call.service, call.operation);
    catchUp();
    if (call.service === 'ec2') return callForXml(context, target, call.input);
    if (!call.mutates) return callDirectly(context, target, call.input);
    const { resource, logical } = meaningOf(call);
    const before = fingerprint(context.world.state, resource);
    const answer = callDirectly(context, target, call.input);
    const changed = fingerprint(context.world.state, resource) !== before;
    this.#note(call, { resource, logical, changed, sentAtMs });
    return answer;
  }

  #note(
    call: AwsCall,
    what: { readonly resource: string; readonly logical: string; readonly changed: boolean; readonly sentAtMs: number },
  ): void {
    const { scheduler, journal } = this.#options;
    const { host, ref, operation } = call;
    const { taskId, epoch } = ref;
    journal.add({
      atMs: scheduler.now(),
      host: host.name,
      hostAlive: host.alive,
      action: operation,
      taskId,
      epoch,
      ...what,
    });
    scheduler.note(`aws: ${host.name} ${taskId}@${epoch} ${what.logical}${what.changed ? '' : ' (no change)'}`);
  }
}

type Answer = { readonly value: unknown } | { readonly error: Error };

const FAULTS: readonly (keyof CallRates)[] = ['throttled', 'serverError', 'requestLost', 'responseLost', 'slow'];

function chosen(rates: CallRates, drawn: number): keyof CallRates | undefined {
  let rest = drawn;
  for (const fault of FAULTS) {
    rest -= rates[fault];
    if (rest < 0) return fault;
  }
  return undefined;
}

/** A promise that ends early, as the SDK's do, when the signal fires; `begin` answers how to give up. */
async function abortable(
  signal: AbortSignal | undefined,
  begin: (resolve: (value: unknown) => void, reject: (error: Error) => void) => () => void,
): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    if (signal === undefined) {
      begin(resolve, reject);
      return;
    }
    if (signal.aborted) {
      reject(aborted());
      return;
    }
    const stop = (): void => {
      giveUp();
      reject(aborted());
    };
    const giveUp = begin(
      (value) => {
        signal.removeEventListener('abort', stop);
        resolve(value);
      },
      (error) => {
        signal.removeEventListener('abort', stop);
        reject(error);
      },
    );
    signal.addEventListener('abort', stop, { once: true });
  });
}

function aborted(): Error {
  return Object.assign(new Error('Request aborted'), { name: 'AbortError' });
}
