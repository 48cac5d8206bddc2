import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { askingSteps } from '@outrider/control-plane/domain/execution/answers.ts';
import { decide } from '@outrider/control-plane/domain/execution/decide.ts';
import { effects } from '@outrider/control-plane/domain/execution/effects.ts';
import type { ExecutionEvent, ExecutionInput, RecordedEvent } from '@outrider/control-plane/domain/execution/events.ts';
import { create, evolve, fold } from '@outrider/control-plane/domain/execution/evolve.ts';
import { brokenAtRest, brokenBy } from '@outrider/control-plane/domain/execution/invariants.ts';
import { ANSWERS, type ExecutionState, isLiving, stepState } from '@outrider/control-plane/domain/execution/state.ts';
import type { ExecutionPlan, PlannedFailureStrategy } from '@outrider/control-plane/domain/planning/plan.ts';
import { FAILURE_TYPES } from '@outrider/shared/errors.ts';
import * as fc from 'fast-check';
import {
  CANARY,
  type PhaseSketch,
  PLAIN,
  planOf,
  SETUP_OUTPUT,
  type StepSketch,
} from '../control-plane/domain/plans.ts';
import { BAD_IMAGE, EXECUTION_ID } from '../control-plane/domain/story.ts';

const RUNS = 800;

// ------------------------------------------------------------------------------------------------ random plans

const strategy: fc.Arbitrary<PlannedFailureStrategy> = fc.record(
  {
    failureTypes: fc.oneof(
      fc.constant(['any'] as const),
      fc.subarray([...FAILURE_TYPES], { minLength: 1, maxLength: 2 }),
    ),
    action: fc.constantFrom(
      'rollback-workflow',
      'rollback-phase',
      'retry',
      'ignore',
      'end',
      'abort',
      'manual-intervention',
    ),
    retries: fc.integer({ min: 0, max: 2 }),
    retryIntervalsSeconds: fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 2 }),
    afterRetries: fc.constantFrom(
      'rollback-workflow',
      'rollback-phase',
      'ignore',
      'end',
      'abort',
      'manual-intervention',
    ),
    intervention: fc.record({
      timeoutSeconds: fc.constant(1),
      afterTimeout: fc.constantFrom('rollback-workflow', 'ignore', 'end'),
    }),
  },
  { requiredKeys: ['failureTypes', 'action', 'retries', 'retryIntervalsSeconds', 'afterRetries'] },
);
const strategies = fc.array(strategy, { maxLength: 2 });

const forwardStep: fc.Arbitrary<StepSketch> = fc.record(
  {
    type: fc.constantFrom(
      'ecs-steady-state-check',
      'ecs-service-setup',
      'ecs-upgrade-containers',
      'ecs-canary-deploy',
      'ecs-canary-delete',
      'ecs-rolling-deploy',
    ),
    when: fc.constantFrom<(string | boolean)[]>(true, true, true, false, '${app.name} == "ECS"', '${nobody.knows}'),
    failureStrategies: strategies,
  },
  { requiredKeys: ['type'] },
);
const brokenStep: fc.Arbitrary<StepSketch> = fc.record({
  type: fc.constant('ecs-steady-state-check' as const),
  with: fc.constant({ serviceName: '${nobody.knows}' }),
  failureStrategies: strategies,
});
const rollbackStep: fc.Arbitrary<StepSketch> = fc.record(
  {
    type: fc.constantFrom(
      'ecs-rollback-containers',
      'ecs-canary-delete',
      'ecs-rolling-rollback',
      'ecs-daemon-rollback',
      'ecs-steady-state-check',
    ),
    failureStrategies: strategies,
  },
  { requiredKeys: ['type'] },
);
const groups = (step: fc.Arbitrary<StepSketch>) =>
  fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 });
