import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatProblem } from '../../../control-plane/src/documents/format.ts';
import { AGENT, check, ENVIRONMENTS, FARGATE, INFRASTRUCTURE, SERVICE, table } from './marked.ts';

const WORKFLOW = `apiVersion: outrider/v1
kind: Workflow
metadata: { application: ECS, name: Canary }
spec:
  type: CANARY
  environment: stage-ecs
`;
const PHASE = `  phases:
    - name: Phase 1
      service: web
      infrastructure: example
`;
/** A workflow of one phase with a setup and an Upgrade Containers, each with more fields. */
function withSteps({ setup = '', upgrade = '' }): string {
  return `${WORKFLOW}${PHASE}      sections:
        Setup Container:
          - { name: ECS Service Setup, type: ecs-service-setup${setup} }
        Deploy Containers:
          - { name: Upgrade Containers, type: ecs-upgrade-containers${upgrade} }
`;
}

describe('resources that fit together', () => {
  table([
    { what: 'a workflow with its phases in full', text: withSteps({}), problems: [] },
    { what: 'a workflow whose sections are generated', text: WORKFLOW + PHASE, problems: [] },
    {
      what: 'everything in one file, with nothing stored',
      text: [SERVICE, ENVIRONMENTS, INFRASTRUCTURE, WORKFLOW + PHASE].join('---\n'),
      stored: [],
      problems: [],
    },
    {
      what: 'a daemon in a BASIC workflow',
      text: (WORKFLOW + PHASE).replace('web', 'agent').replace('CANARY', 'BASIC'),
      problems: [],
    },
  ]);
});

describe('references', () => {
  table([
    {
      what: 'a service that does not exist, with the nearest name',
      text: WORKFLOW + PHASE.replace('web', '▸wbe'),
      problems: ['the application "ECS" has no service "wbe"'],
      hint: /did you mean "web"\?/,
    },
    {
      what: 'an environment and an infrastructure that do not exist',
      text: (WORKFLOW + PHASE).replace('example', '▸exmaple').replace('stage-ecs', '▸stage'),
      problems: [
        'the application "ECS" has no environment "stage"',
        'the application "ECS" has no infrastructure "exmaple"',
      ],
    },
    {
      what: 'an infrastructure of another environment',
      text: (WORKFLOW + PHASE).replace('stage-ecs', 'production').replace('example', '▸example'),
      problems: [
        'the phase "Phase 1" deploys to "example", which belongs to the environment "stage-ecs", not to "production"',
      ],
    },
    {
      what: 'names of another application do not count',
      text: (WORKFLOW + PHASE)
        .replace('application: ECS', 'application: Shop')
        .replace('stage-ecs', '▸stage-ecs')
        .replace('web', '▸web')
        .replace('example', '▸example'),
      problems: [
        'the application "Shop" has no environment',
        'the application "Shop" has no service',
        'the application "Shop" has no infrastructure',
      ],
      hint: /apply it first/,
    },
    {
      what: 'an infrastructure whose environment is missing',
      text: INFRASTRUCTURE.replace('stage-ecs', '▸stag-ecs'),
      problems: ['the application "ECS" has no environment "stag-ecs"'],
      hint: /"stage-ecs"/,
    },
    {
      what: 'overrides of a service and of a variable that do not exist',
      text: ENVIRONMENTS.replace(
        'type: PROD',
        'type: PROD, serviceOverrides: { ▸wbe: { A: 1 }, web: { ▸LOG_LEVL: debug } }',
      ),
      problems: ['the application "ECS" has no service "wbe"', 'the service "web" has no variable "LOG_LEVL"'],
      hint: /"web"/,
    },
    {
      what: "a phase's overrides of variables that do not exist",
      text: `${WORKFLOW}${PHASE}      serviceVariableOverrides: { ▸LOGLEVEL2: x, ▸QQQ: y }\n`,
      problems: ['the service "web" has no variable "LOGLEVEL2"', 'the service "web" has no variable "QQQ"'],
      hint: /did you mean "LOG_LEVEL"/,
    },
    {
      what: 'one resource described twice',
      text: `${SERVICE}---\n${SERVICE.replace('web', '▸web')}`,
      problems: ['Service ECS/web is described twice: the other one is at w.yaml:3:37'],
    },
    {
      what: 'two services that AWS could not tell apart',
      text: SERVICE.replace('name: web', 'name: ▸we b'),
      stored: [SERVICE.replace('name: web', 'name: we.b')],
      problems: ['the names "we b" and "we.b" are the same in AWS: both become we__b'],
    },
    {
      what: 'a variable that stands twice',
      text: SERVICE.replace('variables: [{ name: LOG', 'variables: [{ name: LOG_LEVEL, value: x }, { name: ▸LOG'),
      problems: ['the variable "LOG_LEVEL" stands here twice'],
      hint: /keep one/,
    },
  ]);
});

