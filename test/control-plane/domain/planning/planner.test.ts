import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ExecutionPlan, PlannedPhase, PlannedStep } from '@outrider/control-plane/domain/planning/plan.ts';
import { allSteps, findStep, resourceKeys } from '@outrider/control-plane/domain/planning/walk.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import {
  environmentDocument,
  infrastructureDocument,
  phaseDocument,
  planMade,
  SEED_CANARY,
  SERVICE_NAME,
  SETUP,
  serviceDocument,
  UPGRADE,
  type World,
  workflowDocument,
} from './resources.ts';

/** `Section: Step, Step | Section: …` of a phase, empty sections left out. */
function shape(phase: PlannedPhase | undefined): string {
  const sections = (phase?.sections ?? []).filter((section) => section.groups.length > 0);
  return sections
    .map(
      ({ name, groups }) => `${name}: ${groups.map((group) => group.map((step) => step.name).join(' + ')).join(', ')}`,
    )
    .join(' | ');
}

function stepAt(plan: ExecutionPlan, id: string): PlannedStep {
  const step = findStep(plan, id)?.step;
  assert.ok(
    step,
    `no step ${id} among ${allSteps(plan)
      .map((each) => each.id)
      .join(', ')}`,
  );
  return step;
}

const oneStep = (section: string, step: JsonObject, rest: JsonObject = {}) =>
  workflowDocument({ phases: [phaseDocument('Phase 1', { sections: { [section]: [step] }, ...rest })] });

describe("the plan of the seed's canary", () => {
  const plan = planMade(SEED_CANARY);

  test('has its phases, steps and ids in order', () => {
    assert.deepEqual(
      plan.phases.map((phase) => [phase.name, phase.number, shape(phase)]),
      [
        ['Phase 1', 1, 'Setup Container: ECS Service Setup | Deploy Containers: Upgrade Containers'],
        ['Phase 2', 2, 'Deploy Containers: Upgrade Containers'],
      ],
    );
    assert.deepEqual(
      allSteps(plan).map((step) => step.id),
      ['p1.1', 'p1.2', 'p2.1', 'r1.1', 'r2.1'],
    );
    assert.deepEqual(
      plan.phases[0]?.sections.map((section) => section.name),
      ['Setup Container', 'Deploy Containers', 'Verify Service', 'Wrap Up'],
    );
    assert.deepEqual(plan.workflow, { name: 'ECS Replica Strategy', application: 'ECS', version: 3 });
  });

  test('generates a rollback phase for each phase, which undoes its Upgrade Containers', () => {
    assert.deepEqual(
      plan.rollbackPhases.map((phase) => [phase.name, phase.number, phase.rollback, shape(phase)]),
      [
        ['Rollback Phase 1', 1, true, 'Deploy Containers: Rollback Containers'],
        ['Rollback Phase 2', 2, true, 'Deploy Containers: Rollback Containers'],
      ],
    );
    assert.deepEqual(stepAt(plan, 'r1.1').undoes, ['p1.2']);
    assert.deepEqual(stepAt(plan, 'r2.1').undoes, ['p2.1']);
  });

  test('names family, container and image as the page does', () => {
    const service = plan.phases[0]?.service;
    assert.equal(service?.family, 'ECS__Example__Default_Replica__stage__ecs');
    assert.equal(service.image, 'library/nginx:stable-perl');
    assert.equal(service.containerName, 'library_nginx_stable-perl');
  });

  test('gives steps the selectors of their infrastructure and the target of their phase', () => {
    assert.deepEqual(stepAt(plan, 'r2.1').delegateSelectors, ['vpc-stage']);
    assert.deepEqual(plan.phases[0]?.target, {
      infrastructure: 'example',
      region: 'us-east-1',
      cluster: 'example',
      launchType: 'EC2',
      executionRole: 'arn:aws:iam::123456789012:role/ecsTaskExecutionRole',
    });
    assert.deepEqual(resourceKeys(plan), ['ECS/Example Default_Replica@example']);
  });

  test('knows the last resize: auto scaling waits for it', () => {
    assert.equal(stepAt(plan, 'p1.2').finalResize, false);
    assert.equal(stepAt(plan, 'p2.1').finalResize, true);
    assert.equal(stepAt(plan, 'r2.1').finalResize, false);
  });

  test('keeps what all phases see once', () => {
    const { values } = plan.scope;
    assert.deepEqual(Object.keys(values).toSorted(), [
      'app',
      'deploymentTriggeredBy',
      'env',
      'environmentVariable',
      'workflow',
    ]);
    const own = plan.phases[0]?.scope.values ?? {};
    assert.ok('serviceVariable' in own && 'DOCKER_IMAGE_NAME' in own && !('app' in own));
  });
});