const phase: fc.Arbitrary<PhaseSketch> = fc.record(
  {
    service: fc.constantFrom('web', 'api'),
    steps: groups(fc.oneof({ weight: 12, arbitrary: forwardStep }, { weight: 1, arbitrary: brokenStep })),
    rollback: groups(rollbackStep),
    failureStrategies: strategies,
  },
  { requiredKeys: ['steps'] },
);
const anyPlan: fc.Arbitrary<ExecutionPlan> = fc.oneof(
  fc.constant(planOf(CANARY)),
  fc
    .tuple(fc.array(phase, { minLength: 1, maxLength: 4 }), strategies)
    // A copy: the generator's objects have no prototype, stored ones have.
    .map(([phases, failureStrategies]) => structuredClone(planOf(phases, { failureStrategies }))),
);

// ------------------------------------------------------------------------------------------------ random inputs

const BLOCKERS = ['exe_1', 'exe_2', 'exe_3'].map((executionId) => ({
  executionId,
  workflow: 'web',
  resource: 'web@vpc',
}));

/** One input, aimed at some step: most make sense, others are late, doubled or about nothing. */
interface Move {
  readonly kind: ExecutionInput['kind'];
  readonly target: number;
  readonly attemptOffset: number;
  readonly outcome: 'succeeded' | 'failed' | 'stopped';
  readonly failureType: (typeof FAILURE_TYPES)[number];
  readonly rollback: boolean;
  readonly anyStep: boolean;
  readonly waitMs: number;
}
const move: fc.Arbitrary<Move> = fc.record({
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constant('task-accepted' as const) },
    { weight: 8, arbitrary: fc.constant('task-ended' as const) },
    { weight: 2, arbitrary: fc.constant('task-checkpointed' as const) },
    {
      weight: 3,
      arbitrary: fc.constantFrom('task-requeued', 'task-undeliverable', 'task-deadline-passed', 'begin'),
    },
    { weight: 3, arbitrary: fc.constantFrom('answer', 'answer-overdue') },
    { weight: 1, arbitrary: fc.constantFrom('abort', 'rollback', 'place-freed', 'queue', 'pause', 'resume') },
  ),
  target: fc.nat(20),
  attemptOffset: fc.constantFrom(0, 0, 0, 0, 0, -1, 1),
  outcome: fc.constantFrom('succeeded', 'succeeded', 'failed', 'stopped'),
  failureType: fc.constantFrom(...FAILURE_TYPES),
  rollback: fc.boolean(),
  anyStep: fc.constantFrom(false, false, false, false, true),
  waitMs: fc.nat(60_000),
});

function inputOf(state: ExecutionState, chosen: Move): ExecutionInput {
  if (chosen.kind === 'begin') return { kind: 'begin' };
  if (chosen.kind === 'queue') return { kind: 'queue', behind: BLOCKERS, supersedes: chosen.rollback };
  if (chosen.kind === 'place-freed') {
    return { kind: 'place-freed', executionId: BLOCKERS[chosen.target % BLOCKERS.length]?.executionId ?? '' };
  }
  if (chosen.kind === 'pause' || chosen.kind === 'resume') return { kind: chosen.kind, by: 'ben', reason: '' };
  if (chosen.kind === 'abort') return { kind: 'abort', by: 'ben', reason: '', rollback: chosen.rollback };
  if (chosen.kind === 'rollback') return { kind: 'rollback', by: 'ben', reason: '' };
  const asking = askingSteps(state);
  if (chosen.kind === 'answer' || chosen.kind === 'answer-overdue') {
    const stepId = asking[chosen.target % asking.length] ?? 'p1.1';
    const asked = stepState(state, stepId);
    const attempt = ('attempt' in asked ? asked.attempt : 1) + chosen.attemptOffset;
    if (chosen.kind === 'answer-overdue') return { kind: chosen.kind, stepId, attempt };
    const answer = ANSWERS[chosen.target % ANSWERS.length] ?? 'retry';
    return { kind: chosen.kind, stepId, answer, by: 'ana', reason: '' };
  }
  const all = Object.keys(state.steps);
  const living = all.filter((id) => isLiving(stepState(state, id)));
  const candidates = chosen.anyStep || living.length === 0 ? all : living;
  const stepId = candidates[chosen.target % candidates.length] ?? 'p1.1';
  const step = stepState(state, stepId);
  const attempt = ('attempt' in step ? step.attempt : 1) + chosen.attemptOffset;
  const failure = { ...BAD_IMAGE, failureType: chosen.failureType };
  switch (chosen.kind) {
    case 'task-accepted':
      return { kind: chosen.kind, stepId, attempt, delegate: `delegate-${chosen.target % 3}` };
    case 'task-checkpointed':
      return { kind: chosen.kind, stepId, attempt, facts: { [`fact${chosen.target % 3}`]: chosen.waitMs } };
    case 'task-requeued':
      return { kind: chosen.kind, stepId, attempt, because: 'its lease ended' };
    case 'task-undeliverable':
      return { kind: chosen.kind, stepId, attempt, failure };
    case 'task-deadline-passed':
      return { kind: chosen.kind, stepId, attempt };
    case 'task-ended': {
      const output = chosen.rollback ? { ...SETUP_OUTPUT, allPhasesDone: chosen.target % 2 === 0 } : {};
      if (chosen.outcome === 'succeeded')
        return { kind: chosen.kind, stepId, attempt, result: { outcome: 'succeeded', output } };
      if (chosen.outcome === 'failed')
        return { kind: chosen.kind, stepId, attempt, result: { outcome: 'failed', failure } };
      return { kind: chosen.kind, stepId, attempt, result: { outcome: 'stopped', message: '' } };
    }
  }
}