describe('names that ECS would refuse', () => {
  const long = (length: number) => 'x'.repeat(length);
  table([
    {
      what: 'a stem with room for the revision',
      text: withSteps({ setup: `, with: { serviceName: "\${app.name}-${long(239)}" }` }),
      problems: [],
    },
    {
      what: 'a stem without',
      text: withSteps({ setup: `, with: { serviceName: ▸"\${app.name}-${long(240)}" }` }),
      problems: ['phase "Phase 1", step "ECS Service Setup": ECS would refuse the service name ECS__xxxx'],
      hint: /shorter serviceName/,
    },
    {
      what: 'a stem that a run decides is left to the run',
      text: withSteps({ setup: `, with: { serviceName: "\${artifact.buildNo}${long(300)}" }` }),
      problems: [],
    },
    {
      what: 'a default stem that is too long',
      text: (WORKFLOW + PHASE)
        .replace('web', long(128))
        .replace('application: ECS', `application: ${long(128)}`)
        .replace('- name: Phase', '- ▸name: Phase'),
      stored: [SERVICE.replace('web', long(128)), ENVIRONMENTS, INFRASTRUCTURE].map((text) =>
        text.replaceAll('application: ECS', `application: ${long(128)}`),
      ),
      problems: ['phase "Phase 1", step "ECS Service Setup": ECS would refuse the service name xxxx'],
    },
    {
      what: 'a service name that becomes wrong when it is resolved',
      text: `${WORKFLOW}${PHASE.replace('web', '▸web')}      sections: { Deploy Containers: [{ name: R, type: ecs-rolling-deploy }] }\n`,
      stored: [
        `${SERVICE}  serviceDefinition: { serviceName: "\${env.name} \${service.name}" }\n`,
        ENVIRONMENTS,
        INFRASTRUCTURE,
      ],
      problems: ['ECS would refuse the service name "stage-ecs web" of the service "web"'],
    },
  ]);
});

describe('Fargate and networks', () => {
  const onFargate = WORKFLOW + PHASE.replace('example', 'fargate');
  const awsvpc = SERVICE.replace('    containerDefinitions', '    networkMode: awsvpc\n    containerDefinitions');
  table([
    {
      what: 'Fargate needs subnets and an execution role, told at the infrastructure when it is given',
      text: `${FARGATE.replace('spec:', '▸spec:').replace('FARGATE', '▸FARGATE')}---\n${onFargate}`,
      problems: [
        'the infrastructure "fargate" has no subnets: at least 1 subnet is required for Fargate tasks',
        'the infrastructure "fargate" has no executionRole: an execution role ARN is required for Fargate tasks',
      ],
    },
    {
      what: 'has them',
      text: `${FARGATE}  network: { subnets: [subnet-1] }\n  executionRole: arn:aws:iam::123456789012:role/x\n---\n${onFargate}`,
      problems: [],
    },
    {
      what: "may have them from the service's own documents",
      text: onFargate,
      stored: [
        ENVIRONMENTS,
        FARGATE,
        `${SERVICE.replace('    containerDefinitions', '    executionRoleArn: arn:aws:iam::1:role/x\n    containerDefinitions')}  serviceDefinition: { networkConfiguration: { awsvpcConfiguration: { subnets: [subnet-1] } } }\n`,
      ],
      problems: [],
    },
    {
      what: 'awsvpc on instances needs subnets, too',
      text: WORKFLOW + PHASE.replace('example', '▸example'),
      stored: [ENVIRONMENTS, INFRASTRUCTURE, awsvpc],
      problems: [
        'the infrastructure "example" has no subnets: at least 1 subnet is required for tasks with networkMode',
      ],
    },
  ]);
});

