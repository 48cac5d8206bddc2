import type { EcsService } from '../aws/ports.ts';
import type { StepContext } from './contract.ts';
import { failure } from './failures.ts';
import { belongsTo, FAMILY_TAG, identityTags, madeByThisStep } from './identity.ts';
import { poll, waitEnd } from './poll.ts';
import { createServiceRequest, type ServiceShape } from './service-request.ts';

/** A service of the same name may still be draining; its name is free once it is INACTIVE. */
const DRAINS_WITHIN_MS = 600_000;

/**
 * Creates a service of ours, once. One that this step made before counts as created; one that somebody else made is left
 * alone and fails the step.
 */
export async function createVersion(
  ctx: StepContext<unknown>,
  options: { readonly family: string; readonly cluster: string; readonly shape: ServiceShape },
): Promise<EcsService> {
  const { family, cluster, shape } = options;
  const there = await freeOrActive(ctx, cluster, shape.name);
  if (there !== undefined) {
    if (madeByThisStep(there, ctx) && there.taskDefinitionArn === shape.taskDefinitionArn) return there;
    throw taken(there, family);
  }
  const tags = identityTags(ctx, family);
  return await ctx.aws.ecs.createService(
    cluster,
    createServiceRequest(shape),
    ctx.token(`service ${shape.name}`),
    tags,
  );
}

/** The service when it is ACTIVE; undefined when the name is free, which a draining service's becomes. */
export async function freeOrActive(
  ctx: StepContext<unknown>,
  cluster: string,
  name: string,
): Promise<EcsService | undefined> {
  const answer = await poll(ctx, {
    untilMs: waitEnd(ctx, DRAINS_WITHIN_MS),
    async look() {
      const service = await ctx.aws.ecs.describeService(cluster, name);
      return service?.status === 'DRAINING' ? undefined : { service };
    },
  });
  if (answer === undefined) {
    throw failure('step-timed-out', `Service ${name} is still draining`, {
      hint: "Wait until its tasks have stopped: a target group's deregistration delay is usually what takes long.",
    });
  }
  return answer.service?.status === 'ACTIVE' ? answer.service : undefined;
}

/** A service in the way that is not ours to change. */
export function taken(service: EcsService, family: string): Error {
  if (belongsTo(service, family)) {
    return failure('interfered', `Service ${service.name} exists already and was made by another deployment`, {
      hint: 'Delete it when nothing needs it, then run again.',
    });
  }
  return failure('interfered', `Service ${service.name} exists already and does not belong to Outrider`, {
    hint: `Choose another name, delete it, or hand it over with the tag ${FAMILY_TAG}=${family}.`,
    evidence: [`${service.arn} has no tag ${FAMILY_TAG}=${family}`],
  });
}
