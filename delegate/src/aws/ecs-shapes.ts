import type { Container, Deployment, DescribeTaskDefinitionResponse, Service, Tag, Task } from '@aws-sdk/client-ecs';
import type { EcsContainer, EcsDeployment, EcsService, EcsTask, TaskDefinition } from './ports.ts';
import { toJsonObject } from './to-json.ts';

/** Answers of ECS → the shapes of ports.ts. What AWS leaves out becomes empty or 0, never a crash. */

export function serviceOf(service: Service): EcsService {
  return {
    arn: service.serviceArn ?? '',
    name: service.serviceName ?? nameOfArn(service.serviceArn ?? ''),
    status: statusOf(service.status),
    desired: service.desiredCount ?? 0,
    running: service.runningCount ?? 0,
    pending: service.pendingCount ?? 0,
    taskDefinitionArn: service.taskDefinition ?? '',
    ...(service.launchType === undefined ? {} : { launchType: service.launchType }),
    schedulingStrategy: service.schedulingStrategy === 'DAEMON' ? 'DAEMON' : 'REPLICA',
    deployments: (service.deployments ?? []).map(deploymentOf),
    events: (service.events ?? []).map((event) => ({
      id: event.id ?? '',
      createdAtMs: event.createdAt?.getTime() ?? 0,
      message: event.message ?? '',
    })),
    loadBalancers: (service.loadBalancers ?? []).map((balancer) => ({
      targetGroupArn: balancer.targetGroupArn ?? '',
      containerName: balancer.containerName ?? '',
      containerPort: balancer.containerPort ?? 0,
    })),
    tags: tagsOf(service.tags),
    ...(service.healthCheckGracePeriodSeconds === undefined
      ? {}
      : { healthCheckGracePeriodSeconds: service.healthCheckGracePeriodSeconds }),
    raw: toJsonObject(service),
  };
}

export function taskOf(task: Task): EcsTask {
  const privateIp = privateAddressOf(task);
  return {
    arn: task.taskArn ?? '',
    taskDefinitionArn: task.taskDefinitionArn ?? '',
    lastStatus: task.lastStatus ?? '',
    desiredStatus: task.desiredStatus ?? '',
    containers: (task.containers ?? []).map(containerOf),
    ...given({
      healthStatus: task.healthStatus,
      launchType: task.launchType,
      containerInstanceArn: task.containerInstanceArn,
      startedBy: task.startedBy,
      createdAtMs: task.createdAt?.getTime(),
      stoppedAtMs: task.stoppedAt?.getTime(),
      stopCode: task.stopCode,
      stoppedReason: task.stoppedReason,
      privateIp,
    }),
  };
}

export function taskDefinitionOf(answer: DescribeTaskDefinitionResponse): TaskDefinition | undefined {
  const definition = answer.taskDefinition;
  if (definition?.taskDefinitionArn === undefined) return undefined;
  return {
    arn: definition.taskDefinitionArn,
    family: definition.family ?? '',
    revision: definition.revision ?? 0,
    tags: tagsOf(answer.tags),
    raw: toJsonObject(definition),
  };
}

export function tagsOf(tags: readonly Tag[] | undefined): Record<string, string> {
  return Object.fromEntries((tags ?? []).map((tag) => [tag.key ?? '', tag.value ?? '']));
}

/** Members that are undefined are left out. */
export function given<T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const kept: { [K in keyof T]?: NonNullable<T[K]> } = {};
  for (const key of keysOf(members)) {
    const value = members[key];
    if (value !== undefined && value !== null) kept[key] = value;
  }
  return kept;
}

function keysOf<T extends object>(value: T): (keyof T)[] {
  const keys: (keyof T)[] = [];
  for (const key in value) keys.push(key);
  return keys;
}

function deploymentOf(deployment: Deployment): EcsDeployment {
  return {
    id: deployment.id ?? '',
    status: deployment.status === 'PRIMARY' || deployment.status === 'ACTIVE' ? deployment.status : 'INACTIVE',
    taskDefinitionArn: deployment.taskDefinition ?? '',
    desired: deployment.desiredCount ?? 0,
    running: deployment.runningCount ?? 0,
    pending: deployment.pendingCount ?? 0,
    failedTasks: deployment.failedTasks ?? 0,
    createdAtMs: deployment.createdAt?.getTime() ?? 0,
    updatedAtMs: deployment.updatedAt?.getTime() ?? 0,
    ...given({ rolloutState: deployment.rolloutState, rolloutStateReason: deployment.rolloutStateReason }),
  };
}

function containerOf(container: Container): EcsContainer {
  return {
    name: container.name ?? '',
    lastStatus: container.lastStatus ?? '',
    hostPorts: (container.networkBindings ?? []).map((binding) => ({
      containerPort: binding.containerPort ?? 0,
      hostPort: binding.hostPort ?? 0,
    })),
    ...given({
      healthStatus: container.healthStatus,
      runtimeId: container.runtimeId,
      exitCode: container.exitCode,
      reason: container.reason,
      image: container.image,
      imageDigest: container.imageDigest,
    }),
  };
}

function privateAddressOf(task: Task): string | undefined {
  for (const attachment of task.attachments ?? []) {
    if (attachment.type !== 'ElasticNetworkInterface') continue;
    const address = attachment.details?.find((detail) => detail.name === 'privateIPv4Address')?.value;
    if (address !== undefined) return address;
  }
  return task.containers?.[0]?.networkInterfaces?.[0]?.privateIpv4Address;
}

function statusOf(status: string | undefined): EcsService['status'] {
  return status === 'ACTIVE' || status === 'DRAINING' ? status : 'INACTIVE';
}

function nameOfArn(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}
