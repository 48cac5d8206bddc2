import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ATTEMPTS_LIMIT, askingSteps } from '@outrider/control-plane/domain/execution/answers.ts';
import { undoneSteps } from '@outrider/control-plane/domain/execution/rollback.ts';
import { stepState } from '@outrider/control-plane/domain/execution/state.ts';
import type { PlannedFailureStrategy } from '@outrider/control-plane/domain/planning/plan.ts';
import { stepsOfPhase } from '@outrider/control-plane/domain/planning/walk.ts';
import { on, PLAIN, planOf, retry, type StepSketch } from '../plans.ts';
import { Story } from '../story.ts';

const TWO_WEEKS_MS = 14 * 86_400_000;

function ask(afterTimeout: 'rollback-workflow' | 'ignore' | 'end', timeoutSeconds = 600): PlannedFailureStrategy {
  return { ...on('manual-intervention'), intervention: { timeoutSeconds, afterTimeout } };
}
const asking: StepSketch = { ...PLAIN, failureStrategies: [on('manual-intervention')] };

/** A step has failed, and somebody is asked; one more step stands behind it. */
function asked(step: StepSketch = asking): Story {
  const story = Story.begun(planOf([{ steps: [[step], [PLAIN]], rollback: [[PLAIN]] }]));
  return story.accept('p1.1').checkpoint('p1.1', { before: 2 }).fail('p1.1');
}

describe('a failed step whose strategy is manual intervention', () => {
  test('waits for a person, and nothing else happens meanwhile', () => {
    const story = asked();
    assert.equal(story.state.kind, 'deploying');
    assert.deepEqual(story.living, []);
    assert.deepEqual(askingSteps(story.state), ['p1.1']);
    const step = stepState(story.state, 'p1.1');
    assert.deepEqual(step.kind === 'failed' && step.intervention, {
      untilMs: story.now + TWO_WEEKS_MS,
      afterTimeout: 'rollback-workflow',
    });
  });

  test('is tried again at once when somebody says retry, knowing what it had saved', () => {
    const story = asked().answer('p1.1', 'retry');
    assert.deepEqual(story.living, ['p1.1']);
    const step = stepState(story.state, 'p1.1');
    assert.ok(step.kind === 'queued');
    assert.deepEqual([step.attempt, step.notBeforeMs, step.earlierFacts], [2, story.now, { before: 2 }]);
    story.run('p1.1').run('p1.2');
    assert.equal(story.end, 'succeeded, rollback none');
  });

  test('can be asked about again and again, up to a limit', () => {
    const story = asked();
    for (let attempt = 2; attempt <= ATTEMPTS_LIMIT; attempt++) {
      story.answer('p1.1', 'retry').accept('p1.1').fail('p1.1');
    }
    const again = { kind: 'answer', stepId: 'p1.1', answer: 'retry', by: 'ana', reason: '' } as const;
    assert.equal(story.refusal(again), `it has had ${ATTEMPTS_LIMIT} attempts`);
    story.answer('p1.1', 'ignore').run('p1.2');
    assert.equal(story.end, 'succeeded, rollback none');
  });

  test('is passed over when somebody says ignore', () => {
    const story = asked().answer('p1.1', 'ignore');
    assert.deepEqual(story.living, ['p1.2']);
    assert.equal(story.kindOf('p1.1'), 'failed');
    assert.equal(story.run('p1.2').end, 'succeeded, rollback none');
  });

  test('counts as succeeded when somebody says so, but a rollback is told that it failed', () => {
    const story = Story.begun(
      planOf([
        {
          steps: [[{ ...asking, type: 'ecs-canary-deploy', with: {} }], [PLAIN]],
          rollback: [[{ type: 'ecs-canary-delete' }]],
        },
      ]),
    );
    story.accept('p1.1').checkpoint('p1.1', { before: 2 }).fail('p1.1').answer('p1.1', 'mark-success');
    assert.equal(story.kindOf('p1.1'), 'succeeded');
    story.accept('p1.2').fail('p1.2');
    const [undoing] = story.state.plan.rollbackPhases.flatMap(stepsOfPhase);
    assert.ok(undoing);
    assert.deepEqual(
      undoneSteps(story.state, undoing).map(({ status, output, facts }) => [status, output, facts]),
      [['failed', null, { before: 2 }]],
    );
  });

  test('a setup is not marked as success: nobody can give what the steps after it need', () => {
    const setup: StepSketch = { type: 'ecs-service-setup', failureStrategies: [on('manual-intervention')] };
    const story = Story.begun(planOf([{ steps: [[setup]] }]))
      .accept('p1.1')
      .fail('p1.1');
    const mark = { kind: 'answer', stepId: 'p1.1', answer: 'mark-success', by: 'ana', reason: '' } as const;
    assert.match(story.refusal(mark), /retry it, or ignore its failure/);
  });

  test('also after its retries are used up', () => {
    const story = asked({ ...PLAIN, failureStrategies: [retry(1, { afterRetries: 'manual-intervention' })] });
    assert.deepEqual(story.living, ['p1.1'], 'first it is tried again by itself');
    story.accept('p1.1').fail('p1.1');
    assert.deepEqual(askingSteps(story.state), ['p1.1']);
    story.answer('p1.1', 'retry').accept('p1.1').fail('p1.1');
    assert.deepEqual(askingSteps(story.state), ['p1.1'], 'and then a person is asked each time');
  });

  for (const [afterTimeout, end] of [
    ['rollback-workflow', 'failed, rollback succeeded'],
    ['end', 'failed, rollback none'],
    ['ignore', 'succeeded, rollback none'],
  ] as const) {
    test(`without an answer in time: ${afterTimeout}`, () => {
      const story = asked({ ...PLAIN, failureStrategies: [ask(afterTimeout)] });
      const overdue = { kind: 'answer-overdue', stepId: 'p1.1', attempt: 1 } as const;
      story.now += 599_000;
      assert.equal(story.refusal(overdue), 'there is still time to answer');
      story.now += 1_000;
      story.put(overdue);
      for (const stepId of story.living) story.run(stepId);
      assert.equal(story.end, end);
    });
  }

  test('a late word about an attempt that is over counts for nothing', () => {
    const story = asked().answer('p1.1', 'retry').accept('p1.1').fail('p1.1');
    story.now += TWO_WEEKS_MS;
    assert.match(story.refusal({ kind: 'answer-overdue', stepId: 'p1.1', attempt: 1 }), /attempt 1 is over/);
  });

  test('the execution can be aborted or rolled back instead, and after that nobody is asked', () => {
    const back = asked();
    back.put({ kind: 'rollback', by: 'ana', reason: '' });
    assert.deepEqual(askingSteps(back.state), []);
    const late = { kind: 'answer', stepId: 'p1.1', answer: 'retry', by: 'ana', reason: '' } as const;
    assert.equal(back.refusal(late), 'what follows its failure is settled; nobody is asked');
    assert.equal(back.run('r1.1').end, 'failed, rollback succeeded');
    assert.equal(asked().abort(false).end, 'aborted, rollback none');
  });

  test('in a paused execution the retry waits until it is resumed', () => {
    const story = Story.begun(planOf([{ steps: [[asking], [PLAIN]] }]))
      .accept('p1.1')
      .pause()
      .fail('p1.1');
    story.answer('p1.1', 'retry');
    assert.deepEqual(story.living, []);
    assert.deepEqual(story.resume().living, ['p1.1']);
  });

  test('a step beside it runs on to its end, and its failure decides alone', () => {
    const story = Story.begun(planOf([{ steps: [[asking, PLAIN]], rollback: [[PLAIN]] }]));
    story.accept('p1.1').accept('p1.2').fail('p1.1');
    assert.deepEqual(story.living, ['p1.2']);
    story.fail('p1.2').run('r1.1');
    assert.equal(story.end, 'failed, rollback succeeded');
  });
});

