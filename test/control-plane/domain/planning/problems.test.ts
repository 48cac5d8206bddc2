import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '@outrider/shared/json.ts';
import {
  environmentDocument,
  infrastructureDocument,
  phaseDocument,
  planMade,
  problemsOf,
  SEED_CANARY,
  SERVICE_NAME,
  SETUP,
  serviceDocument,
  UPGRADE,
  type World,
  workflowDocument,
} from './resources.ts';

interface Row {
  readonly title: string;
  readonly workflow?: JsonObject;
  readonly world?: World;
  readonly code: string;
  readonly says: RegExp;
  readonly hint: RegExp;
  readonly pointer?: string;
}

const phases = (...each: readonly JsonObject[]) => workflowDocument({ phases: each });
const deploy = (...steps: readonly JsonObject[]) => ({ sections: { 'Deploy Containers': steps } });
const check = (serviceName: string, rest: JsonObject = {}) => ({
  name: 'Check',
  type: 'ecs-steady-state-check',
  with: { serviceName },
  ...rest,
});
const BUILD = {
  name: 'Build',
  type: 'shell-script',
  with: { script: 'VERSION=1', outputVariables: ['VERSION'], publishAs: 'build' },
};
const DAEMON: World = { services: [serviceDocument('agent', { strategy: 'DAEMON' })], artifacts: { agent: ':1' } };

