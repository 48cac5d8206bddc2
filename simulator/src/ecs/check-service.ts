import type { LoadBalancer, PlacementConstraint, PlacementStrategy, TaskDefinition } from '@aws-sdk/client-ecs';
import { invalidParameter } from '../wire/aws-error.ts';
import { parseExpression } from '../world/constraints.ts';
import type { ServiceSettings, WorldState } from '../world/state.ts';
import { hasLoadBalancer } from '../world/targets.ts';
import type { Wire } from '../world/wire-types.ts';

const MAX_TARGET_GROUPS = 5;
const MAX_CONSTRAINTS = 10;
const MAX_STRATEGIES = 5;
const MAX_DESIRED_COUNT = 5_000;
const MAX_GRACE_SECONDS = 2_147_483_647;

/** Everything that AWS checks about a service's settings, whether they are new or changed. */
export function checkSettings(
  state: WorldState,
  settings: ServiceSettings,
  definition: Wire<TaskDefinition>,
  fargate: boolean,
): void {
  checkDeployment(settings);
  checkPlacement(settings, fargate);
  checkLoadBalancers(state, settings, definition);
  const grace = settings.healthCheckGracePeriodSeconds ?? 0;
  if (grace < 0 || grace > MAX_GRACE_SECONDS)
    throw invalidParameter('Health check grace period must be between 0 and 2147483647.');
  for (const registry of settings.serviceRegistries ?? []) {
    if (registry.containerName !== undefined) containerNamed(definition, registry.containerName);
  }
  if (settings.schedulingStrategy === 'DAEMON') checkDaemon(settings, fargate);
}

/** The desired count of a REPLICA service; a DAEMON service has none of its own. */
export function checkDesiredCount(desiredCount: number | undefined, daemon: boolean): void {
  if (daemon) {
    if (desiredCount === undefined) return;
    const text =
      'The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again';
    throw invalidParameter(text);
  }
  if (desiredCount === undefined) return;
  if (desiredCount < 0) throw invalidParameter('desiredCount must not be negative.');
  if (desiredCount > MAX_DESIRED_COUNT)
    throw invalidParameter(`desiredCount must not be greater than ${MAX_DESIRED_COUNT}.`);
}

function checkDaemon(settings: ServiceSettings, fargate: boolean): void {
  if (fargate) {
    throw invalidParameter(
      'The daemon scheduling strategy does not support the FARGATE launch type. Change the launch type and try again',
    );
  }
  if ((settings.placementStrategy ?? []).length > 0) {
    throw invalidParameter(
      'The daemon scheduling strategy does not support placement strategies. Remove the placement strategies and try again',
    );
  }
  if ((settings.deploymentConfiguration?.maximumPercent ?? 100) > 100) {
    throw invalidParameter('The daemon scheduling strategy does not support values above 100 for maximumPercent');
  }
  const controller = settings.deploymentController?.type ?? 'ECS';
  if (controller !== 'ECS') {
    throw invalidParameter(`The daemon scheduling strategy does not support the ${controller} deployment controller`);
  }
  if (settings.availabilityZoneRebalancing === 'ENABLED') {
    throw invalidParameter('The daemon scheduling strategy does not support Availability Zone rebalancing');
  }
}

function checkDeployment(settings: ServiceSettings): void {
  const { maximumPercent, minimumHealthyPercent } = settings.deploymentConfiguration ?? {};
  if (
    maximumPercent !== undefined &&
    (maximumPercent < 0 || (maximumPercent < 100 && settings.schedulingStrategy !== 'DAEMON'))
  ) {
    throw invalidParameter('maximumPercent must not be less than 100.');
  }
  if (minimumHealthyPercent !== undefined && (minimumHealthyPercent < 0 || minimumHealthyPercent > 100)) {
    throw invalidParameter('minimumHealthyPercent must be between 0 and 100.');
  }
  if (maximumPercent === 100 && minimumHealthyPercent === 100) {
    throw invalidParameter(
      'Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.',
    );
  }
  if (settings.availabilityZoneRebalancing === 'ENABLED' && maximumPercent === 100) {
    throw invalidParameter('Availability Zone rebalancing does not support maximumPercent less than or equal to 100.');
  }
}

