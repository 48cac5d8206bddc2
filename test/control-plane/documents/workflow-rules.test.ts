import { describe } from 'node:test';
import { table } from './marked.ts';

const WORKFLOW = `apiVersion: outrider/v1
kind: Workflow
metadata: { application: ECS, name: Canary }
spec:
  type: CANARY
  environment: stage-ecs
`;
const PHASE_1 = `    - name: Phase 1
      service: web
      infrastructure: example
`;
const PHASE_2 = PHASE_1.replace('Phase 1', 'Phase 2');

/** A workflow of these phases; a section is `Name: [steps]`. */
function phases(...texts: readonly string[]): string {
  return `${WORKFLOW}  phases:\n${texts.join('')}`;
}
function sections(...entries: readonly string[]): string {
  return `      sections: { ${entries.join(', ')} }\n`;
}
const SETUP = 'Setup Container: [{ name: Setup, type: ecs-service-setup }]';
const UPGRADE = 'Deploy Containers: [{ name: Upgrade, type: ecs-upgrade-containers }]';

describe('the build of a workflow', () => {
  table([
    {
      what: 'BASIC has one phase',
      text: phases(PHASE_1, PHASE_2.replace('- name', '- ▸name')).replace('CANARY', 'BASIC'),
      problems: ['a BASIC workflow has one phase, and this one has 2'],
    },
    {
      what: 'BLUE_GREEN needs steps of a later version',
      text: phases(PHASE_1 + sections(SETUP, UPGRADE)).replace('CANARY', '▸BLUE_GREEN'),
      problems: ['BLUE_GREEN workflows are not available in this version'],
    },
    {
      what: 'two phases of one name',
      text: phases(PHASE_1, PHASE_1.replace('Phase', '▸Phase')),
      problems: ['two phases are called "Phase 1"'],
    },
    {
      what: 'a step in a wrong section',
      text: phases(PHASE_1 + sections(SETUP.replace('Setup Container', 'Wrap Up').replace('{ name', '▸{ name'))),
      problems: ['phase "Phase 1", step "Setup" cannot stand in Wrap Up'],
      hint: /move it to Setup Container/,
    },
    {
      what: 'a second setup for the same service and infrastructure',
      text: phases(PHASE_1, PHASE_2 + sections(SETUP.replace('{ name', '▸{ name'), UPGRADE)),
      problems: ['phase "Phase 2", step "Setup" is a second setup of "web" on "example"'],
      hint: /share it/,
    },
    {
      what: 'two setups in one phase',
      text: phases(PHASE_1 + sections(SETUP.replace('}]', '}, ▸{ name: Again, type: ecs-service-setup }]'))),
      problems: ['phase "Phase 1", step "Again" is a second setup'],
    },
    {
      what: 'two steps of one name',
      text: phases(
        PHASE_1 + sections(SETUP, UPGRADE.replace('}]', '}, ▸{ name: Upgrade, type: ecs-upgrade-containers }]')),
      ),
      problems: ['two steps of the phase "Phase 1" are called "Upgrade"'],
    },
    {
      what: 'two names that expressions cannot tell apart',
      text: phases(
        PHASE_1 +
          sections(
            SETUP,
            'Deploy Containers: [{ name: A B, type: ecs-upgrade-containers }, { name: ▸A-B, type: ecs-upgrade-containers }]',
          ),
      ),
      problems: ['phase "Phase 1", step "A-B": expressions cannot tell it from "A B": both are A__B'],
    },
    {
      what: 'a step that hides a name',
      text: phases(PHASE_1 + sections(SETUP.replace('Setup,', '▸app,'))),
      problems: ['phase "Phase 1", step "app": expressions use the name app for something else'],
    },
    {
      what: 'Upgrade Containers without a setup',
      text: phases(PHASE_1 + sections(UPGRADE.replace('{ name', '▸{ name'))),
      problems: ['phase "Phase 1", step "Upgrade" needs an ECS Service Setup before it'],
    },
    {
      what: 'Canary Delete without a deploy',
      text: phases(PHASE_1 + sections('Deploy Containers: [▸{ name: D, type: ecs-canary-delete }]')),
      problems: ['phase "Phase 1", step "D" needs an ECS Canary Deploy before it'],
    },
    {
      what: 'two steps on one service at the same time',
      text: phases(
        PHASE_1 +
          sections(
            'Deploy Containers: [{ parallel: [{ name: A, type: ecs-rolling-deploy }, ▸{ name: B, type: ecs-canary-deploy }] }]',
          ),
      ),
      problems: ['phase "Phase 1", step "B" changes the same service as "A" at the same time'],
    },
    {
      what: 'looking at a service while it changes is allowed',
      text: phases(
        PHASE_1 +
          sections(
            'Deploy Containers: [{ parallel: [{ name: A, type: ecs-rolling-deploy }, { name: B, type: ecs-steady-state-check, with: { serviceName: x } }] }]',
          ),
      ),
      problems: [],
    },
    {
      what: 'published variables are known to later steps, and a step cannot take their name',
      text: phases(
        PHASE_1 +
          sections(
            'Wrap Up: [{ name: B, type: shell-script, with: { script: "V=1", outputVariables: [V], publishAs: build } }, { name: C, type: wait, with: { durationSeconds: "${context.build.V}" } }, { name: D, type: wait, with: { durationSeconds: "${context.build.▸W}" } }, { name: ▸context, type: wait, with: { durationSeconds: 1 } }]',
          ),
      ),
      problems: ['"W"', 'phase "Phase 1", step "context": expressions use the name context'],
    },
    {
      what: 'scripts, waits and checks may stand in the phase of a daemon',
      text: phases(
        PHASE_1.replace('service: web', 'service: agent') +
          sections(
            'Setup Container: [{ name: D, type: ecs-daemon-service-setup }], Wrap Up: [{ name: W, type: wait, with: { durationSeconds: 5 } }, { name: S, type: shell-script, with: { script: "true" } }]',
          ),
      ).replace('CANARY', 'BASIC'),
      problems: [],
    },
    {
      what: 'waiting and checking beside a deployment is allowed',
      text: phases(
        PHASE_1 +
          sections(
            'Deploy Containers: [{ parallel: [{ name: A, type: ecs-rolling-deploy }, { name: B, type: wait, with: { durationSeconds: 5 } }, { name: C, type: http-check, with: { url: "http://x/" } }] }]',
          ),
      ),
      problems: [],
    },
    {
      what: 'a fixed variable without a value, and defaults that are not allowed',
      text: `${WORKFLOW}  variables: [▸{ name: A, fixed: true }, { name: B, allowedValues: [x], default: ▸y }, { name: C, type: number, default: ▸z }]
  phases:
${PHASE_1}`,
      problems: [
        'the variable "A" is fixed and has no value',
        '"y" is none of the allowed values of "B"',
        '"z" is no number',
      ],
    },
  ]);
});

