import { ECS_NAME_PATTERN } from '@outrider/shared/names.ts';
import type { DeployedService, DeploymentTarget } from '@outrider/shared/steps/target.ts';
import type { TaskDefinition } from '../aws/ports.ts';
import type { StepContext } from './contract.ts';
import { failure } from './failures.ts';
import { ensureTaskDefinition, type Registering, taskDefinitionRequest } from './task-definition.ts';

/** The canary's name is the service's with this at its end. */
const CANARY_SUFFIX = 'Canary';

/** The fixed name of a service that is deployed in place: its service definition's, else the default family. */
export function serviceNameOf(service: DeployedService): string {
  const given = service.serviceDefinition['serviceName'];
  const name = typeof given === 'string' && given.trim() !== '' ? given.trim() : service.family;
  if (ECS_NAME_PATTERN.test(name) && name.length <= 255 - CANARY_SUFFIX.length) return name;
  throw failure('step-input-invalid', `"${name}" cannot be the name of an ECS service`, {
    hint: 'Use letters, digits, hyphens and underscores in serviceDefinition.serviceName.',
  });
}

export function canaryNameOf(service: DeployedService): string {
  return `${serviceNameOf(service)}${CANARY_SUFFIX}`;
}

/** Registers the task definition with the lines of the ECS canary page; the family is the author's, where there is one. */
export async function registerNamed(
  ctx: Registering,
  deployed: { readonly service: DeployedService; readonly target: DeploymentTarget },
): Promise<TaskDefinition> {
  const given = deployed.service.taskDefinition['family'];
  const family = typeof given === 'string' && given.trim() !== '' ? given.trim() : deployed.service.family;
  if (!ECS_NAME_PATTERN.test(family)) {
    throw failure('step-input-invalid', `"${family}" cannot be the family of a task definition`, {
      hint: 'Use letters, digits, hyphens and underscores in taskDefinition.family.',
    });
  }
  ctx.log(`Creating Task Definition with family ${family}`);
  const request = taskDefinitionRequest(deployed.service, deployed.target, family);
  const definition = await ensureTaskDefinition(ctx, request, family);
  ctx.log(`Created Task Definition ${definition.family}:${definition.revision} with Arn ${definition.arn}..`);
  return definition;
}

/** Writes the last lines of page two's steps, whichever way the work ends. Being told to stop is neither. */
export async function withVerdict<T>(
  ctx: StepContext<unknown>,
  what: 'Deployment' | 'Rollback',
  work: () => Promise<T>,
): Promise<T> {
  try {
    const result = await work();
    ctx.log('');
    ctx.log(` ${what} Successful.`);
    return result;
  } catch (error) {
    if (!ctx.stop.aborted) {
      ctx.log('');
      ctx.log(` ${what} Failed.`, 'ERROR');
    }
    throw error;
  }
}
