import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stepState } from '@outrider/control-plane/domain/execution/state.ts';
import { CANARY, on, PLAIN, planOf, retry, SETUP_OUTPUT } from '../plans.ts';
import { BAD_IMAGE, Story } from '../story.ts';

describe('going forward', () => {
  test('phases, groups and steps run in their order, the steps of a group at the same time', () => {
    const story = Story.begun(planOf([{ steps: [[PLAIN, PLAIN], [PLAIN]] }, { steps: [[PLAIN]] }]));
    assert.deepEqual(story.living, ['p1.1', 'p1.2']);
    story.run('p1.2');
    assert.deepEqual(story.living, ['p1.1'], 'the next group waits for the whole group');
    story.run('p1.1');
    assert.deepEqual(story.living, ['p1.3']);
    story.run('p1.3');
    assert.deepEqual(story.living, ['p2.1']);
    story.run('p2.1');
    assert.equal(story.end, 'succeeded, rollback none');
    assert.deepEqual(
      story.told.filter((line) => line.startsWith('phase')),
      ['phase-started Phase 1', 'phase-finished Phase 1', 'phase-started Phase 2', 'phase-finished Phase 2'],
    );
  });

  test('a step whose condition is false is skipped and the phase goes on', () => {
    const story = Story.begun(planOf([{ steps: [[{ ...PLAIN, when: '${app.name} == "other"' }], [PLAIN]] }]));
    assert.equal(story.kindOf('p1.1'), 'skipped');
    story.run('p1.2');
    assert.equal(story.end, 'succeeded, rollback none');
  });

  test('a condition that cannot be evaluated fails the step', () => {
    const story = Story.begun(planOf([{ steps: [[{ ...PLAIN, when: '${nobody.knows}' }]] }]));
    const step = stepState(story.state, 'p1.1');
    assert.ok(step.kind === 'failed');
    assert.equal(step.failure.code, 'expression-unresolved');
    assert.match(step.failure.message, /when: .*nobody/);
    assert.equal(story.end, 'failed, rollback none');
  });

  test('a phase with all steps skipped succeeds without waiting for anybody', () => {
    const story = Story.begun(
      planOf([{ steps: [[{ ...PLAIN, when: false }]] }, { steps: [[{ ...PLAIN, when: false }]] }]),
    );
    assert.equal(story.end, 'succeeded, rollback none');
  });

  test('Upgrade Containers without a setup is skipped in the words of the page', () => {
    const story = Story.begun(planOf([{ steps: [[{ type: 'ecs-upgrade-containers' }]] }]));
    const step = stepState(story.state, 'p1.1');
    assert.ok(step.kind === 'skipped');
    assert.equal(step.because, 'No container setup element found. Skipping.');
  });

  test('what a script publishes is seen by all later steps, in phases of other services too', () => {
    const script = {
      type: 'shell-script',
      with: { script: 'V=1', outputVariables: ['V'], publishAs: 'build' },
    } as const;
    const check = { with: { serviceName: 'web-${context.build.V}' } };
    const story = Story.begun(planOf([{ steps: [[script], [check]] }, { service: 'api', steps: [[check]] }]));
    story.run('p1.1', { exitCode: 0, outputVariables: { V: '1.2' } });
    for (const id of ['p1.2', 'p2.1']) {
      const step = stepState(story.state, id);
      assert.ok(step.kind === 'queued');
      assert.deepEqual(step.task.with, { serviceName: 'web-1.2' });
      story.run(id);
    }
  });

  test('what a script that was skipped would have published is missing, and the step says so', () => {
    const script = { type: 'shell-script', when: false, with: { script: 'true', publishAs: 'build' } } as const;
    const story = Story.begun(planOf([{ steps: [[script], [{ with: { serviceName: '${context.build.V}' } }]] }]));
    const step = stepState(story.state, 'p1.2');
    assert.ok(step.kind === 'failed');
    assert.match(step.failure.message, /context\.build|"build"/);
  });

  test("a step sees the outputs of its phase's steps, else of the latest earlier phase of its service", () => {
    const check = (name: string) => ({ name, with: { serviceName: '${ECS__Service__Setup.serviceName}' } });
    const [first, second] = CANARY;
    assert.ok(first && second);
    const plan = planOf([first, { steps: [[check('Check')]] }, { service: 'api', steps: [[check('Other')]] }]);
    const story = Story.begun(plan);
    story.run('p1.1', SETUP_OUTPUT).run('p1.2');
    const step = stepState(story.state, 'p2.1');
    assert.ok(step.kind === 'queued');
    assert.equal(step.task.with['serviceName'], 'ECS__web__stage__ecs__4');
    story.run('p2.1');
    const other = stepState(story.state, 'p3.1');
    assert.ok(other.kind === 'failed', 'another service does not see them');
    assert.equal(other.failure.code, 'expression-unresolved');
  });

  test('the setup of another service or infrastructure does not count', () => {
    const [first] = CANARY;
    assert.ok(first);
    const resize = [[{ type: 'ecs-upgrade-containers' as const }]];
    for (const other of [{ service: 'api' }, { infrastructure: 'west' }]) {
      const story = Story.begun(planOf([first, { ...other, steps: resize }]))
        .run('p1.1', SETUP_OUTPUT)
        .run('p1.2');
      assert.equal(story.kindOf('p2.1'), 'skipped');
    }
  });

  test('a step cannot hide the names that are always there', () => {
    const plan = planOf([{ steps: [[{ ...PLAIN, name: 'app' }], [{ with: { serviceName: '${app.name}' } }]] }]);
    const story = Story.begun(plan).run('p1.1', { name: 'hidden' });
    const step = stepState(story.state, 'p1.2');
    assert.ok(step.kind === 'queued');
    assert.equal(step.task.with['serviceName'], 'ECS');
  });

  test('a rendered field that the step does not take fails the step with step-input-invalid', () => {
    const plan = planOf([
      { steps: [[{ ...PLAIN, with: { serviceName: 'web', timeoutMilliseconds: '${app.name}' } }]] },
    ]);
    const step = stepState(Story.begun(plan).state, 'p1.1');
    assert.ok(step.kind === 'failed');
    assert.equal(step.failure.code, 'step-input-invalid');
    assert.match(step.failure.message, /timeoutMilliseconds/);
  });

  test('a steady state timeout whose expression fails becomes null, not a failure', () => {
    const plan = planOf([
      { steps: [[{ type: 'ecs-service-setup', with: { steadyStateTimeoutMinutes: '${nobody.knows}' } }]] },
    ]);
    const step = stepState(Story.begun(plan).state, 'p1.1');
    assert.ok(step.kind === 'queued');
    assert.equal(step.task.with['steadyStateTimeoutMinutes'], null);
  });

  test('the task carries the service with its placeholders resolved and the output of the setup', () => {
    const story = Story.begun(planOf(CANARY));
    story.run('p1.1', SETUP_OUTPUT);
    const step = stepState(story.state, 'p1.2');
    assert.ok(step.kind === 'queued');
    assert.deepEqual(step.task.service.taskDefinition, {
      containerDefinitions: [{ name: 'web', image: 'library/nginx:1' }],
    });
    assert.equal(step.task.prior.setup?.serviceName, 'ECS__web__stage__ecs__4');
    assert.deepEqual(step.task.prior.undo, []);
    const [enqueued] = story.effects.filter((effect) => effect.kind === 'enqueue-task').slice(-1);
    assert.ok(enqueued?.kind === 'enqueue-task');
    assert.deepEqual(enqueued.selectors, ['vpc-stage']);
    assert.equal(enqueued.timeoutSeconds, 900);
  });
});

