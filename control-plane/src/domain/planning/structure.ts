import type { Workflow } from '@outrider/shared/model/workflow.ts';
import { STEP_SPECS } from '@outrider/shared/steps/index.ts';
import { isSameTarget, isSetup, type OutlinedPhase, type OutlinedStep, outlinedSteps } from './outline.ts';
import type { PlanProblem } from './problems.ts';

/** What cannot be in the build of a workflow, whatever its values. */
export function checkStructure(workflow: Workflow, phases: readonly OutlinedPhase[]): readonly PlanProblem[] {
  return [
    ...duplicatePhases(workflow),
    ...phases.flatMap((phase) => [
      ...emptyPhase(workflow, phase),
      ...daemonRules(workflow, phase),
      ...duplicateSteps(phase.sections, phase),
      ...duplicateSteps(phase.rollback, phase),
      ...misplacedSteps(phase),
    ]),
    ...secondSetups(phases),
  ];
}

function duplicatePhases(workflow: Workflow): readonly PlanProblem[] {
  const names = workflow.spec.phases.map((phase) => phase.name);
  return names.flatMap((name, index) =>
    names.indexOf(name) === index
      ? []
      : [invalid(`two phases are called "${name}"`, 'give each a name of its own', `/spec/phases/${index}/name`)],
  );
}

function emptyPhase(workflow: Workflow, phase: OutlinedPhase): readonly PlanProblem[] {
  if (outlinedSteps(phase).length > 0) return [];
  const name = phase.phase.name;
  const hint =
    workflow.spec.type === 'BLUE_GREEN'
      ? 'this version has no steps that BLUE_GREEN phases get by themselves: write its sections'
      : 'write its sections, or leave them out to get the usual ones';
  return [invalid(`the phase "${name}" has no steps`, hint, phase.pointer)];
}

/** One task on each container instance: no counts, no shares, no Fargate (ECS workflows page). */
function daemonRules(workflow: Workflow, phase: OutlinedPhase): readonly PlanProblem[] {
  const { service, infrastructure, pointer } = phase;
  const steps = outlinedSteps(phase);
  const name = service.metadata.name;
  if (service.spec.strategy !== 'DAEMON') {
    return steps
      .filter((step) => step.type === 'ecs-daemon-service-setup')
      .map((step) =>
        invalid(
          `${inPhase(phase, step)} sets up a daemon, but the service "${name}" is REPLICA`,
          'use ecs-service-setup, or make the service DAEMON',
          step.pointer,
        ),
      );
  }
  const problems: PlanProblem[] = [];
  if (workflow.spec.type !== 'BASIC') {
    problems.push(
      invalid(
        `the service "${name}" is DAEMON, and the workflow is ${workflow.spec.type}`,
        'daemons are deployed by BASIC workflows',
        pointer,
      ),
    );
  }
  if (infrastructure.spec.launchType === 'FARGATE') {
    problems.push(
      invalid(
        `the service "${name}" is DAEMON, and the infrastructure "${infrastructure.metadata.name}" is FARGATE`,
        'daemons run on container instances: use launchType EC2',
        `${pointer}/infrastructure`,
      ),
    );
  }
  for (const step of steps) {
    if (step.type === 'ecs-daemon-service-setup' || STEP_SPECS[step.type].changesService === false) continue;
    problems.push(
      invalid(
        `${inPhase(phase, step)} cannot deploy the DAEMON service "${name}"`,
        'use ecs-daemon-service-setup',
        step.pointer,
      ),
    );
  }
  return problems;
}

function duplicateSteps(sections: OutlinedPhase['sections'], phase: OutlinedPhase): readonly PlanProblem[] {
  const steps = outlinedSteps({ sections });
  return steps.flatMap((step, index) =>
    steps.findIndex((other) => other.name === step.name) === index
      ? []
      : [
          invalid(
            `two steps of the phase "${phase.phase.name}" are called "${step.name}"`,
            'expressions and logs name steps: give each a name of its own',
            step.pointer,
          ),
        ],
  );
}

function misplacedSteps(phase: OutlinedPhase): readonly PlanProblem[] {
  const problems: PlanProblem[] = [];
  for (const section of [...phase.sections, ...phase.rollback]) {
    for (const step of section.groups.flat()) {
      const allowed: readonly string[] = STEP_SPECS[step.type].sections;
      if (allowed.includes(section.name)) continue;
      problems.push(
        invalid(
          `${inPhase(phase, step)} cannot stand in ${section.name}`,
          `move it to ${allowed.join(' or ')}`,
          step.pointer,
        ),
      );
    }
  }
  return problems;
}

/** The page: the last setup silently wins, and makes the ones before it useless. Here it is an error. */
function secondSetups(phases: readonly OutlinedPhase[]): readonly PlanProblem[] {
  const problems: PlanProblem[] = [];
  const setups: { readonly phase: OutlinedPhase; readonly step: OutlinedStep }[] = [];
  for (const phase of phases) {
    for (const step of outlinedSteps(phase).filter(isSetup)) {
      const first = setups.find((other) => isSameTarget(other.phase, phase));
      if (first === undefined) {
        setups.push({ phase, step });
        continue;
      }
      const where = `"${phase.service.metadata.name}" on "${phase.infrastructure.metadata.name}"`;
      problems.push(
        invalid(
          `${inPhase(phase, step)} is a second setup of ${where}; the first is "${first.step.name}" in "${first.phase.phase.name}"`,
          'keep one setup: all phases of a service and infrastructure share it',
          step.pointer,
        ),
      );
    }
  }
  return problems;
}

export function inPhase(phase: OutlinedPhase, step: OutlinedStep): string {
  return `phase "${phase.phase.name}", step "${step.name}"`;
}

function invalid(message: string, hint: string, pointer: string): PlanProblem {
  return { code: 'document-invalid', message, hint, pointer };
}