describe('service variables', () => {
  const level = (plan: ExecutionPlan, phase: number) => {
    const values = plan.phases[phase]?.scope.values['serviceVariable'];
    return values;
  };

  test("a phase's override goes before the environment's, that before the service's own value", () => {
    const plan = planMade(SEED_CANARY);
    assert.deepEqual(level(plan, 0), { LOG_LEVEL: 'warn' });
    assert.deepEqual(level(plan, 1), { LOG_LEVEL: 'debug' });
    const bare = planMade(SEED_CANARY, { environment: environmentDocument({ serviceOverrides: {} }) });
    assert.deepEqual(level(bare, 1), { LOG_LEVEL: 'info' });
  });
});

describe('a phase without sections', () => {
  const two = workflowDocument({ phases: [phaseDocument('One'), phaseDocument('Two')] });

  test('gets the setup only where its service comes first', () => {
    const plan = planMade(two);
    assert.deepEqual(plan.phases.map(shape), [
      'Setup Container: ECS Service Setup | Deploy Containers: Upgrade Containers',
      'Deploy Containers: Upgrade Containers',
    ]);
    assert.deepEqual(stepAt(plan, 'p1.2').with, { desiredInstances: '100%' });
    assert.match(plan.notes.join('\n'), /Phase "One" names no sections and gets the usual steps: ECS Service Setup/);
  });

  test('gets a setup for each infrastructure of the service', () => {
    const phases = [phaseDocument('East'), phaseDocument('West', { infrastructure: 'west' })];
    const plan = planMade(workflowDocument({ phases }), {
      infrastructures: [infrastructureDocument('example'), infrastructureDocument('west', { region: 'us-west-2' })],
    });
    assert.match(shape(plan.phases[1]), /ECS Service Setup/);
    assert.equal(stepAt(plan, 'p1.2').finalResize, true, 'each is its own last resize');
  });

  test('gets the daemon setup and its rollback for a DAEMON service', () => {
    const workflow = workflowDocument({ type: 'BASIC', phases: [phaseDocument('Daemon', { service: 'agent' })] });
    const plan = planMade(workflow, {
      services: [serviceDocument('agent', { strategy: 'DAEMON' })],
      artifacts: { agent: ':1' },
    });
    assert.equal(shape(plan.phases[0]), 'Setup Container: ECS Daemon Service Setup');
    assert.equal(shape(plan.rollbackPhases[0]), 'Setup Container: ECS Daemon Rollback');
    assert.deepEqual(stepAt(plan, 'r1.1').undoes, ['p1.1']);
  });

  test('gets a rolling deployment in a ROLLING workflow', () => {
    const plan = planMade(workflowDocument({ type: 'ROLLING', phases: [phaseDocument('Roll')] }));
    assert.equal(shape(plan.phases[0]), 'Deploy Containers: ECS Rolling Deploy');
    assert.equal(shape(plan.rollbackPhases[0]), 'Deploy Containers: ECS Rolling Rollback');
  });
});