// ------------------------------------------------------------------------------------------------ the machine under it

class Play {
  readonly events: RecordedEvent[];
  state: ExecutionState;
  now = 1_000;
  refused = 0;

  constructor(plan: ExecutionPlan) {
    const event: ExecutionEvent = {
      type: 'execution-created',
      plan,
      startedBy: 'ana',
      reason: '',
      artifacts: {},
      variables: {},
    };
    this.events = [{ seq: 1, atMs: this.now, event }];
    const created = create(EXECUTION_ID, { seq: 1, atMs: this.now, event });
    assert.ok(created);
    this.state = created;
  }

  put(input: ExecutionInput): void {
    const decision = decide(this.state, input, this.now);
    assert.deepEqual(decide(this.state, input, this.now), decision, 'the same decision for the same arguments');
    if ('refused' in decision) {
      assert.ok(decision.refused.length > 0, 'a refusal says why');
      this.refused++;
      return;
    }
    assert.ok(decision.events.length > 0);
    for (const event of decision.events) {
      const recorded = { seq: this.state.seq + 1, atMs: this.now, event };
      const after = evolve(this.state, recorded);
      assert.deepEqual(brokenBy(this.state, recorded, after), [], event.type);
      assert.ok(effects(event, after).every((effect) => effect.kind !== 'cancel-task' || effect.stepId !== ''));
      this.events.push(recorded);
      this.state = after;
    }
    assert.deepEqual(brokenAtRest(this.state), []);
  }

  /** Begins at once, or behind some others. */
  begin(behind: number): void {
    if (behind === 0) this.put({ kind: 'begin' });
    else this.put({ kind: 'queue', behind: BLOCKERS.slice(0, behind), supersedes: false });
  }

  /** Every living step comes to an end, one after the other: what a fleet does in the long run. */
  finish(succeed: boolean): void {
    for (const { executionId } of this.state.kind === 'queued' ? this.state.behind : []) {
      this.put({ kind: 'place-freed', executionId });
    }
    for (let round = 0; round < 1_000; round++) {
      const [asking] = askingSteps(this.state);
      if (asking !== undefined) {
        const asked = stepState(this.state, asking);
        this.now += 1_209_600_000;
        if (succeed || !('attempt' in asked)) {
          this.put({ kind: 'answer', stepId: asking, answer: 'ignore', by: 'ana', reason: '' });
        } else this.put({ kind: 'answer-overdue', stepId: asking, attempt: asked.attempt });
        continue;
      }
      const [stepId] = Object.keys(this.state.steps).filter((id) => isLiving(stepState(this.state, id)));
      if (stepId === undefined && this.state.kind === 'paused') this.put({ kind: 'resume', by: 'ana', reason: '' });
      else if (stepId === undefined) return;
      if (stepId === undefined) continue;
      const step = stepState(this.state, stepId);
      if (!isLiving(step)) return;
      const { attempt } = step;
      if (step.kind === 'queued') this.put({ kind: 'task-accepted', stepId, attempt, delegate: 'last' });
      if (step.kind === 'cancelling') {
        this.put({ kind: 'task-ended', stepId, attempt, result: { outcome: 'stopped', message: '' } });
      } else {
        const result = succeed
          ? ({ outcome: 'succeeded', output: SETUP_OUTPUT } as const)
          : ({ outcome: 'failed', failure: BAD_IMAGE } as const);
        this.put({ kind: 'task-ended', stepId, attempt, result });
      }
    }
    assert.fail('it does not end');
  }
}

