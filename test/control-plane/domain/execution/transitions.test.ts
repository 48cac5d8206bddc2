import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { decide } from '@outrider/control-plane/domain/execution/decide.ts';
import { executionStatesDocument } from '@outrider/control-plane/domain/execution/diagram.ts';
import type { ExecutionInput } from '@outrider/control-plane/domain/execution/events.ts';
import { type ExecutionKind, type StepKind, stepState } from '@outrider/control-plane/domain/execution/state.ts';
import {
  EXECUTION_INPUTS,
  EXECUTION_TRANSITIONS,
  STEP_INPUTS,
  STEP_TRANSITIONS,
  TAKEN,
} from '@outrider/control-plane/domain/execution/transitions.ts';
import { on, PLAIN, planOf } from '../plans.ts';
import { BAD_IMAGE, Story } from '../story.ts';

const DOCUMENT = new URL('../../../../docs/execution-states.md', import.meta.url);

test('the page about states says what the machine does', () => {
  const printed = executionStatesDocument();
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(DOCUMENT, printed);
  assert.equal(readFileSync(DOCUMENT, 'utf8'), printed, 'print it anew: UPDATE_GOLDEN=1');
});

const OTHER = { executionId: 'exe_OTHER', workflow: 'web', resource: 'ECS/web@example' };
const inputs: Readonly<Record<keyof (typeof EXECUTION_INPUTS)['created'], ExecutionInput>> = {
  begin: { kind: 'begin' },
  queue: { kind: 'queue', behind: [OTHER], supersedes: false },
  'place-freed': { kind: 'place-freed', executionId: OTHER.executionId },
  abort: { kind: 'abort', by: 'ben', reason: '', rollback: true },
  rollback: { kind: 'rollback', by: 'ben', reason: '' },
  pause: { kind: 'pause', by: 'ben', reason: '' },
  resume: { kind: 'resume', by: 'ben', reason: '' },
  answer: { kind: 'answer', stepId: 'p1.1', answer: 'ignore', by: 'ben', reason: '' },
  'answer-overdue': { kind: 'answer-overdue', stepId: 'p1.1', attempt: 1 },
  'task-accepted': { kind: 'task-accepted', stepId: 'p1.1', attempt: 1, delegate: 'a' },
  'task-checkpointed': { kind: 'task-checkpointed', stepId: 'p1.1', attempt: 1, facts: {} },
  'task-ended': {
    kind: 'task-ended',
    stepId: 'p1.1',
    attempt: 1,
    result: { outcome: 'failed', failure: BAD_IMAGE },
  },
  'task-requeued': { kind: 'task-requeued', stepId: 'p1.1', attempt: 1, because: '' },
  'task-undeliverable': { kind: 'task-undeliverable', stepId: 'p1.1', attempt: 1, failure: BAD_IMAGE },
  'task-deadline-passed': { kind: 'task-deadline-passed', stepId: 'p1.1', attempt: 1 },
};

const plan = () => planOf([{ steps: [[PLAIN, PLAIN]], rollback: [[PLAIN]] }]);
const executions: Readonly<Record<ExecutionKind, () => Story>> = {
  created: () => new Story(plan()),
  queued: () => Story.queued(plan(), [OTHER]),
  deploying: () => Story.begun(plan()).accept('p1.1'),
  paused: () => Story.begun(plan()).accept('p1.1').pause(),
  stopping: () => Story.begun(plan()).accept('p1.1').abort(),
  'rolling-back': () => Story.begun(plan()).accept('p1.1').fail('p1.1').stopped('p1.2'),
  ended: () => Story.begun(plan()).run('p1.1').run('p1.2'),
};
const asking = { ...PLAIN, failureStrategies: [on('manual-intervention')] };
/** When every limit has passed. */
const LATE = Number.MAX_SAFE_INTEGER;
const steps: Readonly<Record<StepKind, () => Story>> = {
  pending: () => Story.begun(planOf([{ steps: [[{ ...PLAIN, name: 'first' }], [PLAIN]] }])),
  queued: () => Story.begun(planOf([{ steps: [[PLAIN]] }])),
  running: () => Story.begun(planOf([{ steps: [[PLAIN]] }])).accept('p1.1'),
  cancelling: () =>
    Story.begun(planOf([{ steps: [[PLAIN]] }]))
      .accept('p1.1')
      .abort(),
  succeeded: () => Story.begun(planOf([{ steps: [[PLAIN], [PLAIN]] }])).run('p1.1'),
  failed: () =>
    Story.begun(planOf([{ steps: [[asking], [PLAIN]] }]))
      .accept('p1.1')
      .fail('p1.1'),
  aborted: () =>
    Story.begun(planOf([{ steps: [[PLAIN, PLAIN]] }]))
      .accept('p1.1')
      .accept('p1.2')
      .abort()
      .stopped('p1.1'),
  skipped: () => Story.begun(planOf([{ steps: [[{ ...PLAIN, when: false }], [PLAIN]] }])),
};

for (const [kind, story] of Object.entries(executions)) {
  for (const [name, input] of Object.entries(inputs)) {
    test(`an execution that is ${kind} takes or refuses ${name} as the table says`, () => {
      const { state } = story();
      assert.equal(state.kind, kind);
      const verdict = EXECUTION_INPUTS[state.kind][input.kind];
      const decision = decide(state, input, 1);
      // What the execution takes, the step may still refuse, with its own reason.
      if (verdict === TAKEN) assert.ok('events' in decision || 'stepId' in input);
      else assert.deepEqual(decision, { refused: verdict });
    });
  }
}

for (const [kind, story] of Object.entries(steps)) {
  for (const input of Object.values(inputs)) {
    if (!('stepId' in input)) continue;
    test(`a step that is ${kind} takes or refuses ${input.kind} as the table says`, () => {
      const { state } = story();
      const stepId = kind === 'pending' ? 'p1.2' : 'p1.1';
      const step = stepState(state, stepId);
      assert.equal(step.kind, kind);
      const ofExecution = EXECUTION_INPUTS[state.kind][input.kind];
      const verdict = ofExecution === TAKEN ? STEP_INPUTS[step.kind][input.kind] : ofExecution;
      const decision = decide(state, { ...input, stepId }, LATE);
      if (verdict === TAKEN) assert.ok('events' in decision && decision.events.length > 0);
      else assert.deepEqual(decision, { refused: verdict });
    });
  }
}

test('every state can be reached, and only the last ones cannot be left', () => {
  const check = (transitions: readonly { from: readonly string[]; to: string }[], first: string, last: string[]) => {
    const kinds = new Set(transitions.flatMap(({ from, to }) => [...from, to]));
    for (const kind of kinds) {
      if (kind !== first)
        assert.ok(
          transitions.some(({ to }) => to === kind),
          `nothing leads to ${kind}`,
        );
      const isLeft = transitions.some(({ from, to }) => from.includes(kind) && to !== kind);
      assert.equal(isLeft, !last.includes(kind), kind);
    }
  };
  check(EXECUTION_TRANSITIONS, 'created', ['ended']);
  check(STEP_TRANSITIONS, 'pending', ['succeeded', 'aborted', 'skipped']);
});
