import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stepState } from '@outrider/control-plane/domain/execution/state.ts';
import { CANARY, on, type PhaseSketch, PLAIN, planOf, retry, SETUP_OUTPUT } from '../plans.ts';
import { BAD_IMAGE, Story } from '../story.ts';

function canary(): Story {
  return Story.begun(planOf(CANARY)).run('p1.1', SETUP_OUTPUT);
}

function skipReason(story: Story, stepId: string): string {
  const step = stepState(story.state, stepId);
  assert.ok(step.kind === 'skipped', `${stepId} is ${step.kind}`);
  return step.because;
}

describe('rolling back', () => {
  test('a failure in phase 2 rolls back phase 2, then phase 1', () => {
    const story = canary().run('p1.2').accept('p2.1').fail('p2.1');
    assert.deepEqual(story.living, ['r2.1']);
    story.run('r2.1');
    assert.deepEqual(story.living, ['r1.1']);
    story.run('r1.1');
    assert.equal(story.end, 'failed, rollback succeeded');
    assert.ok(story.state.kind === 'ended');
    assert.deepEqual(story.state.order, ['Rollback Phase 2', 'Rollback Phase 1']);
  });

  test('phases that never started are not rolled back', () => {
    const story = canary().accept('p1.2').fail('p1.2').run('r1.1');
    assert.equal(story.end, 'failed, rollback succeeded');
    assert.equal(story.kindOf('r2.1'), 'pending');
  });

  test('a rollback step that fails stops the rollback: earlier phases stay as they are', () => {
    const story = canary().run('p1.2').accept('p2.1').fail('p2.1').accept('r2.1');
    story.fail('r2.1', { ...BAD_IMAGE, code: 'aws-access-denied', message: 'ecs:UpdateService is not allowed' });
    assert.equal(story.end, 'failed, rollback failed');
    assert.equal(story.kindOf('r1.1'), 'pending');
    assert.ok(story.state.kind === 'ended');
    assert.equal(story.state.failure?.code, 'image-pull-failed', 'the first failure stays the reason');
    assert.match(
      story.state.failure.evidence.join('\n'),
      /Rollback Phase 2 failed in Rollback Containers: ecs:UpdateService/,
    );
  });

  test('the steps of a rollback run with what the undone steps saved', () => {
    const story = canary()
      .accept('p1.2')
      .checkpoint('p1.2', { undo: 'counts' })
      .checkpoint('p1.2', { done: ['a'] })
      .fail('p1.2');
    const step = stepState(story.state, 'r1.1');
    assert.ok(step.kind === 'queued');
    assert.deepEqual(step.task.prior.undo, [
      {
        stepId: 'p1.2',
        phase: 'Phase 1',
        type: 'ecs-upgrade-containers',
        status: 'failed',
        facts: { undo: 'counts', done: ['a'] },
        output: null,
      },
    ]);
    assert.equal(step.task.prior.setup?.total, 2);
    assert.equal(step.task.rollback, true);
  });

  test('what the first attempt saved is undone, not what a later one found half way', () => {
    const [phase] = CANARY;
    assert.ok(phase);
    const resize = {
      name: 'Upgrade Containers',
      type: 'ecs-upgrade-containers' as const,
      failureStrategies: [retry(1)],
    };
    const story = Story.begun(planOf([{ ...phase, steps: [phase.steps[0] ?? [], [resize]] }])).run(
      'p1.1',
      SETUP_OUTPUT,
    );
    const earlier = () => {
      const step = stepState(story.state, 'p1.2');
      return step.kind === 'queued' ? step.task.prior.earlier : 'not queued';
    };
    assert.equal(earlier(), undefined);
    story.accept('p1.2').checkpoint('p1.2', { undo: 'before' }).fail('p1.2');
    assert.deepEqual(earlier(), { undo: 'before' }, 'the second attempt is told');
    story.accept('p1.2').checkpoint('p1.2', { undo: 'half way', goal: 'later' }).fail('p1.2');
    const step = stepState(story.state, 'r1.1');
    assert.ok(step.kind === 'queued');
    assert.deepEqual(step.task.prior.undo[0]?.facts, { undo: 'before', goal: 'later' });
  });

  test('what a first attempt did is undone also when nobody took the second one', () => {
    const [phase] = CANARY;
    assert.ok(phase);
    const resize = { name: 'Upgrade', type: 'ecs-upgrade-containers' as const, failureStrategies: [retry(1)] };
    const plan = planOf([{ ...phase, steps: [phase.steps[0] ?? [], [resize]] }]);
    const story = Story.begun(plan).run('p1.1', SETUP_OUTPUT).accept('p1.2').checkpoint('p1.2', { undo: 'before' });
    story.fail('p1.2').abort().stopped('p1.2', 'no delegate was working on it');
    const step = stepState(story.state, 'r1.1');
    assert.ok(step.kind === 'queued', step.kind);
    assert.deepEqual(step.task.prior.undo[0]?.facts, { undo: 'before' });
  });

  test('a resize that no delegate ever took has nothing to undo', () => {
    const story = canary().abort().stopped('p1.2');
    assert.equal(skipReason(story, 'r1.1'), 'No context found for rollback. Skipping.');
    assert.equal(story.end, 'aborted, rollback succeeded');
  });

  test('a setup that failed leaves nothing to roll back', () => {
    const story = Story.begun(planOf(CANARY)).accept('p1.1').fail('p1.1');
    assert.equal(skipReason(story, 'r1.1'), 'No context found for rollback. Skipping.');
    assert.equal(story.end, 'failed, rollback succeeded');
  });

  test('once all phases were rolled back at once, later Rollback Containers are skipped', () => {
    const story = canary().run('p1.2').accept('p2.1').fail('p2.1').accept('r2.1');
    story.succeed('r2.1', { allPhasesDone: true, skipped: '' });
    assert.equal(skipReason(story, 'r1.1'), 'All phase Rollback already done. Skipping.');
    assert.equal(story.end, 'failed, rollback succeeded');
  });

  test('that holds for the same service and infrastructure only', () => {
    const [first, second] = CANARY;
    assert.ok(first && second);
    const other: PhaseSketch = { ...first, name: 'Other', service: 'api' };
    const story = Story.begun(planOf([first, other]))
      .run('p1.1', SETUP_OUTPUT)
      .run('p1.2')
      .run('p2.1', SETUP_OUTPUT);
    story.accept('p2.2').fail('p2.2').accept('r2.1').succeed('r2.1', { allPhasesDone: true });
    assert.deepEqual(story.living, ['r1.1']);
  });

  test('a canary that was not deployed is not deleted, a rolling deployment that never ran is not rolled back', () => {
    const phase: PhaseSketch = {
      steps: [[PLAIN], [{ type: 'ecs-canary-deploy' }], [{ type: 'ecs-rolling-deploy' }]],
      rollback: [[{ type: 'ecs-rolling-rollback' }], [{ type: 'ecs-canary-delete' }]],
    };
    const story = Story.begun(planOf([phase]))
      .accept('p1.1')
      .fail('p1.1');
    const reasons = ['r1.1', 'r1.2'].map((id) => skipReason(story, id));
    assert.deepEqual(reasons, [
      'Ecs Rolling Deploy Step was not executed. Skipping Rollback.',
      'Ecs Canary Deploy Step was not executed. Skipping Canary Delete.',
    ]);
  });

  test('also for another infrastructure of the same service', () => {
    const [first] = CANARY;
    assert.ok(first);
    const story = Story.begun(planOf([first, { ...first, infrastructure: 'west' }]));
    story.run('p1.1', SETUP_OUTPUT).run('p1.2').run('p2.1', SETUP_OUTPUT);
    story.accept('p2.2').fail('p2.2').accept('r2.1').succeed('r2.1', { allPhasesDone: true });
    assert.deepEqual(story.living, ['r1.1']);
  });

  test('a step that undoes several gets them newest first, with the output of those that succeeded', () => {
    const resize = (name: string) => [{ name, type: 'ecs-upgrade-containers' as const }];
    const [setup = []] = CANARY[0]?.steps ?? [];
    const rollback = [[{ type: 'ecs-rollback-containers' as const }]];
    const story = Story.begun(planOf([{ steps: [setup, resize('Half'), resize('All')], rollback }]));
    story.run('p1.1', SETUP_OUTPUT).run('p1.2', { containers: [] }).accept('p1.3').fail('p1.3');
    const step = stepState(story.state, 'r1.1');
    assert.ok(step.kind === 'queued');
    assert.deepEqual(
      step.task.prior.undo.map((undone) => [undone.stepId, undone.status, undone.output]),
      [
        ['p1.3', 'failed', null],
        ['p1.2', 'succeeded', { containers: [] }],
      ],
    );
  });

  test('a rollback step sees what the steps of its phase and of the rollback before it gave', () => {
    const say = (name: string, serviceName: string) => [{ name, with: { serviceName } }];
    const rollback = [say('First', '${ECS__Service__Setup.serviceName}'), say('Then', '${First.serviceName}')];
    const [phase] = CANARY;
    const story = Story.begun(planOf([{ steps: phase?.steps ?? [], rollback }])).run('p1.1', SETUP_OUTPUT);
    story.accept('p1.2').fail('p1.2').run('r1.1', { serviceName: 'from the rollback' });
    const step = stepState(story.state, 'r1.2');
    assert.ok(step.kind === 'queued', step.kind);
    assert.equal(step.task.with['serviceName'], 'from the rollback');
  });

  test("the workflow's strategies are for going forward: a failed rollback step is not passed over by them", () => {
    const first = { ...PLAIN, failureStrategies: [on('rollback-workflow')] };
    const plan = planOf([{ steps: [[first]], rollback: [[PLAIN], [PLAIN]] }], { failureStrategies: [on('ignore')] });
    const story = Story.begun(plan).accept('p1.1').fail('p1.1').accept('r1.1').fail('r1.1');
    assert.equal(story.end, 'failed, rollback failed');
  });

  test('rollback-phase rolls back the failed phase alone', () => {
    const [first, second] = CANARY;
    assert.ok(first && second);
    const plan = planOf([first, { ...second, failureStrategies: [on('rollback-phase')] }]);
    const story = Story.begun(plan).run('p1.1', SETUP_OUTPUT).run('p1.2').accept('p2.1').fail('p2.1').run('r2.1');
    assert.equal(story.end, 'failed, rollback succeeded');
    assert.equal(story.kindOf('r1.1'), 'pending');
  });

  test('a rollback step may be retried or ignored by its own strategies', () => {
    const phase: PhaseSketch = {
      steps: [[PLAIN]],
      rollback: [[{ ...PLAIN, failureStrategies: [retry(1, { afterRetries: 'ignore' })] }], [PLAIN]],
    };
    const story = Story.begun(planOf([phase], { failureStrategies: [on('rollback-workflow')] }));
    story.accept('p1.1').fail('p1.1').accept('r1.1').fail('r1.1');
    assert.equal(story.attempt('r1.1'), 2);
    story.accept('r1.1').fail('r1.1');
    assert.deepEqual(story.living, ['r1.2']);
    story.run('r1.2');
    assert.equal(story.end, 'failed, rollback succeeded');
  });

  test('the other steps of a rollback group go on when one of them fails', () => {
    const story = Story.begun(planOf([{ steps: [[PLAIN]], rollback: [[PLAIN, PLAIN], [PLAIN]] }]));
    story.accept('p1.1').fail('p1.1').accept('r1.1').accept('r1.2').fail('r1.1');
    assert.equal(story.kindOf('r1.2'), 'running');
    story.succeed('r1.2');
    assert.equal(story.kindOf('r1.3'), 'pending');
    assert.equal(story.end, 'failed, rollback failed');
  });
});