describe('whatever happens to whatever plan', () => {
  test('the invariants hold after every event, every execution ends, and its history gives the same state again', () => {
    let ended = 0;
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        anyPlan,
        fc.constantFrom(0, 0, 0, 1, 2, 3),
        fc.array(move, { maxLength: 60 }),
        fc.boolean(),
        (plan, behind, moves, succeed) => {
          const play = new Play(plan);
          play.begin(behind);
          for (const chosen of moves) {
            play.now += chosen.waitMs;
            play.put(inputOf(play.state, chosen));
          }
          if (play.state.kind !== 'ended') play.finish(succeed);
          assert.equal(play.state.kind, 'ended');
          assert.deepEqual(fold(EXECUTION_ID, play.events), play.state);
          assert.deepEqual(fold(EXECUTION_ID, JSON.parse(JSON.stringify(play.events))), play.state, 'also as stored');
          ended++;
          for (const { event } of play.events) seen.add(event.type);
        },
      ),
      { numRuns: RUNS },
    );
    assert.ok(ended >= RUNS);
    // A property that never sees half of the events proves little.
    assert.equal(seen.size, 22, `events seen: ${[...seen].toSorted().join(', ')}`);
  });

  test('folding never throws, whatever the history holds', () => {
    const event = fc.oneof(
      fc.record({
        type: fc.constantFrom('phase-started' as const),
        phase: fc.constantFrom('Phase 1', 'Nobody'),
        rollback: fc.boolean(),
      }),
      fc.record({
        type: fc.constant('phase-finished' as const),
        phase: fc.constantFrom('Phase 1', 'Rollback Phase 1', 'Nobody'),
        rollback: fc.boolean(),
        outcome: fc.constantFrom('succeeded' as const, 'failed' as const, 'aborted' as const),
      }),
      fc.record({
        type: fc.constant('step-succeeded' as const),
        stepId: fc.constantFrom('p1.1', 'p1.2', 'x'),
        attempt: fc.nat(3),
        output: fc.constant({}),
      }),
      fc.record({
        type: fc.constant('step-started' as const),
        stepId: fc.constantFrom('p1.1', 'p1.2', 'x'),
        attempt: fc.nat(3),
        delegate: fc.constant('a'),
      }),
      fc.record({
        type: fc.constant('step-failed' as const),
        stepId: fc.constantFrom('p1.1', 'r1.1', 'x'),
        attempt: fc.nat(3),
        failure: fc.constant(BAD_IMAGE),
        action: fc.constantFrom('retry' as const, 'ignore' as const, 'end' as const),
      }),
      fc.record({
        type: fc.constant('rollback-started' as const),
        phases: fc.constant(['x']),
        because: fc.constant(''),
      }),
      fc.record({
        type: fc.constant('execution-finished' as const),
        status: fc.constantFrom('succeeded' as const, 'failed' as const),
        rollback: fc.constant('none' as const),
        failure: fc.constant(null),
      }),
    );
    const [first] = new Play(planOf([{ steps: [[PLAIN, PLAIN]], rollback: [[PLAIN]] }])).events;
    assert.ok(first);
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        const history = events.map((next, index) => ({ seq: index + 2, atMs: index, event: next }));
        const state = fold(EXECUTION_ID, [first, ...history]);
        assert.equal(state?.seq, history.length + 1);
      }),
      { numRuns: RUNS },
    );
  });
});