describe('daemons', () => {
  const daemon = (WORKFLOW + PHASE).replace('web', 'agent').replace('CANARY', 'BASIC');
  const section = (type: string) => `      sections: { Setup Container: [▸{ name: S, type: ${type} }] }\n`;
  table([
    {
      what: 'only in BASIC workflows',
      text: daemon.replace('BASIC', 'CANARY').replace('- name: Phase', '- ▸name: Phase'),
      problems: ['the service "agent" is DAEMON, and the workflow is CANARY'],
      hint: /BASIC/,
    },
    {
      what: 'never on Fargate',
      text: daemon.replace('example', '▸▸▸fargate'),
      problems: [
        'the service "agent" is DAEMON, and the infrastructure "fargate" is FARGATE',
        'the infrastructure "fargate" has no subnets',
        'the infrastructure "fargate" has no executionRole',
      ],
    },
    {
      what: 'not with the setup of replicas',
      text: daemon + section('ecs-service-setup'),
      problems: ['phase "Phase 1", step "S" cannot deploy the DAEMON service "agent"'],
    },
    {
      what: 'no daemon setup for a replica',
      text: WORKFLOW + PHASE + section('ecs-daemon-service-setup'),
      problems: ['phase "Phase 1", step "S" sets up a daemon, but the service "web" is REPLICA'],
    },
    {
      what: 'no count and no placement strategy',
      text: `${AGENT}  serviceDefinition: { ▸desiredCount: 2, ▸placementStrategy: [{ type: spread }], schedulingStrategy: ▸REPLICA }\n`,
      problems: [
        'desiredCount is not for DAEMON services',
        'placementStrategy is not for DAEMON services',
        'schedulingStrategy is "REPLICA", but the strategy of the service is DAEMON',
      ],
    },
  ]);
});

