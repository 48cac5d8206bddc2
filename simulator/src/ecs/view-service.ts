import type { Deployment, Service } from '@aws-sdk/client-ecs';
import { countTasks } from '../world/service-accounting.ts';
import { platformVersion } from '../world/start-task.ts';
import type { DeploymentState, ServiceState } from '../world/state.ts';
import { compact, type Wire } from '../world/wire-types.ts';
import type { World } from '../world/world.ts';
import { isFargate } from './check-network.ts';

/** A service as DescribeServices shows it. */
export function viewService(world: World, service: ServiceState, withTags: boolean): Wire<Service> {
  const { settings } = service;
  const counts = countTasks(world, service);
  const fargate = isFargate(settings);
  return compact<Wire<Service>>({
    serviceArn: service.arn,
    serviceName: service.name,
    clusterArn: service.clusterArn,
    loadBalancers: settings.loadBalancers ?? [],
    serviceRegistries: settings.serviceRegistries ?? [],
    status: service.status,
    desiredCount: service.desiredCount,
    runningCount: counts.running,
    pendingCount: counts.pending,
    launchType: settings.capacityProviderStrategy === undefined ? settings.launchType : undefined,
    capacityProviderStrategy: settings.capacityProviderStrategy,
    platformVersion: fargate ? (settings.platformVersion ?? 'LATEST') : undefined,
    platformFamily: fargate ? 'Linux' : undefined,
    taskDefinition: service.taskDefinition,
    deploymentConfiguration: settings.deploymentConfiguration,
    deployments: service.deployments.map((deployment) => viewDeployment(world, service, deployment)),
    roleArn: roleArn(
      world,
      settings.role,
      (settings.loadBalancers ?? []).length > 0 || settings.networkConfiguration !== undefined,
    ),
    events: service.events,
    createdAt: service.createdAt,
    placementConstraints: settings.placementConstraints ?? [],
    placementStrategy: settings.placementStrategy ?? [],
    networkConfiguration: settings.networkConfiguration,
    healthCheckGracePeriodSeconds: settings.healthCheckGracePeriodSeconds,
    schedulingStrategy: settings.schedulingStrategy ?? 'REPLICA',
    deploymentController: settings.deploymentController ?? { type: 'ECS' },
    tags: withTags ? service.tags : undefined,
    createdBy: `arn:aws:iam::${world.state.accountId}:root`,
    enableECSManagedTags: settings.enableECSManagedTags ?? false,
    propagateTags: settings.propagateTags ?? 'NONE',
    enableExecuteCommand: settings.enableExecuteCommand ?? false,
    availabilityZoneRebalancing: settings.availabilityZoneRebalancing ?? 'DISABLED',
  });
}

function viewDeployment(world: World, service: ServiceState, deployment: DeploymentState): Wire<Deployment> {
  const { settings } = service;
  const counts = countTasks(world, service, deployment.id);
  const fargate = isFargate(settings);
  return compact<Wire<Deployment>>({
    id: deployment.id,
    status: deployment.status,
    taskDefinition: deployment.taskDefinition,
    desiredCount: deployment.status === 'PRIMARY' ? service.desiredCount : 0,
    pendingCount: counts.pending,
    runningCount: counts.running,
    failedTasks: deployment.failedTasks,
    createdAt: deployment.createdAt,
    updatedAt: deployment.updatedAt,
    launchType: settings.capacityProviderStrategy === undefined ? settings.launchType : undefined,
    capacityProviderStrategy: settings.capacityProviderStrategy,
    platformVersion: fargate ? platformVersion(settings.platformVersion) : undefined,
    platformFamily: fargate ? 'Linux' : undefined,
    networkConfiguration: deployment.networkConfiguration,
    rolloutState: deployment.rolloutState,
    rolloutStateReason: deployment.rolloutStateReason,
  });
}

function roleArn(world: World, role: string | undefined, linked: boolean): string | undefined {
  if (role !== undefined) return role.startsWith('arn:') ? role : `arn:aws:iam::${world.state.accountId}:role/${role}`;
  if (!linked) return undefined;
  return `arn:aws:iam::${world.state.accountId}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS`;
}