describe('what belongs together', () => {
  const scaled = SETUP.replace(' }]', ', with: { autoScaler: { scalableTarget: { MinCapacity: 1 } } } }]');
  const balanced = (balancer: string) =>
    SETUP.replace(' }]', `, with: { loadBalancers: [{ targetGroupArn: a, ${balancer} }] } }]`);
  table([
    {
      what: 'auto scaling with Upgrade Containers and without Rollback Containers',
      text: phases(`${PHASE_1}${sections(scaled, UPGRADE.replace('{ name', '▸{ name'))}      rollback: {}\n`),
      problems: [
        'phase "Phase 1", step "Upgrade" has no Rollback Containers in its phase: auto scaling is added by Upgrade Containers',
      ],
    },
    {
      what: 'auto scaling with Rollback Containers and without Upgrade Containers',
      text: phases(
        `${PHASE_1}${sections(scaled)}      rollback: { Deploy Containers: [▸{ name: R, type: ecs-rollback-containers }] }\n`,
      ),
      problems: ['phase "Phase 1", step "R" has no Upgrade Containers in its phase'],
      hint: /delete both/,
    },
    {
      what: 'auto scaling in a phase that shares the setup of another one',
      text: phases(
        PHASE_1 + sections(scaled, UPGRADE),
        `${PHASE_2}${sections(UPGRADE.replace('{ name', '▸{ name'))}      rollback: {}\n`,
      ),
      problems: ['phase "Phase 2", step "Upgrade" has no Rollback Containers in its phase'],
    },
    {
      what: 'with auto scaling the generated rollback is enough',
      text: phases(PHASE_1 + sections(scaled, UPGRADE)),
      problems: [],
    },
    {
      what: 'without auto scaling a phase may have no rollback',
      text: phases(`${PHASE_1}${sections(SETUP, UPGRADE)}      rollback: {}\n`),
      problems: [],
    },
    {
      what: 'a port without a container',
      text: phases(PHASE_1 + sections(balanced('▸containerPort: 80'))),
      problems: ['phase "Phase 1", step "Setup": containerPort needs a containerName'],
      hint: /CONTAINER_NAME/,
    },
    {
      what: 'a port with a container',
      text: phases(PHASE_1 + sections(balanced('containerName: "${CONTAINER_NAME}", containerPort: 80'))),
      problems: [],
    },
  ]);
});
