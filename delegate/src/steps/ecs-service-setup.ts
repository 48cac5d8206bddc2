import { versionedServiceName } from '@outrider/shared/names.ts';
import type { AutoScalerConfig } from '@outrider/shared/steps/autoscaling.ts';
import {
  DEFAULT_INSTANCES,
  DEFAULT_STEADY_STATE_TIMEOUT_MINUTES,
  type SetupOutput,
} from '@outrider/shared/steps/ecs-service-setup.ts';
import type { FactsOf, RenderedWith } from '@outrider/shared/steps/index.ts';
import type { EcsService } from '../aws/ports.ts';
import { removeAutoScaling, snapshotAutoScaling } from './auto-scaling.ts';
import { parseScalableTarget, parseScalingPolicies } from './auto-scaling-json.ts';
import type { StepContext, StepHandler } from './contract.ts';
import { createVersion } from './create-version.ts';
import { familyOf, totalInstances, type Version, versionsOf } from './family.ts';
import { keepOneVersion } from './keep-one-version.ts';
import { type Balanced, resolveLoadBalancers } from './load-balancers.ts';
import { checkServiceRegistries } from './service-request.ts';
import { ensureTaskDefinition, taskDefinitionRequest } from './task-definition.ts';

type With = RenderedWith<'ecs-service-setup'>;
type Context = StepContext<FactsOf<'ecs-service-setup'>>;
type Survey = Pick<SetupOutput, 'total' | 'previous' | 'autoScalingSnapshots'>;

/**
 * Registers the task definition, creates `<family>__<revision>` with no tasks, keeps one older version and removes those
 * without tasks. The log is that of the ECS workflows page.
 */
export const ecsServiceSetup: StepHandler<'ecs-service-setup'> = async (input, ctx) => {
  const { service, target } = input;
  const { cluster } = target;
  const family = familyOf(input.with.serviceName, service.family);
  ctx.log(`Cluster Name: ${cluster}`);
  ctx.log(`Docker Image Name: ${service.image}`);
  ctx.log(`Container Name: ${service.containerName}`);
  const steadyStateTimeoutMinutes = timeoutOf(ctx, input.with.steadyStateTimeoutMinutes);
  const autoScaler = autoScalerOf(input.with);
  const request = taskDefinitionRequest(service, target, family);
  checkServiceRegistries(service);
  const balanced = await resolveLoadBalancers(ctx, input.with.loadBalancers, input.with.loadBalancerRoleArn, input);
  const survey = await surveyOnce(ctx, cluster, family, input.with);

  ctx.log(`Creating task definition ${family} with container image ${service.image}`);
  const definition = await ensureTaskDefinition(ctx, request, family);
  const serviceName = versionedServiceName(family, definition.revision);
  await ctx.checkpoint({ taskDefinitionArn: definition.arn, serviceName });

  if (balanced.loadBalancers.length > 0) ctx.log('Setting load balancer to service');
  ctx.log(`Creating ECS service ${serviceName} in cluster ${cluster}`);
  await createVersion(ctx, {
    family,
    cluster,
    shape: { name: serviceName, taskDefinitionArn: definition.arn, desired: 0, service, target, ...balanced },
  });
  await keepOneVersion(ctx, { cluster, family, serviceName, ...survey, steadyStateTimeoutMinutes });
  ctx.log('');
  await cleanVersions(ctx, { cluster, family, serviceName, previous: survey.previous });
  sayAutoScaling(ctx, survey);
  sayLoadBalancers(ctx, input.with, balanced);
  return {
    serviceName,
    clusterName: cluster,
    taskDefinitionArn: definition.arn,
    family,
    containerName: service.containerName,
    image: service.image,
    resizeStrategy: input.with.resizeStrategy,
    steadyStateTimeoutMinutes,
    autoScaler,
    ...survey,
  };
};

