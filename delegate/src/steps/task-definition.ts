import { OutriderError } from '@outrider/shared/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '@outrider/shared/json.ts';
import type { DeployedService, DeploymentTarget } from '@outrider/shared/steps/target.ts';
import type { TaskDefinition } from '../aws/ports.ts';
import { listOf } from '../json.ts';
import type { StepContext } from './contract.ts';
import { failure } from './failures.ts';
import { TASK_DEFINITION_TAG, taskDefinitionTags } from './identity.ts';

type Registering = Pick<StepContext<unknown>, 'aws' | 'identity' | 'token' | 'sleep'>;

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
/** AWS shows a new revision in lists after a moment. */
const LOOK_AGAIN_MS = [1_000, 3_000, 6_000];

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
 * that our tag is looked for before every call and after every unclear end.
 */
export async function ensureTaskDefinition(
  ctx: Registering,
  request: JsonObject,
  options: { readonly family: string; readonly known: string | undefined },
): Promise<TaskDefinition> {
  const known = options.known === undefined ? undefined : await ctx.aws.ecs.describeTaskDefinition(options.known);
  const own = known ?? (await findOwn(ctx, options.family));
  if (own !== undefined) return own;
  for (let attempt = 1; ; attempt++) {
    try {
      return await ctx.aws.ecs.registerTaskDefinition(request, taskDefinitionTags(ctx, options.family));
    } catch (error) {
      if (!(error instanceof OutriderError) || error.code !== 'aws-unavailable') throw error;
      const made = await lookAgain(ctx, options.family);
      if (made !== undefined) return made;
      if (attempt >= REGISTER_ATTEMPTS) throw error;
    }
  }
}

async function lookAgain(ctx: Registering, family: string): Promise<TaskDefinition | undefined> {
  for (const wait of LOOK_AGAIN_MS) {
    await ctx.sleep(wait);
    const made = await findOwn(ctx, family);
    if (made !== undefined) return made;
  }
  return undefined;
}

async function findOwn(ctx: Registering, family: string): Promise<TaskDefinition | undefined> {
  const tag = { key: TASK_DEFINITION_TAG, value: ctx.token('task-definition') };
  return (await ctx.aws.ecs.findTaskDefinitions(family, tag, LOOK_BACK))[0];
}
