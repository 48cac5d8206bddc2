import { OutriderError } from '@outrider/shared/errors.ts';
import { isJsonArray, isJsonObject, type JsonObject } from '@outrider/shared/json.ts';
import type { EcsService } from '../aws/ports.ts';
import type { Watching } from './watch-options.ts';

/** Instances looked at; in a larger cluster there may be others. */
const INSTANCES_MAX = 500;

/**
 * Why no container instance of the cluster could ever hold one task of the service, even an empty one; undefined: one could,
 * or it is not known. A cluster that makes its own instances (capacity providers) may make larger ones: it is not judged.
 */
export async function tooLargeForCluster(
  ctx: Pick<Watching, 'aws'>,
  cluster: string,
  service: EcsService,
): Promise<string | undefined> {
  const providers = service.raw['capacityProviderStrategy'];
  if (service.launchType === 'FARGATE' || (isJsonArray(providers) && providers.length > 0)) return undefined;
  try {
    const arns = await ctx.aws.ecs.listContainerInstances(cluster);
    if (arns.length === 0 || arns.length > INSTANCES_MAX) return undefined;
    const definition = await ctx.aws.ecs.describeTaskDefinition(service.taskDefinitionArn);
    if (definition === undefined) return undefined;
    const found = [...(await ctx.aws.ecs.describeContainerInstances(cluster, arns)).values()];
    const needs = reservationOf(definition.raw);
    const cpu = Math.max(...found.map((instance) => instance.cpu ?? Number.POSITIVE_INFINITY));
    const memory = Math.max(...found.map((instance) => instance.memoryMiB ?? Number.POSITIVE_INFINITY));
    if (needs.cpu > cpu) {
      return `a task reserves ${needs.cpu} CPU units, and the largest container instance of the cluster has ${cpu} in all`;
    }
    if (needs.memoryMiB > memory) {
      return `a task reserves ${needs.memoryMiB} MiB of memory, and the largest container instance of the cluster has ${memory} in all`;
    }
    return undefined;
  } catch (error) {
    // An answer would only have made the wait shorter.
    if (error instanceof OutriderError) return undefined;
    throw error;
  }
}

/** What ECS sets aside for a task: the task's own figure, else the sum over its containers. */
function reservationOf(definition: JsonObject): { cpu: number; memoryMiB: number } {
  const raw = definition['containerDefinitions'];
  const containers = isJsonArray(raw) ? raw.filter(isJsonObject) : [];
  const sum = (of: (container: JsonObject) => number) => containers.reduce((total, one) => total + of(one), 0);
  return {
    cpu: numberOf(definition['cpu']) || sum((one) => numberOf(one['cpu'])),
    memoryMiB:
      numberOf(definition['memory']) || sum((one) => numberOf(one['memoryReservation']) || numberOf(one['memory'])),
  };
}

/** AWS writes a task's figures as text. */
function numberOf(value: unknown): number {
  const number = typeof value === 'string' || typeof value === 'number' ? Number(value) : 0;
  return Number.isFinite(number) ? number : 0;
}