describe('expressions', () => {
  const image = '"${CONTAINER_NAME}"';
  table([
    {
      what: 'a misspelt name, at the letter',
      text: withSteps({ setup: ', with: { serviceName: "${app.name}__${▸servce.name}" }' }),
      problems: ['"servce" is not known here'],
      hint: /did you mean "service"/,
    },
    {
      what: 'an expression that does not parse',
      text: withSteps({ setup: ', with: { serviceName: "▸${app.name" }' }),
      problems: ['the expression is not closed'],
    },
    {
      what: 'a workflow variable that is not declared',
      text: withSteps({ upgrade: ', with: { desiredInstances: "${workflow.variables.▸Desird}" }' }).replace(
        '  environment',
        '  variables: [{ name: Desired }]\n  environment',
      ),
      problems: ['"Desird" is not known in workflow.variables'],
      hint: /"Desired"/,
    },
    {
      what: 'the output of an earlier step',
      text: withSteps({ upgrade: ', when: "${ECS__Service__Setup.total} > 1"' }),
      problems: [],
    },
    {
      what: 'an output key that does not exist',
      text: withSteps({ upgrade: ', when: "ECS__Service__Setup.▸totl > 1"' }),
      problems: ['"totl" is not known in ECS__Service__Setup'],
      hint: /"total"/,
    },
    {
      what: 'the output of a later step',
      text: withSteps({ setup: ', when: "▸Upgrade__Containers.newService.desired > 1"' }),
      problems: ['"Upgrade__Containers" is not known here'],
    },
    {
      what: 'a condition that does not parse',
      text: withSteps({ upgrade: ', when: "a ▸="' }),
      problems: ['"=" is no part of an expression'],
    },
    {
      what: 'the timeout of a setup may fail: then it is 10 minutes',
      text: withSteps({ setup: ', with: { steadyStateTimeoutMinutes: "${workflow.variables.Nope}" }' }),
      problems: [],
    },
    {
      what: 'an override that names what is not there',
      text: `${WORKFLOW}${PHASE}      serviceVariableOverrides: { LOG_LEVEL: "\${env.▸nam}" }\n`,
      problems: ['"nam" is not known in env'],
    },
    {
      what: 'a default that names what is not there',
      text: `${WORKFLOW}  variables: [{ name: A, default: "\${▸environmentVariabl.X}" }]\n${PHASE}`,
      problems: ['"environmentVariabl" is not known here'],
    },
    {
      what: 'an execution role that the infrastructure does not have',
      text: `${SERVICE.replace('    containerDef', '    executionRoleArn: "${▸EXECUTION_ROLE}"\n    containerDef')}---\n${WORKFLOW}${PHASE}`,
      problems: ['EXECUTION_ROLE has no value: the infrastructure example has no executionRole'],
    },
    {
      what: 'a service by itself: its own variables are known, those of others and steps are not',
      text: SERVICE.replace(
        image,
        '"${serviceVariable.▸LOG_LEVL}${environmentVariable.ANY}${workflow.variables.ANY}${Some__Step.key}"',
      ),
      problems: ['"LOG_LEVL" is not known in serviceVariable'],
    },
    {
      what: 'a service by itself: a misspelt name is not taken for a step',
      text: SERVICE.replace(image, '"${▸artifct.buildNo}"'),
      problems: ['"artifct" is not known here'],
      hint: /"artifact"/,
    },
    {
      what: 'shell variables in a command',
      text: SERVICE.replace(image, 'web, command: ["sh", "-c", "echo $${HOME} ${HOME▸:-x}"]'),
      problems: ['":" is no part of an expression'],
      hint: /\$\$\{/,
    },
    {
      what: 'an environment: its own variables and those of the services',
      text: ENVIRONMENTS.replace('value: x', 'value: "${environmentVariable.▸NOPE}"').replace(
        'type: PROD',
        'type: PROD, serviceOverrides: { web: { LOG_LEVEL: "${serviceVariable.▸NO}" } }',
      ),
      problems: ['"NOPE" is not known in environmentVariable', '"NO" is not known in serviceVariable'],
    },
  ]);

  test('the excerpt shows the expression with carets below the name, also where the text is folded', () => {
    const [found] = check(withSteps({ setup: ', with: { serviceName: "${app.nmae}" }' }));
    assert.ok(found);
    const [, line = '', carets = '', hint = ''] = formatProblem(found).split('\n');
    assert.equal(line.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1), 'nmae');
    assert.match(hint, /did you mean "name"\?/);
    const folded = '>-\n                ${app.name}\n                ${app.nmae}\n            ';
    const [other] = check(
      `${WORKFLOW}${PHASE}      sections:\n        Setup Container:\n          - name: S\n            type: ecs-service-setup\n            with:\n              serviceName: ${folded}\n`,
    );
    assert.ok(other);
    assert.equal(other.place?.line, 16);
    const [, text = '', marks = ''] = formatProblem(other).split('\n');
    assert.equal(text.trim(), '${app.name} ${app.nmae}');
    assert.equal(text.slice(marks.indexOf('^'), marks.lastIndexOf('^') + 1), 'nmae');
  });
});
