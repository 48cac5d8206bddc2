import assert from 'node:assert/strict';
import { decide } from '@outrider/control-plane/domain/execution/decide.ts';
import { effects } from '@outrider/control-plane/domain/execution/effects.ts';
import type {
  Effect,
  ExecutionEvent,
  ExecutionInput,
  RecordedEvent,
} from '@outrider/control-plane/domain/execution/events.ts';
import { create, evolve } from '@outrider/control-plane/domain/execution/evolve.ts';
import { brokenAtRest, brokenBy } from '@outrider/control-plane/domain/execution/invariants.ts';
import {
  type Blocker,
  type ExecutionState,
  isLiving,
  stepState,
} from '@outrider/control-plane/domain/execution/state.ts';
import type { ExecutionPlan } from '@outrider/control-plane/domain/planning/plan.ts';
import type { Failure } from '@outrider/shared/errors.ts';
import type { JsonObject } from '@outrider/shared/json.ts';

export const EXECUTION_ID = 'exe_01JD3K7Q0000000000000000AB';

export const BAD_IMAGE: Failure = {
  code: 'image-pull-failed',
  message: 'the image cannot be pulled',
  hint: 'Check the image.',
  evidence: ['CannotPullContainerError'],
  failureType: 'application',
};

/** Plays inputs to the machine, as the engine does, and holds every event against the invariants. */
export class Story {
  readonly events: RecordedEvent[] = [];
  readonly effects: Effect[] = [];
  now = 1_000_000;
  state: ExecutionState;

  constructor(plan: ExecutionPlan) {
    const event: ExecutionEvent = {
      type: 'execution-created',
      plan,
      startedBy: 'ana',
      reason: '',
      artifacts: {},
      variables: {},
    };
    const recorded = { seq: 1, atMs: this.now, event };
    this.events.push(recorded);
    const created = create(EXECUTION_ID, recorded);
    assert.ok(created);
    this.state = created;
  }

  static begun(plan: ExecutionPlan): Story {
    const story = new Story(plan);
    story.put({ kind: 'begin' });
    return story;
  }

  static queued(plan: ExecutionPlan, behind: readonly Blocker[]): Story {
    const story = new Story(plan);
    story.put({ kind: 'queue', behind, supersedes: false });
    return story;
  }

  /** The input must be taken. Answers the events that it made. */
  put(input: ExecutionInput): readonly ExecutionEvent[] {
    const decision = decide(this.state, input, this.now);
    assert.ok(
      'events' in decision,
      `${JSON.stringify(input)} was refused: ${'refused' in decision && decision.refused}`,
    );
    assert.ok(decision.events.length > 0, `${input.kind} made no event`);
    for (const event of decision.events) this.#record(event);
    assert.deepEqual(brokenAtRest(this.state), []);
    return decision.events;
  }

  /** The reason for which the input is refused; it must be. */
  refusal(input: ExecutionInput): string {
    const decision = decide(this.state, input, this.now);
    assert.ok('refused' in decision, `${JSON.stringify(input)} was taken`);
    return decision.refused;
  }

  accept(stepId: string, delegate = 'vpc-stage'): this {
    this.put({ kind: 'task-accepted', stepId, attempt: this.attempt(stepId), delegate });
    return this;
  }

  checkpoint(stepId: string, facts: JsonObject): this {
    this.put({ kind: 'task-checkpointed', stepId, attempt: this.attempt(stepId), facts });
    return this;
  }

  succeed(stepId: string, output: JsonObject = {}): this {
    this.put({
      kind: 'task-ended',
      stepId,
      attempt: this.attempt(stepId),
      result: { outcome: 'succeeded', output },
    });
    return this;
  }

  fail(stepId: string, failure: Failure = BAD_IMAGE): this {
    this.put({ kind: 'task-ended', stepId, attempt: this.attempt(stepId), result: { outcome: 'failed', failure } });
    return this;
  }

  stopped(stepId: string, message = ''): this {
    this.put({ kind: 'task-ended', stepId, attempt: this.attempt(stepId), result: { outcome: 'stopped', message } });
    return this;
  }

  run(stepId: string, output: JsonObject = {}): this {
    return this.accept(stepId).succeed(stepId, output);
  }

  abort(rollback = true): this {
    this.put({ kind: 'abort', by: 'ben', reason: 'wrong version', rollback });
    return this;
  }

  pause(): this {
    this.put({ kind: 'pause', by: 'ben', reason: 'a look first' });
    return this;
  }

  resume(): this {
    this.put({ kind: 'resume', by: 'ana', reason: '' });
    return this;
  }

  answer(stepId: string, answer: 'retry' | 'ignore' | 'mark-success'): this {
    this.put({ kind: 'answer', stepId, answer, by: 'ana', reason: 'looked at it' });
    return this;
  }

  attempt(stepId: string): number {
    const step = stepState(this.state, stepId);
    assert.ok(isLiving(step), `${stepId} is ${step.kind}`);
    return step.attempt;
  }

  get living(): readonly string[] {
    return Object.entries(this.state.steps).flatMap(([id, step]) => (isLiving(step) ? [id] : []));
  }

  kindOf(stepId: string): string {
    return stepState(this.state, stepId).kind;
  }

  /** Types of the events so far, with what they are about. */
  get told(): readonly string[] {
    return this.events.map(({ event }) => {
      const about = 'stepId' in event ? event.stepId : 'phase' in event ? event.phase : '';
      return about === '' ? event.type : `${event.type} ${about}`;
    });
  }

  get end(): string {
    assert.equal(this.state.kind, 'ended', `it is ${this.state.kind}, waiting for ${this.living.join(', ')}`);
    return this.state.kind === 'ended' ? `${this.state.status}, rollback ${this.state.rollback}` : '';
  }

  #record(event: ExecutionEvent): void {
    const recorded = { seq: this.state.seq + 1, atMs: this.now, event };
    const after = evolve(this.state, recorded);
    assert.deepEqual(brokenBy(this.state, recorded, after), []);
    this.events.push(recorded);
    this.state = after;
    this.effects.push(...effects(event, after));
  }
}
