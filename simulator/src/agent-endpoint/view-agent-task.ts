import { digestOf } from '../world/behaviour.ts';
import { definitionOf } from '../world/lookups.ts';
import type { TaskState, WorldState } from '../world/state.ts';

/** A task as the agent's introspection answers it. */
export interface AgentTask {
  readonly Arn: string;
  readonly DesiredStatus: string;
  readonly KnownStatus: string;
  readonly Family: string;
  readonly Version: string;
  readonly Containers: readonly AgentContainer[];
}

export interface AgentContainer {
  readonly DockerId: string;
  readonly DockerName: string;
  readonly Name: string;
  readonly Image: string;
  readonly ImageID: string;
  readonly CreatedAt: string;
  readonly StartedAt: string;
  readonly Ports?: readonly { ContainerPort: number; Protocol: string; HostPort: number; HostIp: string }[];
  readonly Networks?: readonly { NetworkMode: string; IPv4Addresses: readonly string[] }[];
  readonly RestartCount: number;
}

/** What the agent answers where it found no task; only the status code tells it from a real one. */
export const NO_TASK = { Arn: '', KnownStatus: '', Family: '', Version: '', Containers: null } as const;

/** The agent knows containers only once they were created. */
export function viewAgentTask(state: WorldState, one: TaskState): AgentTask {
  const { definition } = definitionOf(state, one.task.taskDefinitionArn);
  const family = definition.family ?? '';
  const version = String(definition.revision ?? '');
  const startedAt = new Date(one.ranAt).toISOString();
  const containers = one.task.containers.flatMap((container): AgentContainer[] => {
    const { runtimeId, name = '', image = '' } = container;
    if (runtimeId === undefined) return [];
    const ports = (container.networkBindings ?? []).map((binding) => ({
      ContainerPort: binding.containerPort ?? 0,
      Protocol: binding.protocol ?? 'tcp',
      HostPort: binding.hostPort ?? 0,
      HostIp: binding.bindIP ?? '0.0.0.0',
    }));
    const ownAddress = container.networkInterfaces?.[0]?.privateIpv4Address;
    return [
      {
        DockerId: runtimeId,
        DockerName: `ecs-${family}-${version}-${name.replaceAll(/[^a-zA-Z0-9]/g, '')}-${one.id.slice(0, 20)}`,
        Name: name,
        Image: image,
        ImageID: digestOf(`id of ${image}`),
        CreatedAt: startedAt,
        StartedAt: startedAt,
        ...(ports.length === 0 ? {} : { Ports: ports }),
        ...(ownAddress === undefined ? {} : { Networks: [{ NetworkMode: 'awsvpc', IPv4Addresses: [ownAddress] }] }),
        RestartCount: 0,
      },
    ];
  });
  const known = ['RUNNING', 'STOPPED'].includes(one.task.lastStatus)
    ? one.task.lastStatus
    : one.ranAt > 0
      ? 'RUNNING'
      : 'PENDING';
  return {
    Arn: one.task.taskArn,
    DesiredStatus: one.task.desiredStatus,
    KnownStatus: known,
    Family: family,
    Version: version,
    Containers: containers,
  };
}