const rows: readonly Row[] = [
  {
    title: 'a missing image names the service and what to pass',
    world: { artifacts: {} },
    code: 'request-invalid',
    says: /no image was given for the service "Example Default_Replica"/,
    hint: /--artifact "Example Default_Replica=:TAG"/,
  },
  {
    title: 'an image of another repository is refused',
    world: { artifacts: { [SERVICE_NAME]: 'library/httpd:2' } },
    code: 'request-invalid',
    says: /repository library\/httpd, but the service deploys library\/nginx/,
    hint: /:TAG/,
  },
  {
    title: 'an image for a service that the workflow does not deploy is refused, with the nearest',
    world: { artifacts: { [SERVICE_NAME]: ':1', 'Example Default-Replica': ':1' } },
    code: 'request-invalid',
    says: /deploys no service "Example Default-Replica"/,
    hint: /did you mean "Example Default_Replica"/,
  },
  {
    title: 'an unknown variable is refused, with the nearest',
    world: { variables: { DesiredInstance: '1' } },
    code: 'request-invalid',
    says: /no variable "DesiredInstance"/,
    hint: /did you mean "DesiredInstances"/,
  },
  {
    title: 'a variable must be a plain value',
    world: { variables: { DesiredInstances: ['1'] } },
    code: 'request-invalid',
    says: /"DesiredInstances" is a list/,
    hint: /text, a number/,
  },
  {
    title: 'a required variable must be given',
    workflow: workflowDocument({
      variables: [{ name: 'Ticket', required: true }],
      phases: [phaseDocument('One')],
    }),
    code: 'request-invalid',
    says: /"Ticket" is required/,
    hint: /--set Ticket=/,
  },
  {
    title: 'a variable must be one of its allowed values',
    workflow: workflowDocument({
      variables: [{ name: 'Size', allowedValues: ['small', 'large'], default: 'small' }],
      phases: [phaseDocument('One')],
    }),
    world: { variables: { Size: 'huge' } },
    code: 'request-invalid',
    says: /"huge" is none of the allowed values/,
    hint: /"small" and "large"/,
  },
  {
    title: 'a service that does not exist, with the nearest',
    workflow: phases(phaseDocument('One', { service: 'Example Default_Replika' })),
    world: { artifacts: {} },
    code: 'reference-missing',
    says: /application "ECS" has no service "Example Default_Replika"/,
    hint: /did you mean "Example Default_Replica"/,
    pointer: '/spec/phases/0/service',
  },
  {
    title: 'an infrastructure of another environment',
    world: { infrastructures: [infrastructureDocument('example', { environment: 'prod' })] },
    code: 'document-invalid',
    says: /belongs to the environment "prod", not to "stage-ecs"/,
    hint: /workflow's environment/,
    pointer: '/spec/phases/0/infrastructure',
  },
  {
    title: 'two phases of one name',
    workflow: phases(phaseDocument('One'), phaseDocument('One')),
    code: 'document-invalid',
    says: /two phases are called "One"/,
    hint: /name of its own/,
    pointer: '/spec/phases/1/name',
  },
  {
    title: 'two steps of one name in a phase',
    workflow: phases(phaseDocument('One', deploy(check('a'), check('b')))),
    code: 'document-invalid',
    says: /two steps of the phase "One" are called "Check"/,
    hint: /name of its own/,
    pointer: '/spec/phases/0/sections/Deploy Containers/1',
  },
  {
    title: 'a second setup of the same service and infrastructure',
    workflow: phases(
      phaseDocument('One', { sections: { 'Setup Container': [SETUP] } }),
      phaseDocument('Two', { sections: { 'Setup Container': [{ ...SETUP, name: 'Again' }] } }),
    ),
    code: 'document-invalid',
    says: /"Again" is a second setup of "Example Default_Replica" on "example"; the first is "ECS Service Setup" in "One"/,
    hint: /share it/,
    pointer: '/spec/phases/1/sections/Setup Container/0',
  },
  {
    title: 'a step in a section that it does not belong to',
    workflow: phases(phaseDocument('One', { sections: { 'Setup Container': [check('web')] } })),
    code: 'document-invalid',
    says: /cannot stand in Setup Container/,
    hint: /Deploy Containers/,
  },
  {
    title: 'a phase without any step',
    workflow: phases(phaseDocument('One', { sections: {} })),
    code: 'document-invalid',
    says: /phase "One" has no steps/,
    hint: /leave them out/,
  },
  {
    title: 'a DAEMON service in a canary',
    workflow: phases(phaseDocument('One', { service: 'agent' })),
    world: DAEMON,
    code: 'document-invalid',
    says: /"agent" is DAEMON, and the workflow is CANARY/,
    hint: /BASIC/,
  },
  {
    title: 'a DAEMON service on Fargate',
    workflow: workflowDocument({ type: 'BASIC', phases: [phaseDocument('One', { service: 'agent' })] }),
    world: { ...DAEMON, infrastructures: [infrastructureDocument('example', { launchType: 'FARGATE' })] },
    code: 'document-invalid',
    says: /"agent" is DAEMON, and the infrastructure "example" is FARGATE/,
    hint: /EC2/,
  },
  {
    title: 'a replica step for a DAEMON service',
    workflow: workflowDocument({
      type: 'BASIC',
      phases: [phaseDocument('One', { service: 'agent', sections: { 'Setup Container': [SETUP] } })],
    }),
    world: DAEMON,
    code: 'document-invalid',
    says: /cannot deploy the DAEMON service/,
    hint: /ecs-daemon-service-setup/,
  },
  {
    title: 'an expression that names nothing, with the nearest',
    workflow: phases(phaseDocument('One', deploy(check('${workflow.variable.X}')))),
    code: 'expression-unresolved',
    says: /phase "One", step "Check": with\.serviceName: .*variable/,
    hint: /variables/,
    pointer: '/spec/phases/0/sections/Deploy Containers/0/with/serviceName',
  },
  {
    title: 'an output that the step before does not have',
    workflow: phases(
      phaseDocument('One', {
        sections: {
          'Setup Container': [SETUP],
          'Deploy Containers': [check('${ECS__Service__Setup.servceName}')],
        },
      }),
    ),
    code: 'expression-unresolved',
    says: /servceName/,
    hint: /serviceName/,
  },
  {
    title: 'an output of a step that comes later',
    workflow: phases(
      phaseDocument(
        'One',
        deploy({ ...check('web'), name: 'First' }, check('${Later.serviceName}'), { ...check('web'), name: 'Later' }),
      ),
    ),
    code: 'expression-unresolved',
    says: /Later/,
    hint: /./,
  },
  {
    title: 'a variable that the script does not publish, with those that it does',
    workflow: phases(phaseDocument('One', deploy(BUILD, check('${context.build.VERSIO}')))),
    code: 'expression-unresolved',
    says: /step "Check": .*VERSIO/,
    hint: /VERSION/,
  },
  {
    title: 'a variable that is published later',
    workflow: phases(phaseDocument('One', deploy(check('${context.build.VERSION}'), BUILD))),
    code: 'expression-unresolved',
    says: /step "Check": .*build/,
    hint: /./,
  },
  {
    title: 'a script whose own variables stand in braces',
    workflow: phases(phaseDocument('One', deploy({ ...BUILD, with: { script: 'echo ${HOME}' } }))),
    code: 'expression-unresolved',
    says: /step "Build": with\.script: .*HOME/,
    hint: /./,
  },
  {
    title: 'an output of another service',
    workflow: phases(
      phaseDocument('One', { sections: { 'Setup Container': [SETUP] } }),
      phaseDocument('Two', { service: 'other', ...deploy(check('${ECS__Service__Setup.serviceName}')) }),
    ),
    world: {
      services: [serviceDocument(SERVICE_NAME), serviceDocument('other')],
      environment: environmentDocument(),
      artifacts: { [SERVICE_NAME]: ':1', other: ':1' },
    },
    code: 'expression-unresolved',
    says: /phase "Two", step "Check"/,
    hint: /./,
  },
  {
    title: 'a condition that cannot be evaluated',
    workflow: phases(phaseDocument('One', deploy(check('web', { when: '${nobody.knows} == "x"' })))),
    code: 'expression-unresolved',
    says: /step "Check": when: .*nobody/,
    hint: /./,
    pointer: '/spec/phases/0/sections/Deploy Containers/0/when',
  },
  {
    title: 'a value that the step does not take',
    world: { variables: { DesiredInstances: 'half' } },
    code: 'step-input-invalid',
    says: /with\.desiredInstances: "half" is no amount/,
    hint: /variable/,
    pointer: '/spec/phases/0/sections/Deploy Containers/0/with/desiredInstances',
  },
  {
    title: 'an expression in the service that does not resolve',
    world: {
      services: [
        serviceDocument(SERVICE_NAME, {
          taskDefinition: { containerDefinitions: [{ name: 'web', image: '${DOCKER_IMAGE}' }] },
        }),
      ],
    },
    code: 'expression-unresolved',
    says: /service "Example Default_Replica" in phase "Phase 1": taskDefinition.*DOCKER_IMAGE/,
    hint: /DOCKER_IMAGE_NAME/,
  },
  {
    title: '${EXECUTION_ROLE} without an executionRole says why',
    world: {
      infrastructures: [
        { ...infrastructureDocument('example'), spec: { environment: 'stage-ecs', region: 'us-east-1', cluster: 'c' } },
      ],
    },
    code: 'expression-unresolved',
    says: /EXECUTION_ROLE/,
    hint: /./,
  },
  {
    title: 'a service name that ECS would refuse',
    workflow: phases(
      phaseDocument('One', { sections: { 'Setup Container': [{ ...SETUP, with: { serviceName: 'x'.repeat(245) } }] } }),
    ),
    code: 'document-invalid',
    says: /ECS would refuse the service name .* 245 characters, and 244 are left/,
    hint: /shorter/,
  },
];