export function checkPlacement(
  settings: { placementConstraints?: Wire<PlacementConstraint>[]; placementStrategy?: Wire<PlacementStrategy>[] },
  fargate: boolean,
): void {
  const constraints = settings.placementConstraints ?? [];
  const strategies = settings.placementStrategy ?? [];
  if (fargate && constraints.length > 0) {
    throw invalidParameter('Placement constraints are not supported with FARGATE launch type.');
  }
  if (fargate && strategies.length > 0) {
    throw invalidParameter('Placement strategies are not supported with FARGATE launch type.');
  }
  if (constraints.length > MAX_CONSTRAINTS)
    throw invalidParameter(`Placement constraints can have at most ${MAX_CONSTRAINTS} items.`);
  if (strategies.length > MAX_STRATEGIES)
    throw invalidParameter(`Placement strategies can have at most ${MAX_STRATEGIES} items.`);
  for (const { type, expression } of constraints) {
    if (type === 'distinctInstance' && expression !== undefined && expression !== '') {
      throw invalidParameter('The distinctInstance placement constraint does not take an expression.');
    }
    if (type === 'memberOf' && parseExpression(expression ?? '') === undefined) {
      throw invalidParameter(`Invalid expression: ${expression ?? ''}`);
    }
  }
  for (const { type, field } of strategies) {
    if (type === 'binpack' && !['cpu', 'memory'].includes((field ?? '').toLowerCase())) {
      throw invalidParameter(`The field '${field ?? ''}' is not valid for the binpack placement strategy.`);
    }
  }
}

function checkLoadBalancers(state: WorldState, settings: ServiceSettings, definition: Wire<TaskDefinition>): void {
  const balancers = settings.loadBalancers ?? [];
  if (balancers.length > MAX_TARGET_GROUPS)
    throw invalidParameter(`load balancers can have at most ${MAX_TARGET_GROUPS} items.`);
  if (settings.role !== undefined) checkRole(balancers, definition);
  for (const balancer of balancers) checkLoadBalancer(state, balancer, definition);
}

function checkRole(balancers: readonly Wire<LoadBalancer>[], definition: Wire<TaskDefinition>): void {
  if (balancers.length === 0)
    throw invalidParameter('You cannot specify an IAM role for services that do not use a load balancer.');
  if (balancers.length > 1 || definition.networkMode === 'awsvpc') {
    throw invalidParameter('You cannot specify an IAM role for services that require a service linked role.');
  }
}

function checkLoadBalancer(state: WorldState, balancer: Wire<LoadBalancer>, definition: Wire<TaskDefinition>): void {
  const { targetGroupArn, loadBalancerName, containerName, containerPort } = balancer;
  if (targetGroupArn === undefined && loadBalancerName === undefined) {
    throw invalidParameter('Load Balancer Name or Target Group ARN must be specified.');
  }
  if (targetGroupArn !== undefined && loadBalancerName !== undefined) {
    throw invalidParameter('Both Load Balancer Name and Target Group ARN cannot be specified.');
  }
  if (containerName === undefined || containerName === '')
    throw invalidParameter('Container name cannot be null or empty.');
  const container = containerNamed(definition, containerName);
  if (containerPort === undefined) throw invalidParameter('Container port must be specified.');
  if (!(container.portMappings ?? []).some((mapping) => mapping.containerPort === containerPort)) {
    throw invalidParameter(`The container ${containerName} did not have a container port ${containerPort} defined.`);
  }
  if (targetGroupArn !== undefined) checkTargetGroup(state, targetGroupArn, definition);
}

function checkTargetGroup(state: WorldState, arn: string, definition: Wire<TaskDefinition>): void {
  const group = state.targetGroups[arn]?.group;
  if (group === undefined) throw invalidParameter(`The specified target group does not exist. (${arn})`);
  if (!hasLoadBalancer(state, arn)) {
    throw invalidParameter(`The target group with targetGroupArn ${arn} does not have an associated load balancer.`);
  }
  const wanted = definition.networkMode === 'awsvpc' ? 'ip' : 'instance';
  if ((group.TargetType === 'ip' ? 'ip' : 'instance') === wanted) return;
  throw invalidParameter(
    `The provided target group ${arn} has target type ${group.TargetType ?? 'instance'}, which is incompatible with the ${definition.networkMode ?? 'bridge'} network mode specified in the task definition.`,
  );
}

function containerNamed(
  definition: Wire<TaskDefinition>,
  name: string,
): NonNullable<Wire<TaskDefinition>['containerDefinitions']>[number] {
  const container = definition.containerDefinitions?.find((candidate) => candidate.name === name);
  if (container === undefined) throw invalidParameter(`The container ${name} does not exist in the task definition.`);
  return container;
}
