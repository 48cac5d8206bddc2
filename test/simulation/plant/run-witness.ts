import type { MutationGate } from '@outrider/delegate/aws/mutation-gate.ts';
import type { StepRunContext } from '@outrider/delegate/steps/run-step.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import { encodeLogLine } from '@outrider/shared/logs.ts';
import type { TaskRef } from '@outrider/shared/protocol/messages.ts';
import { LEASE_TTL_MS } from '@outrider/shared/protocol/timings.ts';
import type { Process } from './process.ts';
import type { Recorder } from './recorder.ts';

/** The belief of a process about its lease is known to this. */
const FINENESS_MS = 250;

/** Writes down what one run of a step says, saves, and may do: for the invariants. Changes nothing of it. */
export class RunWitness {
  readonly #ref: TaskRef;
  readonly #process: Process;
  readonly #instanceId: string;
  readonly #recorder: Recorder;
  readonly #gate: MutationGate;
  /** Places in the record: of permissions for one call, and of what it believed while it waited. */
  readonly #permits: number[] = [];
  readonly #beliefs: number[] = [];

  constructor(recorder: Recorder, process: Process, instanceId: string, ref: TaskRef, gate: MutationGate) {
    this.#recorder = recorder;
    this.#process = process;
    this.#instanceId = instanceId;
    this.#ref = ref;
    this.#gate = gate;
  }

  /** The gate, and each permission that it gives. */
  get gate(): MutationGate {
    const gate = this.#gate;
    return {
      permit: async (callMs) => {
        await gate.permit(callMs);
        this.#mayChangeFor(callMs, this.#permits);
      },
      holds: (callMs) => gate.holds(callMs),
    };
  }

  /** The context of the run, and what comes out of it. What the run may do is looked at whenever it waits. */
  watch(context: StepRunContext): StepRunContext {
    // A run that was told to stop begins no change any more; one that is under way is waited for.
    context.stop.addEventListener('abort', () => this.#end(this.#beliefs));
    return {
      ...context,
      log: (text, level) => {
        context.log(text, level);
        this.#said(
          encodeLogLine({ at: new Date(this.#process.clock.now()).toISOString(), level: level ?? 'INFO', text }),
        );
      },
      checkpoint: async (facts) => {
        this.#saves(facts);
        await context.checkpoint(facts);
      },
      sleep: async (milliseconds) => {
        this.#mayChangeFor(this.#believedMs(), this.#beliefs);
        await context.sleep(milliseconds);
      },
    };
  }

  /** The run is over, and with it whatever it was allowed. */
  over(): void {
    this.#end(this.#beliefs);
    this.#end(this.#permits);
  }

  #end(places: number[]): void {
    const { holders, nowMs } = this.#recorder;
    for (const place of places.splice(0)) {
      const span = holders[place];
      if (span !== undefined && span.untilMs > nowMs) holders[place] = { ...span, untilMs: nowMs };
    }
  }

  #mayChangeFor(forMs: number, places: number[]): void {
    if (!this.#process.alive || forMs <= 0) return;
    const { nowMs: fromMs, holders } = this.#recorder;
    const host = this.#process.host;
    places.push(holders.length);
    holders.push({ ...this.#ref, host, instanceId: this.#instanceId, fromMs, untilMs: fromMs + forMs });
  }

  /** For how long the process believes that it may change AWS, as far as it can be found by asking. */
  #believedMs(): number {
    let low = 0;
    let high = LEASE_TTL_MS;
    while (high - low > FINENESS_MS) {
      const middle = (low + high) / 2;
      if (this.#gate.holds(middle)) low = middle;
      else high = middle;
    }
    return Math.floor(low);
  }

  #saves(facts: JsonObject): void {
    const { checkpoints, nowMs: atMs } = this.#recorder;
    if (this.#process.alive) checkpoints.push({ ...this.#ref, atMs, host: this.#process.host, facts });
  }

  /** A line was said; whether it came into the spool is known when everything of this moment is done. */
  #said(text: string): void {
    const { produced, nowMs: atMs } = this.#recorder;
    const place = produced.length;
    const line = { ...this.#ref, atMs, host: this.#process.host, text };
    produced.push({ ...line, inSpool: false });
    queueMicrotask(() => {
      if (this.#process.alive) produced[place] = { ...line, inSpool: true };
    });
  }
}
