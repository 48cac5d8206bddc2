import { OutriderError } from '@outrider/shared/errors.ts';
import { type ExecutionId, sortableId } from '@outrider/shared/ids.ts';
import { decide } from '../domain/execution/decide.ts';
import { effects } from '../domain/execution/effects.ts';
import type { ExecutionEvent, ExecutionInput, RecordedEvent } from '../domain/execution/events.ts';
import { create, evolve } from '../domain/execution/evolve.ts';
import type { ExecutionState } from '../domain/execution/state.ts';
import { type FollowUp, performEffect } from './effects.ts';
import type { Engine, NewExecution, StartOutcome, SubmitOutcome } from './engine-port.ts';
import { fenceVerdict } from './fence.ts';
import { Listeners } from './listeners.ts';
import type { Logger } from './logger.ts';
import type { Clock, CommitInput, CommitOutcome, EffectRow, Randomness, Store, TaskChange } from './ports.ts';
import { SerialQueues } from './serial-queues.ts';
import { StateCache } from './state-cache.ts';
import { summaryOf } from './summary.ts';

export interface EngineDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly logger: Logger;
}

/** Times a decision is made anew because somebody else committed first. */
const CONFLICT_RETRIES = 10;
/** Inputs of one execution that may wait for their turn. */
const WAITING_INPUTS = 1_000;
/** Outbox rows read at a time. */
const OUTBOX_PAGE = 500;
/** States kept so that a history is not folded anew for each input. */
const CACHED_STATES = 500;

export function createEngine(dependencies: EngineDependencies): Engine {
  const engine = new ExecutionEngine(dependencies);
  return {
    start: (execution) => engine.start(execution),
    submit: (id, input, task) => engine.submit(id, input, task),
    load: (id) => engine.load(id),
    recover: () => engine.recover(),
    onCommitted: (listener) => engine.committed.add(listener),
    onTasksChanged: (listener) => engine.tasksChanged.add(listener),
  };
}

class ExecutionEngine {
  readonly committed: Listeners<[ExecutionId, number, ExecutionState]>;
  readonly tasksChanged: Listeners<[string]>;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #randomness: Randomness;
  readonly #logger: Logger;
  readonly #states: StateCache;
  readonly #queues = new SerialQueues(WAITING_INPUTS);
  /** Executions whose outbox could not be emptied: it is tried again before anything else happens to them. */
  readonly #owed = new Set<ExecutionId>();

  constructor({ store, clock, randomness, logger }: EngineDependencies) {
    this.#store = store;
    this.#clock = clock;
    this.#randomness = randomness;
    this.#logger = logger;
    this.#states = new StateCache(store, CACHED_STATES);
    this.committed = new Listeners('onCommitted', logger);
    this.tasksChanged = new Listeners('onTasksChanged', logger);
  }

  /** Created and begun, or queued, in one transaction: no execution is ever left standing before its first step. */
  start(execution: NewExecution): Promise<StartOutcome> {
    const now = this.#clock.now();
    const id = sortableId('exe', now, this.#randomness.bytes(10));
    return this.#queues.run(id, () => this.#start(id, execution, now));
  }

  submit(id: ExecutionId, input: ExecutionInput, task?: TaskChange): Promise<SubmitOutcome> {
    return this.#queues.run(id, async () => {
      if (this.#owed.has(id)) await this.#performOutbox(id);
      return await this.#submit(id, input, task);
    });
  }

  load(id: ExecutionId): Promise<ExecutionState | undefined> {
    return this.#states.load(id);
  }

  async recover(): Promise<void> {
    const tried = new Set<ExecutionId>();
    for (;;) {
      const rows = await this.#store.pendingEffects(OUTBOX_PAGE);
      const ids = new Set(rows.map((row) => row.executionId).filter((id) => !tried.has(id)));
      if (ids.size === 0) return;
      for (const id of ids) {
        tried.add(id);
        await this.#queues.run(id, () => this.#performOutbox(id));
      }
    }
  }