describe('a rollback step that asks', () => {
  const rollingBack = (strategy: PlannedFailureStrategy) =>
    Story.begun(planOf([{ steps: [[PLAIN]], rollback: [[{ ...PLAIN, failureStrategies: [strategy] }], [PLAIN]] }]))
      .accept('p1.1')
      .fail('p1.1')
      .accept('r1.1')
      .fail('r1.1');

  test('holds the rollback until somebody has said how it goes on', () => {
    const story = rollingBack(on('manual-intervention'));
    assert.equal(story.state.kind, 'rolling-back');
    assert.deepEqual(askingSteps(story.state), ['r1.1']);
    story.answer('r1.1', 'retry').run('r1.1').run('r1.2');
    assert.equal(story.end, 'failed, rollback succeeded');
  });

  test('fails it when nobody says anything in time', () => {
    const story = rollingBack(ask('rollback-workflow'));
    story.now += 600_000;
    story.put({ kind: 'answer-overdue', stepId: 'r1.1', attempt: 1 });
    assert.equal(story.end, 'failed, rollback failed');
  });
});

describe('a step that asks nobody', () => {
  const refusals: readonly [string, () => Story, RegExp][] = [
    ['has not begun', () => Story.begun(planOf([{ steps: [[{ ...PLAIN, name: 'x' }], [PLAIN]] }])), /has not begun/],
    ['failed and was ignored', () => asked({ ...PLAIN, failureStrategies: [on('ignore')] }), /nobody is asked/],
  ];
  for (const [what, story, says] of refusals) {
    test(`because it ${what}`, () => {
      const stepId = what === 'has not begun' ? 'p1.2' : 'p1.1';
      assert.match(story().refusal({ kind: 'answer', stepId, answer: 'retry', by: 'ana', reason: '' }), says);
    });
  }
  test('because it runs', () => {
    const story = Story.begun(planOf([{ steps: [[PLAIN]] }])).accept('p1.1');
    const answer = { kind: 'answer', stepId: 'p1.1', answer: 'ignore', by: 'ana', reason: '' } as const;
    assert.match(story.refusal(answer), /has not failed/);
  });
});