describe('the rollback of a phase', () => {
  const sections = {
    'Deploy Containers': [
      { name: 'ECS Canary Deploy', type: 'ecs-canary-deploy' },
      { name: 'ECS Canary Delete', type: 'ecs-canary-delete' },
      { name: 'ECS Rolling Deploy', type: 'ecs-rolling-deploy', delegateSelectors: ['big'] },
    ],
  };

  test('undoes the last step first', () => {
    const plan = planMade(workflowDocument({ phases: [phaseDocument('Canary', { sections })] }));
    assert.equal(shape(plan.rollbackPhases[0]), 'Deploy Containers: ECS Rolling Rollback, ECS Canary Delete');
    assert.deepEqual(stepAt(plan, 'r1.1').undoes, ['p1.3']);
    assert.deepEqual(stepAt(plan, 'r1.2').undoes, ['p1.1']);
    assert.deepEqual(stepAt(plan, 'r1.1').delegateSelectors, ['vpc-stage', 'big'], 'where the undone step had to run');
    assert.deepEqual(stepAt(plan, 'r1.2').delegateSelectors, ['vpc-stage']);
  });

  test('one step undoes several resizes of the phase', () => {
    const resizes = [
      { ...UPGRADE('50%'), name: 'Half' },
      { ...UPGRADE('100%'), name: 'All' },
    ];
    const phase = phaseDocument('One', { sections: { 'Setup Container': [SETUP], 'Deploy Containers': resizes } });
    const plan = planMade(workflowDocument({ phases: [phase] }));
    assert.equal(shape(plan.rollbackPhases[0]), 'Deploy Containers: Rollback Containers');
    assert.deepEqual(stepAt(plan, 'r1.1').undoes, ['p1.2', 'p1.3']);
    assert.equal(stepAt(plan, 'p1.3').finalResize, true);
  });

  test('{} means none', () => {
    const plan = planMade(workflowDocument({ phases: [phaseDocument('One', { rollback: {} })] }));
    assert.deepEqual(plan.rollbackPhases, []);
  });

  test('written by hand is kept as it is', () => {
    const rollback = {
      'Deploy Containers': [
        {
          name: 'Back',
          type: 'ecs-rollback-containers',
          with: { allPhases: true },
          when: '${env.environmentType} == "PROD"',
        },
      ],
    };
    const plan = planMade(workflowDocument({ phases: [phaseDocument('One', { rollback })] }));
    const step = stepAt(plan, 'r1.1');
    assert.deepEqual([step.name, step.with, step.undoes], ['Back', { allPhases: true }, ['p1.2']]);
    assert.equal(step.when, '${env.environmentType} == "PROD"');
  });
});

describe('limits of steps', () => {
  const limits = (spec: JsonObject, world: World = {}) => {
    const setup = { ...SETUP, with: { ...spec } };
    const phases = [
      phaseDocument('One', { sections: { 'Setup Container': [setup], 'Deploy Containers': [UPGRADE('50%')] } }),
      phaseDocument('Two', { sections: { 'Deploy Containers': [UPGRADE('100%')] } }),
    ];
    const plan = planMade(workflowDocument({ variables: [{ name: 'Minutes', default: '20' }], phases }), world);
    return allSteps(plan).map((step) => step.timeoutSeconds / 60);
  };

  test('a setup may take its steady state timeout and five minutes', () => {
    assert.equal(limits({})[0], 15);
    assert.equal(limits({ steadyStateTimeoutMinutes: 3 })[0], 8);
  });

  test('a resize inherits the timeout of the setup, in later phases too', () => {
    const [, first, second, back] = limits({ steadyStateTimeoutMinutes: 20 });
    assert.deepEqual([first, second, back], [73, 73, 73]);
    assert.equal(limits({})[1], 39, 'without one, ten minutes');
  });

  test('the timeout may come from a variable; one that does not resolve counts as ten minutes', () => {
    assert.equal(limits({ steadyStateTimeoutMinutes: '${workflow.variables.Minutes}' })[0], 25);
    assert.equal(limits({ steadyStateTimeoutMinutes: '${workflow.variables.Nothing}' })[0], 15);
  });

  test('what the workflow says of a step holds', () => {
    const plan = planMade(oneStep('Setup Container', { ...SETUP, timeoutSeconds: 42 }));
    assert.equal(stepAt(plan, 'p1.1').timeoutSeconds, 42);
  });

  test('a steady state check may take its own timeout and five minutes', () => {
    const check = {
      name: 'Check',
      type: 'ecs-steady-state-check',
      with: { serviceName: 'web', timeoutMilliseconds: 60_000 },
    };
    assert.equal(stepAt(planMade(oneStep('Deploy Containers', check)), 'p1.1').timeoutSeconds, 360);
  });

  test('a wait and a run task may take their time, an HTTP check all its attempts, and five minutes', () => {
    const limit = (type: string, fields: JsonObject) =>
      stepAt(planMade(oneStep('Wrap Up', { name: 'Step', type, with: fields })), 'p1.1').timeoutSeconds;
    assert.equal(limit('wait', { durationSeconds: 3_600 }), 3_900);
    assert.equal(limit('ecs-run-task', {}), 900);
    assert.equal(limit('ecs-run-task', { steadyStateTimeoutMinutes: 30 }), 2_100);
    const url = 'http://web/';
    assert.equal(limit('http-check', { url }), 315);
    assert.equal(limit('http-check', { url, attempts: 20, intervalSeconds: 30, requestTimeoutSeconds: 5 }), 1_000);
    assert.equal(limit('http-check', { url, attempts: 1_000, intervalSeconds: 3_600 }), 604_300, 'never over a week');
  });
});

