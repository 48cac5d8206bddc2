import assert from 'node:assert/strict';
import type { ServiceCount } from './deployments.ts';
import { SPEED, type Stack } from './stack.ts';

/** Active services of a cluster as the simulated AWS has them, by name. */
export function servicesOf(stack: Stack, cluster: string): readonly ServiceCount[] {
  const state = stack.aws.control.state();
  return Object.values(state.services)
    .filter((service) => service.status === 'ACTIVE' && service.clusterArn.endsWith(`/${cluster}`))
    .map((service) => ({
      name: service.name,
      desired: service.desiredCount,
      running: runningTasks(stack, service.name),
    }))
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

function runningTasks(stack: Stack, service: string): number {
  return Object.values(stack.aws.control.state().tasks).filter(
    ({ task }) => task.group === `service:${service}` && task.lastStatus === 'RUNNING',
  ).length;
}

/** The revisions of a family that were registered. */
export function taskDefinitionsOf(stack: Stack, family: string): readonly string[] {
  return Object.values(stack.aws.control.state().taskDefinitions)
    .filter(({ definition }) => definition.family === family)
    .map(({ definition }) => definition.taskDefinitionArn ?? '');
}

/** The registry loses an image once this many tasks have pulled it. */
export function failPullsAfter(stack: Stack, image: string, tasks: number): void {
  stack.aws.control.addFault({ kind: 'image-pull-failure', image, after: tasks });
}

/** Time stands still in AWS: what was asked for is noted, and no task comes up. */
export function holdTasksBack(stack: Stack): void {
  stack.aws.control.setClockMode({ kind: 'manual' });
}

export function letTasksGo(stack: Stack): void {
  stack.aws.control.setClockMode({ kind: 'running', speed: SPEED });
}

/** Inputs of all successful calls of an operation, also those whose answer was lost. */
export function successfulMutations(stack: Stack, operation: string): readonly string[] {
  return stack.aws.control
    .mutations()
    .filter((call) => call.operation === operation && call.applied)
    .map((call) => call.input);
}

/**
 * Everything that was asked of AWS was asked rightly. The simulated AWS holds each request against AWS's published
 * models, unknown members included, and refuses what does not fit.
 */
export function assertNothingWasRefused(stack: Stack): void {
  const calls = stack.aws.control.calls();
  assert.ok(calls.length > 0, 'AWS was asked for something');
  const refused = calls.filter((call) => call.outcome !== 'ok');
  assert.deepEqual(
    refused.map((call) => `${call.service}:${call.operation} ${call.outcome}: ${call.message}`),
    [],
  );
}
