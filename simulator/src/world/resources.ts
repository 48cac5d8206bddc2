import type { TaskDefinition } from '@aws-sdk/client-ecs';
import { instancesOf } from './lookups.ts';
import type { InstanceState, TaskState, WorldState } from './state.ts';
import type { Wire } from './wire-types.ts';

/** What a task reserves on its container instance. */
export interface Reservation {
  readonly cpu: number;
  readonly memoryMiB: number;
  /** Host ports the task definition fixes. */
  readonly fixedPorts: readonly number[];
}

/** First port of the range Docker takes dynamic host ports from. */
const FIRST_DYNAMIC_PORT = 32_768;
/** Ports the agent and the instance use themselves. */
export const RESERVED_PORTS: readonly number[] = [22, 2375, 2376, 51_678, 51_679];

export function reservationOf(definition: Wire<TaskDefinition>): Reservation {
  const containers = definition.containerDefinitions ?? [];
  const cpu =
    definition.cpu === undefined ? containers.reduce((sum, one) => sum + (one.cpu ?? 0), 0) : Number(definition.cpu);
  const memoryMiB =
    definition.memory === undefined
      ? containers.reduce((sum, one) => sum + (one.memoryReservation ?? one.memory ?? 0), 0)
      : Number(definition.memory);
  return { cpu, memoryMiB, fixedPorts: fixedPorts(definition) };
}

function fixedPorts(definition: Wire<TaskDefinition>): number[] {
  if (definition.networkMode === 'awsvpc' || definition.networkMode === 'none') return [];
  const mappings = (definition.containerDefinitions ?? []).flatMap((one) => one.portMappings ?? []);
  return mappings.flatMap((mapping) => {
    const port = definition.networkMode === 'host' ? (mapping.hostPort ?? mapping.containerPort) : mapping.hostPort;
    return port === undefined || port === 0 ? [] : [port];
  });
}

/** What is left of an instance; tasks hold their share until they are STOPPED. */
export function remainingOf(
  state: WorldState,
  instance: InstanceState,
): { cpu: number; memoryMiB: number; usedPorts: ReadonlySet<number> } {
  let { cpu, memoryMiB } = instance;
  const usedPorts = new Set(RESERVED_PORTS);
  for (const one of tasksOn(state, instance)) {
    cpu -= one.cpu;
    memoryMiB -= one.memoryMiB;
    for (const port of one.hostPorts) usedPorts.add(port);
  }
  return { cpu, memoryMiB, usedPorts };
}

/** Tasks that occupy an instance: all that are not STOPPED. */
export function tasksOn(state: WorldState, instance: InstanceState): TaskState[] {
  return Object.values(state.tasks).filter(
    (one) => one.task.containerInstanceArn === instance.arn && one.task.lastStatus !== 'STOPPED',
  );
}

/** The lowest free dynamic host ports of an instance. */
export function dynamicPorts(usedPorts: ReadonlySet<number>, count: number): number[] {
  const found: number[] = [];
  for (let port = FIRST_DYNAMIC_PORT; found.length < count && port < 65_536; port += 1) {
    if (!usedPorts.has(port)) found.push(port);
  }
  return found;
}

/** Attributes that placement constraints and strategies can name. */
export function attributesOf(instance: InstanceState): Record<string, string> {
  return {
    'ecs.availability-zone': instance.zone,
    'ecs.instance-type': instance.instanceType,
    'ecs.ami-id': 'ami-0a1b2c3d4e5f60718',
    'ecs.os-type': 'linux',
    'ecs.os-family': 'LINUX',
    'ecs.cpu-architecture': 'x86_64',
  };
}

export function activeInstances(state: WorldState, clusterArn: string): InstanceState[] {
  return instancesOf(state, clusterArn).filter((instance) => instance.status === 'ACTIVE' && instance.agentConnected);
}