/**
 * What there is before the first change, and what 100 % will mean. Taken once; a later run gets it from the facts, and so
 * does a later attempt: it would take a version that the first one brought to 0 for one that nothing needs.
 */
async function surveyOnce(ctx: Context, cluster: string, family: string, input: With): Promise<Survey> {
  const known = surveyIn(ctx.resumed);
  if (known !== undefined) return known;
  const earlier = surveyIn(ctx.earlier);
  if (earlier !== undefined) {
    await ctx.checkpoint(earlier);
    return earlier;
  }
  const active = (await versionsOf(ctx.aws.ecs, cluster, family)).filter(({ service }) => service.desired > 0);
  const survey: Survey = {
    previous: active.map(({ service }) => ({ name: service.name, desired: service.desired })),
    total: totalInstances({
      instances: input.instances,
      running: active.at(-1)?.service.desired ?? 0,
      fallback: DEFAULT_INSTANCES,
    }),
    autoScalingSnapshots: await snapshotAutoScaling(ctx, cluster, active.map(serviceOf)),
  };
  await ctx.checkpoint(survey);
  return survey;
}

function surveyIn({ previous, total, autoScalingSnapshots }: FactsOf<'ecs-service-setup'>): Survey | undefined {
  if (previous === undefined || total === undefined || autoScalingSnapshots === undefined) return undefined;
  return { previous, total, autoScalingSnapshots };
}

interface Cleaning {
  readonly cluster: string;
  readonly family: string;
  readonly serviceName: string;
  readonly previous: Survey['previous'];
}

/** Deletes versions without tasks: never the new one, and never one that ran before this deployment (rollback needs it). */
async function cleanVersions(ctx: Context, options: Cleaning): Promise<void> {
  ctx.log('Cleaning versions with no tasks');
  const { cluster, family, serviceName } = options;
  const needed = new Set([serviceName, ...options.previous.map((version) => version.name)]);
  for (const { service } of await versionsOf(ctx.aws.ecs, cluster, family)) {
    if (service.desired > 0 || service.running > 0 || service.pending > 0 || needed.has(service.name)) continue;
    ctx.log(`Deleting old version: ${service.name}`);
    await removeAutoScaling(ctx, cluster, service.name);
    await ctx.aws.ecs.deleteService(cluster, service.name, { force: false });
  }
}

function sayAutoScaling(ctx: Context, survey: Survey): void {
  ctx.log('Checking for Auto-Scalar config for existing services');
  const found = survey.autoScalingSnapshots.length > 0;
  ctx.log(found ? 'Auto-Scalar Config backed up' : 'No Auto-scalar config found for existing services');
}

function sayLoadBalancers(ctx: Context, input: With, balanced: Balanced): void {
  for (const balancer of input.loadBalancers) {
    ctx.log(`Load Balancer Name: ${balancer.loadBalancer ?? ''}`);
    ctx.log(`Target Group ARN: ${balancer.targetGroupArn}`);
  }
  if (balanced.role !== undefined) ctx.log(`Role ARN: ${balanced.role}`);
  if (balanced.roleLeftOut !== '') ctx.log(`The role of the load balancers is left out: ${balanced.roleLeftOut}`);
}

/** The page: an expression that fails or is null means 10 minutes. */
function timeoutOf(ctx: Context, given: number | null | undefined): number {
  if (given === null) {
    ctx.log(
      `The steady state timeout gives no number of minutes: ${DEFAULT_STEADY_STATE_TIMEOUT_MINUTES} are used`,
      'WARN',
    );
  }
  return given ?? DEFAULT_STEADY_STATE_TIMEOUT_MINUTES;
}

function autoScalerOf(input: With): AutoScalerConfig | null {
  if (input.autoScaler === undefined) return null;
  return {
    scalableTarget: parseScalableTarget(input.autoScaler.scalableTarget),
    scalingPolicies: parseScalingPolicies(input.autoScaler.scalingPolicies),
  };
}

function serviceOf(version: Version): EcsService {
  return version.service;
}