describe('no plan is made', () => {
  for (const { title, workflow = SEED_CANARY, world = {}, code, says, hint, pointer } of rows) {
    test(`for ${title}`, () => {
      const problems = problemsOf(workflow, world);
      const found = problems.find((problem) => says.test(problem.message));
      assert.ok(found, problems.map((problem) => problem.message).join('\n'));
      assert.equal(found.code, code);
      assert.match(found.hint ?? '', hint);
      if (pointer !== undefined) assert.equal(found.pointer, pointer);
    });
  }

  test('and everything that is wrong is said at once', () => {
    const problems = problemsOf(SEED_CANARY, { artifacts: {}, variables: { Nobody: 1, DesiredInstances: null } });
    assert.equal(problems.length, 3);
  });
});

describe('a plan is made all the same', () => {
  test('when the steady state timeout does not resolve: ten minutes are used', () => {
    const setup = { ...SETUP, with: { steadyStateTimeoutMinutes: '${nobody.knows}' } };
    const plan = planMade(phases(phaseDocument('One', { sections: { 'Setup Container': [setup] } })));
    assert.match(plan.notes.join('\n'), /steady state timeout does not resolve now/);
  });

  test('when an expression waits for the output of a step, be it through a variable', () => {
    const phase = phaseDocument('One', {
      serviceVariableOverrides: { LOG_LEVEL: '${ECS__Service__Setup.serviceName}' },
      sections: {
        'Setup Container': [SETUP],
        'Deploy Containers': [
          check('${ECS__Service__Setup.serviceName}'),
          { ...check('${serviceVariable.LOG_LEVEL}'), name: 'Other' },
        ],
      },
    });
    planMade(phases(phase), {
      services: [
        serviceDocument(SERVICE_NAME, {
          taskDefinition: { containerDefinitions: [{ name: 'web', image: '${DOCKER_IMAGE_NAME}' }] },
        }),
      ],
    });
  });

  test('when a rollback uses an output of the phase that it undoes', () => {
    const rollback = { 'Deploy Containers': [check('${ECS__Service__Setup.serviceName}')] };
    planMade(phases(phaseDocument('One', { sections: { 'Setup Container': [SETUP] }, rollback })));
  });

  test('when a later phase of the same service uses an output of an earlier one', () => {
    planMade(
      phases(
        phaseDocument('One', { sections: { 'Setup Container': [SETUP], 'Deploy Containers': [UPGRADE('50%')] } }),
        phaseDocument('Two', deploy(check('${ECS__Service__Setup.serviceName}'))),
      ),
    );
  });
});
