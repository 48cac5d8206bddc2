import { isJsonArray, isJsonObject } from '@outrider/shared/json.ts';
import { normalizeName } from '@outrider/shared/names.ts';
import { STEP_SPECS, type StepType } from '@outrider/shared/steps/index.ts';
import {
  isSameTarget,
  isSetup,
  type OutlinedPhase,
  type OutlinedSection,
  type OutlinedStep,
  outlinedSteps,
} from '../../domain/planning/outline.ts';
import { inPhase } from '../../domain/planning/structure.ts';

import type { Checkable, Report } from './report.ts';
import { ROOT_NAMES } from './sample-scope.ts';

/** What steps need of each other, beyond what the planner asks of a workflow's build. */
export function checkSteps(document: Checkable, phases: readonly OutlinedPhase[], report: Report): void {
  for (const phase of phases) {
    for (const sections of [phase.sections, phase.rollback]) {
      checkSpelling(document, phase, sections, report);
      checkParallel(document, phase, sections, report);
    }
    checkOrder(document, phase, phases, report);
    checkPairs(document, phase, phases, report);
    outlinedSteps(phase).forEach((step) => checkLoadBalancers(document, phase, step, report));
  }
}

/** Expressions spell step names with `__`: two names must stay two, and hide none of the names that are always there. */
function checkSpelling(
  document: Checkable,
  phase: OutlinedPhase,
  sections: readonly OutlinedSection[],
  report: Report,
): void {
  const seen = new Map<string, OutlinedStep>();
  for (const step of outlinedSteps({ sections })) {
    const spelt = normalizeName(step.name);
    const pointer = `${step.pointer}/name`;
    const other = seen.get(spelt);
    if (other !== undefined && other.name !== step.name) {
      const message = `${inPhase(phase, step)}: expressions cannot tell it from "${other.name}": both are ${spelt}`;
      report.add(document, { pointer, message, hint: 'choose another name' });
    }
    if (ROOT_NAMES.includes(spelt)) {
      const message = `${inPhase(phase, step)}: expressions use the name ${spelt} for something else`;
      report.add(document, { pointer, message, hint: 'choose another name' });
    }
    seen.set(spelt, step);
  }
}

/** Two steps that change the same service at the same time would undo each other's work. */
function checkParallel(
  document: Checkable,
  phase: OutlinedPhase,
  sections: readonly OutlinedSection[],
  report: Report,
): void {
  for (const group of sections.flatMap((section) => section.groups)) {
    const [first, second] = group.filter((step) => STEP_SPECS[step.type].changesService !== false);
    if (first === undefined || second === undefined) continue;
    const message = `${inPhase(phase, second)} changes the same service as "${first.name}" at the same time`;
    report.add(document, { pointer: second.pointer, message, hint: 'run them one after the other' });
  }
}

/** What must have run before a step can do anything. */
function checkOrder(document: Checkable, phase: OutlinedPhase, phases: readonly OutlinedPhase[], report: Report): void {
  const before: OutlinedStep[] = phases
    .filter((other) => other.index < phase.index && isSameTarget(other, phase))
    .flatMap((other) => outlinedSteps(other));
  const needs = (step: OutlinedStep, found: boolean, what: string, hint: string) => {
    if (found) return;
    const message = `${inPhase(phase, step)} needs ${what} before it`;
    report.add(document, { pointer: step.pointer, message, hint });
  };
  for (const step of outlinedSteps(phase)) {
    if (step.type === 'ecs-upgrade-containers') {
      needs(
        step,
        before.some(isSetup),
        'an ECS Service Setup',
        'add ecs-service-setup to Setup Container of the first phase',
      );
    }
    if (step.type === 'ecs-canary-delete') {
      const deployed = before.some((other) => other.type === 'ecs-canary-deploy');
      needs(step, deployed, 'an ECS Canary Deploy', 'add ecs-canary-deploy, or leave this step out');
    }
    before.push(step);
  }
}

const UPGRADE: StepType = 'ecs-upgrade-containers';
const ROLLBACK: StepType = 'ecs-rollback-containers';

/** Auto scaling is added by Upgrade Containers and given back by Rollback Containers: a phase has both or neither. */
function checkPairs(document: Checkable, phase: OutlinedPhase, phases: readonly OutlinedPhase[], report: Report): void {
  const scaled = phases
    .filter((other) => isSameTarget(other, phase))
    .flatMap((other) => outlinedSteps(other))
    .some((step) => step.type === 'ecs-service-setup' && step.with['autoScaler'] !== undefined);
  if (!scaled) return;
  const upgrade = outlinedSteps(phase).find((step) => step.type === UPGRADE);
  const rollback = outlinedSteps({ sections: phase.rollback }).find((step) => step.type === ROLLBACK);
  const reason = 'auto scaling is added by Upgrade Containers and restored by Rollback Containers of the same phase';
  if (upgrade !== undefined && rollback === undefined) {
    const message = `${inPhase(phase, upgrade)} has no Rollback Containers in its phase: ${reason}`;
    report.add(document, {
      pointer: upgrade.pointer,
      message,
      hint: `add ${ROLLBACK} to the rollback, or leave rollback out to get it`,
    });
  }
  if (upgrade === undefined && rollback !== undefined) {
    const message = `${inPhase(phase, rollback)} has no Upgrade Containers in its phase: ${reason}`;
    report.add(document, { pointer: rollback.pointer, message, hint: `add ${UPGRADE}, or delete both` });
  }
}

/** ECS: the container cannot be empty when a port is given. */
function checkLoadBalancers(document: Checkable, phase: OutlinedPhase, step: OutlinedStep, report: Report): void {
  const balancers = step.with['loadBalancers'];
  if (!isJsonArray(balancers)) return;
  balancers.forEach((balancer, index) => {
    if (!isJsonObject(balancer) || balancer['containerPort'] === undefined) return;
    const container = balancer['containerName'];
    if (typeof container === 'string' && container.trim() !== '') return;
    report.add(document, {
      pointer: `${step.pointer}/with/loadBalancers/${index}/containerPort`,
      part: 'key',
      message: `${inPhase(phase, step)}: containerPort needs a containerName`,
      hint: 'add containerName: "${CONTAINER_NAME}", or leave the port out',
    });
  });
}
