import { OutriderError } from '@outrider/shared/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '@outrider/shared/json.ts';
import type { DeployedService, DeploymentTarget } from '@outrider/shared/steps/target.ts';
import type { TaskDefinition } from '../aws/ports.ts';
import { listOf } from '../json.ts';
import type { StepContext } from './contract.ts';
import { failure } from './failures.ts';
import { TASK_DEFINITION_TAG, taskDefinitionTags } from './identity.ts';

export type Registering = Pick<
  StepContext<Facts>,
  'aws' | 'log' | 'identity' | 'token' | 'sleep' | 'polling' | 'resumed' | 'checkpoint'
>;

interface Facts {
  readonly taskDefinitionArn?: string | undefined;
  /** RegisterTaskDefinition may have been called. */
  readonly registering?: boolean | undefined;
}

/** What describe-task-definition adds to what was registered: pasted output is taken as it is. */
const READ_ONLY = new Set([
  'taskDefinitionArn',
  'revision',
  'status',
  'requiresAttributes',
  'compatibilities',
  'registeredAt',
  'registeredBy',
  'deregisteredAt',
  'deleteRequestedAt',
]);
/** Revisions looked through for our own; more than ten between a crash and the next run are not to be expected. */
const LOOK_BACK = 10;
const REGISTER_ATTEMPTS = 3;
/** AWS shows a new revision in lists after a moment: waits before the next look, in shortest waits between two looks. */
const LOOK_AGAIN = [1, 3, 6];

export function isFargate(target: DeploymentTarget): boolean {
  if (target.launchType === 'FARGATE') return true;
  const providers = (target.capacityProviderStrategy ?? []).map((item) => item['capacityProvider']);
  return providers.some((name) => name === 'FARGATE' || name === 'FARGATE_SPOT');
}

export function networkModeOf(definition: JsonObject, target: DeploymentTarget): string {
  const given = definition['networkMode'];
  if (isFargate(target)) return 'awsvpc';
  return typeof given === 'string' ? given : 'bridge';
}

/** The containers of a task definition; a definition without any is refused. */
export function containersOf(definition: JsonObject): readonly JsonObject[] {
  const found = listOf(definition['containerDefinitions']).filter(isJsonObject);
  if (found.length > 0) return found;
  throw failure('step-input-invalid', 'The task definition has no containerDefinitions', {
    hint: "Give at least one container in the service's taskDefinition.",
  });
}

/** The request for RegisterTaskDefinition, without tags. Fargate forces its network mode and compatibility. */
export function taskDefinitionRequest(
  service: Pick<DeployedService, 'taskDefinition'>,
  target: DeploymentTarget,
  family: string,
): JsonObject {
  const given = Object.entries(service.taskDefinition).filter(([key]) => !READ_ONLY.has(key));
  const request: Record<string, Json> = { ...Object.fromEntries(given), family };
  request['containerDefinitions'] = containersOf(service.taskDefinition).map(withoutEmptySecrets);
  // AWS takes these two as text, people write them as numbers.
  for (const key of ['cpu', 'memory']) {
    if (typeof request[key] === 'number') request[key] = String(request[key]);
  }
  if (request['executionRoleArn'] === undefined && target.executionRole !== undefined) {
    request['executionRoleArn'] = target.executionRole;
  }
  if (isFargate(target)) {
    request['networkMode'] = 'awsvpc';
    request['requiresCompatibilities'] = ['FARGATE'];
  }
  return request;
}

function withoutEmptySecrets(container: JsonObject): JsonObject {
  const { secrets, ...rest } = container;
  return Array.isArray(secrets) && secrets.length === 0 ? rest : container;
}

/**
 * Registers the revision of this step, once: RegisterTaskDefinition makes a new one at each call and knows no token, so
 * that our tag is looked for before every call and after every unclear end. An earlier run that was cut off in the call
 * is such an end.
 */
export async function ensureTaskDefinition(
  ctx: Registering,
  request: JsonObject,
  family: string,
): Promise<TaskDefinition> {
  const { taskDefinitionArn, registering } = ctx.resumed;
  const known =
    taskDefinitionArn === undefined ? undefined : await ctx.aws.ecs.describeTaskDefinition(taskDefinitionArn);
  const own =
    known ?? (await findOwn(ctx, family)) ?? (registering === true ? await lookAgain(ctx, family) : undefined);
  if (own !== undefined) return own;
  if (registering !== true) await ctx.checkpoint({ registering: true });
  for (let attempt = 1; ; attempt++) {
    try {
      return await ctx.aws.ecs.registerTaskDefinition(request, taskDefinitionTags(ctx, family));
    } catch (error) {
      if (!(error instanceof OutriderError) || error.code !== 'aws-unavailable') throw error;
      const made = await lookAgain(ctx, family);
      if (made !== undefined) return made;
      if (attempt >= REGISTER_ATTEMPTS) throw error;
    }
  }
}

async function lookAgain(ctx: Registering, family: string): Promise<TaskDefinition | undefined> {
  for (const waits of LOOK_AGAIN) {
    await ctx.sleep(waits * ctx.polling.minMs);
    const made = await findOwn(ctx, family);
    if (made !== undefined) return made;
  }
  return undefined;
}

async function findOwn(ctx: Registering, family: string): Promise<TaskDefinition | undefined> {
  const tag = { key: TASK_DEFINITION_TAG, value: ctx.token('task-definition') };
  return (await ctx.aws.ecs.findTaskDefinitions(family, tag, LOOK_BACK))[0];
}