  async #start(id: ExecutionId, execution: NewExecution, now: number): Promise<StartOutcome> {
    const { idempotency, behind = [], supersedes = false, ...facts } = execution;
    const creation: RecordedEvent = { seq: 1, atMs: now, event: { type: 'execution-created', ...facts } };
    const created = create(id, creation);
    if (created === undefined) throw new OutriderError('internal', 'A creation did not make an execution');
    const first: ExecutionInput = behind.length === 0 ? { kind: 'begin' } : { kind: 'queue', behind, supersedes };
    const decision = decide(created, first, now);
    if ('refused' in decision) throw new OutriderError('internal', `A new execution cannot begin: ${decision.refused}`);
    const change = recordEvents(created, decision.events, now);
    const outcome = await this.#commit({
      executionId: id,
      expectedSeq: 0,
      events: [creation, ...change.events],
      effects: change.effects,
      summary: summaryOf(change.state),
      ...(idempotency === undefined ? {} : { idempotency }),
    });
    if (outcome.kind === 'replayed') {
      return { kind: 'replayed', executionId: outcome.executionId, sameRequest: outcome.sameRequest };
    }
    if (outcome.kind !== 'ok') throw new OutriderError('store-failed', `Execution ${id} could not be created`);
    this.#logger.info(
      { execution: id, workflow: execution.plan.workflow.name },
      behind.length === 0 ? 'Execution started' : 'Execution queued',
    );
    return { kind: 'ok', state: await this.#committed(change) };
  }

  async #submit(id: ExecutionId, input: ExecutionInput, task?: TaskChange): Promise<SubmitOutcome> {
    for (let attempt = 0; attempt < CONFLICT_RETRIES; attempt++) {
      const state = await this.#states.load(id);
      if (state === undefined) return { kind: 'unknown' };
      const now = this.#clock.now();
      const decision = decide(state, input, now);
      if ('refused' in decision) return await this.#refused(decision.refused, task);
      const change = recordEvents(state, decision.events, now);
      const outcome = await this.#commit(commitInput(state, change, task));
      switch (outcome.kind) {
        case 'ok':
          return { kind: 'ok', state: await this.#committed(change) };
        case 'conflict':
          continue;
        case 'unknown-task':
          return { kind: 'unknown' };
        case 'replayed':
          throw new OutriderError('internal', 'A change of an execution was taken for its creation');
        default:
          return outcome;
      }
    }
    throw new OutriderError('store-failed', `Execution ${id} was changed by others ${CONFLICT_RETRIES} times in a row`);
  }

  /** A message about a task that is over or has moved on is told so by name, whatever else is wrong with it. */
  async #refused(because: string, task: TaskChange | undefined): Promise<SubmitOutcome> {
    if (task === undefined) return { kind: 'refused', because };
    const row = await this.#store.getTask(task.taskId);
    return fenceVerdict(row, task) ?? { kind: 'refused', because };
  }

  /** What was decided, made durable. When the store does not answer, it may still have happened: the outbox will tell. */
  async #commit(input: CommitInput): Promise<CommitOutcome> {
    try {
      return await this.#store.commit(input);
    } catch (thrown) {
      this.#owed.add(input.executionId);
      throw thrown;
    }
  }

  /** After a commit. Listeners hear of it before its effects, so that they see events in their order. */
  async #committed({ state, effects: rows }: Change): Promise<ExecutionState> {
    this.#states.put(state);
    this.committed.tell(state.id, state.seq, state);
    // What is owed goes first: a task is enqueued before it can be cancelled.
    if (!this.#owed.has(state.id)) await this.#performInOrder(state.id, rows);
    return this.#states.known(state.id) ?? state;
  }

  /** Everything in an execution's outbox, oldest first, with what that adds to it. */
  async #performOutbox(id: ExecutionId): Promise<void> {
    this.#owed.add(id);
    for (;;) {
      const rows = await this.#store.pendingEffects(OUTBOX_PAGE, id);
      if (rows.length === 0) break;
      if (!(await this.#performInOrder(id, rows))) return;
    }
    this.#owed.delete(id);
  }

  /** The first that fails stops the rest, which stays in the outbox. False: some are left. */
  async #performInOrder(id: ExecutionId, rows: readonly EffectRow[]): Promise<boolean> {
    for (const row of rows) {
      try {
        await this.#perform(row);
      } catch (thrown) {
        this.#owed.add(id);
        const error = OutriderError.from(thrown);
        this.#logger.warn({ execution: id, effect: row.id, code: error.code }, `Effect put off: ${error.message}`);
        return false;
      }
    }
    return true;
  }

  /** The row goes only after everything that it stands for is committed: a crash before that repeats it. */
  async #perform(row: EffectRow): Promise<void> {
    const followUp: FollowUp | undefined = await performEffect(row, {
      store: this.#store,
      nowMs: this.#clock.now(),
      tasksChanged: (taskId) => this.tasksChanged.tell(taskId),
    });
    if (followUp !== undefined) await this.#submit(row.executionId, followUp.input, followUp.task);
    await this.#store.effectDone(row.id);
  }
}

interface Change {
  readonly state: ExecutionState;
  readonly events: readonly RecordedEvent[];
  readonly effects: readonly EffectRow[];
}

/** Events with their places, the state after them, and what is to be done because of each. */
function recordEvents(before: ExecutionState, events: readonly ExecutionEvent[], atMs: number): Change {
  let state = before;
  const recorded: RecordedEvent[] = [];
  const rows: EffectRow[] = [];
  for (const event of events) {
    const next: RecordedEvent = { seq: state.seq + 1, atMs, event };
    state = evolve(state, next);
    recorded.push(next);
    for (const [index, effect] of effects(event, state).entries()) {
      rows.push({ id: `${state.id}/${next.seq}/${index}`, executionId: state.id, effect });
    }
  }
  return { state, events: recorded, effects: rows };
}

function commitInput(before: ExecutionState, change: Change, task: TaskChange | undefined): CommitInput {
  return {
    executionId: before.id,
    expectedSeq: before.seq,
    events: change.events,
    effects: change.effects,
    summary: summaryOf(change.state),
    ...(task === undefined ? {} : { task }),
  };
}
