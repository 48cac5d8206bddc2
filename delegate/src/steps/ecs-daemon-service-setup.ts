import type { FactsOf } from '@outrider/shared/steps/index.ts';
import type { EcsService } from '../aws/ports.ts';
import { containerLines, readContainers } from './container-ids.ts';
import type { StepContext, StepHandler } from './contract.ts';
import { createVersion, freeOrActive, taken } from './create-version.ts';
import { failure } from './failures.ts';
import { familyOf } from './family.ts';
import { belongsTo } from './identity.ts';
import { awaitInPlace, updateInPlace } from './in-place.ts';
import { resolveLoadBalancers } from './load-balancers.ts';
import { waitEnd } from './poll.ts';
import { checkServiceRegistries, type ServiceShape, updateServiceRequest } from './service-request.ts';
import { ensureTaskDefinition, isFargate, taskDefinitionRequest } from './task-definition.ts';
import { NOTHING_BEFORE } from './watch.ts';

type Context = StepContext<FactsOf<'ecs-daemon-service-setup'>>;

/** Creates or updates one service under a fixed name; ECS runs one task of it on each container instance. */
export const ecsDaemonServiceSetup: StepHandler<'ecs-daemon-service-setup'> = async (input, ctx) => {
  const { service, target } = input;
  const { cluster } = target;
  const { steadyStateTimeoutMinutes } = input.with;
  if (isFargate(target)) {
    throw failure('step-input-invalid', 'Daemon services run on container instances: there are none with Fargate', {
      hint: 'Use an Infrastructure with launchType EC2, or the strategy REPLICA.',
    });
  }
  const family = familyOf(input.with.serviceName, service.family);
  ctx.log(`Cluster Name: ${cluster}`);
  ctx.log(`Docker Image Name: ${service.image}`);
  ctx.log(`Container Name: ${service.containerName}`);
  const request = taskDefinitionRequest(service, target, family);
  checkServiceRegistries(service);
  const balanced = await resolveLoadBalancers(ctx, input.with.loadBalancers, input.with.loadBalancerRoleArn, input);
  const before = await surveyOnce(ctx, { cluster, family, steadyStateTimeoutMinutes });

  ctx.log(`Creating task definition ${family} with container image ${service.image}`);
  const definition = await ensureTaskDefinition(ctx, request, family);
  await ctx.checkpoint({ taskDefinitionArn: definition.arn });

  const shape = { name: family, taskDefinitionArn: definition.arn, desired: undefined, service, target, ...balanced };
  const { changed, baseline } = await apply(ctx, { cluster, family, shape, existed: before.existed });
  if (balanced.roleLeftOut !== '') ctx.log(`The role of the load balancers is left out: ${balanced.roleLeftOut}`);
  const steady = await awaitInPlace(ctx, {
    cluster,
    serviceName: family,
    taskDefinitionArn: definition.arn,
    desired: undefined,
    baseline,
    changed,
    role: 'new',
    events: 'trouble',
    giveUpAfter: input.with.giveUpAfter,
    untilMs: waitEnd(ctx, steadyStateTimeoutMinutes * 60_000),
    waitingLine: 'Waiting for service to be in steady state...',
    steadyLine: 'Service has reached a steady state',
  });
  if (steady.desired === 0) ctx.log('No container instance of the cluster can take a task of this service', 'WARN');
  const containers = await readContainers(ctx, {
    cluster,
    serviceName: family,
    containerName: service.containerName,
    tasksBefore: new Set(before.tasksBefore),
  });
  for (const line of containerLines(containers)) ctx.log(line);
  ctx.log('Completed operation');
  ctx.log('----------');
  return { serviceName: family, clusterName: cluster, taskDefinitionArn: definition.arn, containers };
};

/** The service as it is before the first change: what the rollback puts back. */
async function surveyOnce(
  ctx: Context,
  options: { cluster: string; family: string; steadyStateTimeoutMinutes: number },
): Promise<{ existed: boolean; tasksBefore: readonly string[] }> {
  const { snapshot, taskArnsBefore } = ctx.resumed;
  if (snapshot !== undefined) return { existed: snapshot !== null, tasksBefore: taskArnsBefore ?? [] };
  const { cluster, family, steadyStateTimeoutMinutes } = options;
  const live = await freeOrActive(ctx, cluster, family);
  if (live !== undefined) checkOurs(live, family);
  const tasksBefore = live === undefined ? [] : await ctx.aws.ecs.listTasks(cluster, family, 'RUNNING');
  await ctx.checkpoint({
    serviceName: family,
    snapshot: live === undefined ? null : snapshotOf(live),
    steadyStateTimeoutMinutes,
    taskArnsBefore: [...tasksBefore],
  });
  return { existed: live !== undefined, tasksBefore };
}

function checkOurs(live: EcsService, family: string): void {
  if (!belongsTo(live, family)) throw taken(live, family);
  if (live.schedulingStrategy === 'DAEMON') return;
  throw failure('step-input-invalid', `Service ${live.name} exists with the strategy REPLICA; ECS cannot change that`, {
    hint: 'Choose another serviceName, or delete the service first.',
  });
}

/** Without what changes by itself and would only make the facts large. */
export function snapshotOf(service: EcsService) {
  const { events: _events, deployments: _deployments, taskSets: _taskSets, ...kept } = service.raw;
  return kept;
}

async function apply(
  ctx: Context,
  options: { cluster: string; family: string; shape: ServiceShape; existed: boolean },
) {
  const { cluster, family, shape } = options;
  const live = options.existed ? await freeOrActive(ctx, cluster, family) : undefined;
  if (live === undefined) {
    ctx.log(`Creating ECS service ${family} in cluster ${cluster}`);
    return { changed: await createVersion(ctx, { family, cluster, shape }), baseline: NOTHING_BEFORE };
  }
  ctx.log(`Updating ECS service ${family} in cluster ${cluster}`);
  const asWanted = live.taskDefinitionArn === shape.taskDefinitionArn;
  return await updateInPlace(ctx, {
    cluster,
    live,
    change: updateServiceRequest(shape),
    asWanted,
    before: ctx.resumed.before,
    saveBefore: (before) => ctx.checkpoint({ before }),
  });
}
