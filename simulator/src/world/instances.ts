import { tasksOn } from './resources.ts';
import { requestReconcile } from './service-schedule.ts';
import type { InstanceState } from './state.ts';
import { stopTask } from './task-life.ts';
import type { World } from './world.ts';

export interface InstanceSpecification {
  readonly instanceType?: string;
  /** CPU units, 1024 to a core. Default 2048. */
  readonly cpu?: number;
  /** Default 7680. */
  readonly memoryMiB?: number;
}

/** Loopback addresses that stand for private ones: 127.0.0.11 and up, so that a real agent endpoint can listen on each. */
const FIRST_HOST = 11;
const MAX_INSTANCES = 240;

/** Registers a container instance with a cluster. At most 240 of them in one world. */
export function addInstance(
  world: World,
  clusterName: string,
  specification: InstanceSpecification = {},
): InstanceState {
  const { state } = world;
  const cluster = state.clusters[clusterName];
  if (cluster === undefined) throw new RangeError(`There is no cluster ${clusterName}`);
  const used = new Set(Object.values(state.instances).map((instance) => instance.privateAddress));
  let host = FIRST_HOST;
  while (used.has(`127.0.0.${host}`)) host += 1;
  if (host >= FIRST_HOST + MAX_INSTANCES)
    throw new RangeError(`A world has at most ${MAX_INSTANCES} container instances`);
  const id = world.hex(32);
  const instance: InstanceState = {
    arn: world.arn('ecs', `container-instance/${clusterName}/${id}`),
    id,
    clusterArn: cluster.arn,
    ec2InstanceId: `i-0${world.hex(16)}`,
    instanceType: specification.instanceType ?? 'm5.large',
    privateAddress: `127.0.0.${host}`,
    zone: `${state.region}${'abc'.charAt((host - FIRST_HOST) % 3)}`,
    cpu: specification.cpu ?? 2048,
    memoryMiB: specification.memoryMiB ?? 7680,
    registeredAt: world.now,
    status: 'ACTIVE',
    agentConnected: true,
    tags: [],
  };
  state.instances[instance.arn] = instance;
  reconcileCluster(world, cluster.arn);
  return instance;
}

/** ACTIVE takes new tasks; DRAINING has the schedulers move service tasks away. */
export function setInstanceStatus(world: World, instance: InstanceState, status: InstanceState['status']): void {
  instance.status = status;
  reconcileCluster(world, instance.clusterArn);
}

/** Takes an instance out of the world; its tasks stop as they do when EC2 terminates a host. */
export function terminateInstance(world: World, instance: InstanceState): void {
  for (const one of tasksOn(world.state, instance)) {
    const reason = `Host EC2 (instance ${instance.ec2InstanceId}) terminated.`;
    stopTask(world, one, { stopCode: 'TerminationNotice', reason, alreadyDown: true });
  }
  delete world.state.instances[instance.arn];
  reconcileCluster(world, instance.clusterArn);
}

function reconcileCluster(world: World, clusterArn: string): void {
  for (const service of Object.values(world.state.services)) {
    if (service.clusterArn === clusterArn && service.status === 'ACTIVE') requestReconcile(world, service, 1_000);
  }
}
