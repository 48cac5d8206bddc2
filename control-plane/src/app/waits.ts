import { OutriderError } from '@outrider/shared/errors.ts';
import type { ExecutionId } from '@outrider/shared/ids.ts';
import { askingSteps } from '../domain/execution/answers.ts';
import { type Blocker, type ExecutionState, stepState } from '../domain/execution/state.ts';
import type { Engine } from './engine-port.ts';
import type { Logger } from './logger.ts';
import type { Clock, Store } from './ports.ts';

export interface WaitsDependencies {
  readonly store: Store;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Brings to executions what they wait for and no delegate tells them: that others have ended, that nobody answered in
 * time. Everything is read from the
 * store, so that nothing is lost with a process; looking twice does no harm.
 */
export interface Waits {
  /** Looks at all that wait. Called at start and every few seconds; with nobody waiting it is one read. */
  look(): Promise<void>;
  /** No more looks of its own; resolves when the one that runs has ended. */
  stop(): Promise<void>;
}

/** Executions that are looked at; more cannot wait at one place (place.ts), and so many places are not to be expected. */
const WAITING_LIMIT = 10_000;

export function createWaits(dependencies: WaitsDependencies): Waits {
  const waits = new WaitingExecutions(dependencies);
  const stopListening = dependencies.engine.onCommitted((id, _seq, state) => waits.committed(id, state));
  return {
    look: () => waits.look(),
    async stop() {
      stopListening();
      await waits.stop();
    },
  };
}

class WaitingExecutions {
  readonly #store: Store;
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Those that wait for others, as far as this process knows: only while there are any is the end of another looked at. */
  #queued: ReadonlySet<ExecutionId> = new Set();
  #running: Promise<void> | undefined;
  /** Something happened after the look that runs had begun. */
  #again = false;
  #stopped = false;

  constructor({ store, engine, clock, logger }: WaitsDependencies) {
    this.#store = store;
    this.#engine = engine;
    this.#clock = clock;
    this.#logger = logger;
  }

  committed(id: ExecutionId, state: ExecutionState): void {
    if (state.kind === 'queued') this.#queued = new Set([...this.#queued, id]);
    else if (state.kind !== 'ended' || this.#queued.size === 0) return;
    this.look().catch((thrown: unknown) => {
      this.#logger.warn(
        { execution: id },
        `Those that wait are looked at again later: ${OutriderError.from(thrown).message}`,
      );
    });
  }

  async look(): Promise<void> {
    if (this.#stopped) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return await this.#running;
    }
    this.#running = this.#looks();
    return await this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running?.catch(() => undefined);
  }

  async #looks(): Promise<void> {
    try {
      do {
        this.#again = false;
        await this.#lookOnce();
      } while (this.#again && !this.#stopped);
    } finally {
      this.#running = undefined;
    }
  }

  async #lookOnce(): Promise<void> {
    const waiting = await this.#store.listSummaries({ statuses: ['queued', 'waiting'], limit: WAITING_LIMIT });
    this.#queued = new Set(waiting.flatMap(({ id, status }) => (status === 'queued' ? [id] : [])));
    // The list has the newest first; turns come in the order in which they were asked for.
    for (const { id } of waiting.toReversed()) {
      const state = await this.#engine.load(id);
      if (state?.kind === 'queued') await this.#lookAtPlaces(state);
      else if (state !== undefined) await this.#lookAtTime(state);
    }
  }

  async #lookAtPlaces(state: Extract<ExecutionState, { kind: 'queued' }>): Promise<void> {
    for (const blocker of state.behind) {
      const other = await this.#engine.load(blocker.executionId);
      if (other === undefined || other.kind === 'ended') {
        await this.#engine.submit(state.id, { kind: 'place-freed', executionId: blocker.executionId });
      } else if (state.supersedes) {
        await this.#supersede(state, blocker, other);
      }
    }
  }

  async #lookAtTime(state: ExecutionState): Promise<void> {
    for (const stepId of askingSteps(state)) {
      const step = stepState(state, stepId);
      if (step.kind !== 'failed' || step.intervention === undefined) continue;
      if (step.intervention.untilMs > this.#clock.now()) continue;
      await this.#engine.submit(state.id, { kind: 'answer-overdue', stepId, attempt: step.attempt });
    }
  }

  /** One that is being stopped already goes on as it was told: the refusal is of no interest. */
  async #supersede(state: ExecutionState, { executionId }: Blocker, other: ExecutionState): Promise<void> {
    if (other.kind === 'stopping' || other.kind === 'rolling-back') return;
    const reason = `superseded by ${state.id}`;
    await this.#engine.submit(executionId, { kind: 'abort', by: state.startedBy, reason, rollback: true });
  }
}