describe('failure strategies', () => {
  const failOnce = (strategies: Parameters<typeof planOf>[1] & object, step = PLAIN) => {
    const story = Story.begun(planOf([{ steps: [[step], [PLAIN]], rollback: [[PLAIN]] }], strategies));
    return story.accept('p1.1').fail('p1.1');
  };

  test('without any, the workflow is rolled back', () => {
    const story = failOnce({});
    assert.deepEqual(story.living, ['r1.1']);
    story.run('r1.1');
    assert.equal(story.end, 'failed, rollback succeeded');
  });

  test('ignore goes on as if the step had succeeded', () => {
    const story = failOnce({ failureStrategies: [on('ignore')] });
    assert.deepEqual(story.living, ['p1.2']);
    story.run('p1.2');
    assert.equal(story.end, 'succeeded, rollback none');
  });

  test('end fails the execution without a rollback', () => {
    assert.equal(failOnce({ failureStrategies: [on('end')] }).end, 'failed, rollback none');
  });

  test('abort ends it as aborted without a rollback', () => {
    assert.equal(failOnce({ failureStrategies: [on('abort')] }).end, 'aborted, rollback none');
  });

  test('the first strategy that matches the failure type counts', () => {
    const strategies = [on('end', ['timeout']), on('ignore', ['application']), on('abort')];
    assert.deepEqual(failOnce({ failureStrategies: strategies }).living, ['p1.2']);
  });

  test("a step's strategies go before its phase's, and those before the workflow's", () => {
    const phase = (own: ReturnType<typeof on>[], step: ReturnType<typeof on>[]) => ({
      steps: [[{ ...PLAIN, failureStrategies: step }], [PLAIN]],
      failureStrategies: own,
    });
    const workflow = { failureStrategies: [on('abort')] };
    const fail = (plan: ReturnType<typeof planOf>) => Story.begun(plan).accept('p1.1').fail('p1.1');
    assert.equal(fail(planOf([phase([on('end')], [])], workflow)).end, 'failed, rollback none');
    assert.deepEqual(fail(planOf([phase([on('end')], [on('ignore')])], workflow)).living, ['p1.2']);
    const passedOver = fail(planOf([phase([], [on('ignore', ['timeout'])])], workflow));
    assert.equal(passedOver.end, 'aborted, rollback none', 'a level without a match is passed over');
  });

  test('retry runs the step again after its interval, the last interval repeating', () => {
    const step = { ...PLAIN, failureStrategies: [retry(3, { retryIntervalsSeconds: [10, 60] })] };
    const story = Story.begun(planOf([{ steps: [[step]] }]));
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 3; attempt++) {
      story.accept('p1.1').fail('p1.1');
      const state = stepState(story.state, 'p1.1');
      assert.ok(state.kind === 'queued');
      assert.equal(state.attempt, attempt + 1);
      waits.push((state.notBeforeMs - story.now) / 1000);
    }
    assert.deepEqual(waits, [10, 60, 60]);
    story.run('p1.1');
    assert.equal(story.end, 'succeeded, rollback none');
  });

  test('when the retries are used up, what was asked for then follows', () => {
    const step = { ...PLAIN, failureStrategies: [retry(1, { afterRetries: 'ignore' })] };
    const story = Story.begun(planOf([{ steps: [[step], [PLAIN]] }]));
    story.accept('p1.1').fail('p1.1').accept('p1.1').fail('p1.1');
    assert.deepEqual(story.living, ['p1.2']);
  });

  test('an input that does not resolve is not retried: it would fail again', () => {
    const step = { ...PLAIN, with: { serviceName: '${nobody.knows}' }, failureStrategies: [retry(5)] };
    const story = Story.begun(planOf([{ steps: [[step]] }]));
    assert.equal(story.end, 'failed, rollback none');
    assert.deepEqual(
      story.told.filter((line) => line.startsWith('step-failed')),
      ['step-failed p1.1'],
    );
  });

  test('a failure stops its siblings, and the rollback waits until they have ended', () => {
    const story = Story.begun(planOf([{ steps: [[PLAIN, PLAIN, PLAIN]], rollback: [[PLAIN]] }]));
    story.accept('p1.1').accept('p1.2').fail('p1.1');
    assert.equal(story.kindOf('p1.2'), 'cancelling');
    assert.equal(story.kindOf('p1.3'), 'cancelling');
    const cancels = story.effects.filter((effect) => effect.kind === 'cancel-task');
    assert.deepEqual(
      cancels.map(({ stepId, reason }) => [stepId, reason]),
      [
        ['p1.2', 'rolling-back'],
        ['p1.3', 'rolling-back'],
      ],
    );
    story.stopped('p1.3');
    assert.ok(!story.living.includes('r1.1'));
    story.stopped('p1.2');
    assert.deepEqual(story.living, ['r1.1']);
  });

  test('what fails while the execution is being stopped does not change what follows', () => {
    const ignored = { ...PLAIN, failureStrategies: [on('ignore')] };
    const story = Story.begun(planOf([{ steps: [[PLAIN, ignored]], rollback: [[PLAIN]] }]));
    story
      .accept('p1.1')
      .accept('p1.2')
      .fail('p1.1')
      .fail('p1.2', { ...BAD_IMAGE, message: 'second' });
    story.run('r1.1');
    assert.equal(story.end, 'failed, rollback succeeded');
    assert.ok(story.state.kind === 'ended');
    assert.equal(story.state.failure?.message, BAD_IMAGE.message, 'the first failure is the reason');
    const second = stepState(story.state, 'p1.2');
    assert.ok(second.kind === 'failed');
    assert.equal(second.action, 'rollback-workflow', 'its own strategy was to ignore');
  });
});
