import type { DelegateMessage, TaskOutcome, TaskRef } from '@outrider/shared/protocol/messages.ts';
import { RESULT_RETENTION_MAX } from '@outrider/shared/protocol/timings.ts';
import type { Decision, HeldTask, SessionOutput, SessionState, Stage } from './session-state.ts';

/** A decision in the making: the state as it will be, and what is to be done. */
export class Draft {
  #state: SessionState;
  readonly #outputs: SessionOutput[] = [];

  constructor(state: SessionState) {
    this.#state = state;
  }

  get state(): SessionState {
    return this.#state;
  }

  decision(): Decision {
    if (this.#state.draining && this.#state.tasks.size === 0) this.put({ kind: 'drained' });
    return { state: this.#state, outputs: this.#outputs };
  }

  change(changes: Partial<SessionState>): void {
    this.#state = { ...this.#state, ...changes };
  }

  put(output: SessionOutput): void {
    this.#outputs.push(output);
  }

  /** Sent only on an open session: what does not get through is sent again after the next Welcome. */
  send(message: DelegateMessage): void {
    if (this.#state.link === 'open') this.put({ kind: 'send', message });
  }

  note(level: 'info' | 'warn' | 'error', fields: object, message: string): void {
    this.put({ kind: 'note', level, fields, message });
  }

  tasks(): readonly HeldTask[] {
    return [...this.#state.tasks.values()];
  }

  /** The task under this very epoch. */
  held(ref: TaskRef): HeldTask | undefined {
    const task = this.#state.tasks.get(ref.taskId);
    return task?.offer.epoch === ref.epoch ? task : undefined;
  }

  task(task: HeldTask): void {
    const tasks = new Map(this.#state.tasks);
    tasks.set(task.offer.taskId, task);
    this.change({ tasks });
  }

  stage(task: HeldTask, stage: Stage): void {
    this.task({ ...task, stage });
  }

  drop(ref: TaskRef): void {
    const tasks = new Map(this.#state.tasks);
    tasks.delete(ref.taskId);
    this.change({ tasks });
  }

  /** The result has arrived; its spool goes, its words stay for a while. */
  retire(task: HeldTask, outcome: TaskOutcome): void {
    const { taskId, epoch } = task.offer;
    this.drop(task.offer);
    const retained = new Map(this.#state.retained);
    retained.delete(taskId);
    retained.set(taskId, { taskId, epoch, outcome });
    const [oldest] = retained.keys();
    if (retained.size > RESULT_RETENTION_MAX && oldest !== undefined) retained.delete(oldest);
    this.change({ retained });
    this.put({ kind: 'lease-over', taskId });
    this.put({ kind: 'forget', taskId, epoch });
  }

  /** A result that was acknowledged once and that the control plane asks for again. */
  revive(ref: TaskRef): HeldTask | undefined {
    const kept = this.#state.retained.get(ref.taskId);
    if (kept?.epoch !== ref.epoch) return undefined;
    const { taskId, epoch } = ref;
    const offer = { taskId, epoch, task: {}, deadlineMs: 0, facts: {}, checkpointSequence: 0, logOffset: 0 };
    const stage: Stage = { kind: 'finished', outcome: kept.outcome };
    const task: HeldTask = { offer, facts: {}, checkpointSequence: 0, pending: [], stage };
    this.task(task);
    return task;
  }

  slotsFree(): number {
    const { identity, tasks, draining } = this.#state;
    const busy = [...tasks.values()].filter(({ stage }) => stage.kind !== 'finished').length;
    return draining ? 0 : Math.max(0, identity.slots - busy);
  }
}
