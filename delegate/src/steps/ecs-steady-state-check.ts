import { readContainers } from './container-ids.ts';
import type { StepHandler } from './contract.ts';
import { failure } from './failures.ts';
import { waitEnd } from './poll.ts';
import { primaryOf } from './steady-state.ts';
import { watchService } from './watch.ts';

/** Waits for a service that something else deploys. Changes nothing, and asks for no tag. */
export const ecsSteadyStateCheck: StepHandler<'ecs-steady-state-check'> = async (input, ctx) => {
  const { cluster } = input.target;
  const serviceName = input.with.serviceName.trim();
  const where = `Ecs service: ${serviceName} in Ecs cluster: ${cluster}`;
  ctx.log(`Getting details about ${where}.`);
  const service = await ctx.aws.ecs.describeService(cluster, serviceName);
  if (service === undefined || service.status === 'INACTIVE') {
    throw failure('service-missing', `No service in cluster: ${cluster} with name: ${serviceName}`);
  }
  const watch = watchService(ctx, {
    cluster,
    serviceName,
    role: 'new',
    // The stops of the deployment that is being waited for count: only its events so far are old news.
    baseline: {
      eventIds: new Set(service.events.map((event) => event.id)),
      stoppedTasks: new Set(),
      deploymentId: primaryOf(service)?.id,
    },
    wanted: {
      desired: undefined,
      taskDefinitionArn: undefined,
      deploymentId: undefined,
      deploymentIdBefore: undefined,
      shrinking: false,
    },
    events: 'trouble',
    giveUpAfter: input.with.giveUpAfter,
    untilMs: waitEnd(ctx, input.with.timeoutMilliseconds),
  });
  ctx.log(`Waiting for running count to reach: ${service.desired} for ${where}.`);
  await watch.untilRunning();
  ctx.log(`Starting to wait for steady state for ${where}.`);
  await watch.untilSteady();
  ctx.log(`Completed wait for steady state for ${where}. Now getting all container infos.`);
  const containers = await readContainers(ctx, {
    cluster,
    serviceName,
    containerName: input.service.containerName,
    tasksBefore: new Set(),
  });
  ctx.log('Got all the container infos');
  return { serviceName, containers: containers.map((container) => ({ ...container, new: false })) };
};