describe('published variables', () => {
  test('can be used by later steps, conditions and phases, and a script keeps its own braces with $$', () => {
    const script = 'VERSION=$${HOME:-1}; echo "${app.name}"';
    const build = {
      name: 'Build',
      type: 'shell-script',
      with: { script, outputVariables: ['VERSION'], publishAs: 'build' },
    };
    const check = (name: string) => ({
      name,
      type: 'ecs-steady-state-check',
      with: { serviceName: '${context.build.VERSION}' },
      when: '${Build.outputVariables.VERSION} == "1" || ${context.build.VERSION} == "1"',
    });
    const later = { ...check('Later'), when: '${context.build.VERSION} != ""' };
    const plan = planMade(
      workflowDocument({
        phases: [
          phaseDocument('One', { sections: { 'Deploy Containers': [build, check('Check')] } }),
          phaseDocument('Two', { sections: { 'Deploy Containers': [later] } }),
        ],
      }),
    );
    assert.equal(stepAt(plan, 'p1.1').timeoutSeconds, 600);
    assert.equal(allSteps(plan).length, 3);
  });
});

describe('the image of a run', () => {
  const image = (given: string) =>
    planMade(SEED_CANARY, { artifacts: { [SERVICE_NAME]: given } }).phases[0]?.service.image;
  const digest = `sha256:${'a'.repeat(64)}`;

  for (const [given, expected] of [
    [':1.2', 'library/nginx:1.2'],
    [`@${digest}`, `library/nginx@${digest}`],
    ['library/nginx:1.2', 'library/nginx:1.2'],
    [`library/nginx:1.2@${digest}`, `library/nginx:1.2@${digest}`],
    ['library/nginx', 'library/nginx:latest'],
  ] as const) {
    test(`${given} deploys ${expected}`, () => assert.equal(image(given), expected));
  }

  test('without a tag is latest, and the plan says so', () => {
    const plan = planMade(SEED_CANARY, { artifacts: { [SERVICE_NAME]: 'library/nginx' } });
    assert.match(plan.notes[0] ?? '', /No tag was given .*: latest is deployed/);
  });
});

describe('remarks', () => {
  test('a resize without a setup will be skipped, and the plan says so', () => {
    const plan = planMade(oneStep('Deploy Containers', UPGRADE('50%')));
    assert.match(plan.notes.join('\n'), /no ECS Service Setup before it: the step will be skipped/);
  });

  test('a family that the setup overrides is pointed out', () => {
    const taskDefinition = { family: 'mine', containerDefinitions: [{ name: 'web', image: '${DOCKER_IMAGE_NAME}' }] };
    const plan = planMade(SEED_CANARY, { services: [serviceDocument(SERVICE_NAME, { taskDefinition })] });
    assert.match(plan.notes.join('\n'), /taskDefinition.family .* has no effect/);
    assert.equal(plan.phases[0]?.service.containerName, 'web', 'the main container keeps its own name');
  });
});
