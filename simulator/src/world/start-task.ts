import type {
  Attachment,
  Container,
  LoadBalancer,
  NetworkBinding,
  NetworkConfiguration,
  RunTaskRequest,
  Tag,
  Task,
  TaskDefinition,
} from '@aws-sdk/client-ecs';
import { clusterNameOf } from './lookups.ts';
import { dynamicPorts, remainingOf, reservationOf } from './resources.ts';
import type { InstanceState, TaskDefinitionState, TaskState, TaskTarget } from './state.ts';
import { scheduleStep } from './task-life.ts';
import { compact, type Wire } from './wire-types.ts';
import type { World } from './world.ts';

/** All that is known about a task when it is started. */
export interface TaskStart {
  readonly clusterArn: string;
  readonly definition: TaskDefinitionState;
  readonly launchType: 'EC2' | 'FARGATE' | 'EXTERNAL';
  readonly capacityProviderName?: string;
  /** The container instance; absent on Fargate. */
  readonly instance?: InstanceState;
  readonly networkConfiguration?: Wire<NetworkConfiguration>;
  readonly loadBalancers: readonly Wire<LoadBalancer>[];
  readonly group: string;
  readonly startedBy?: string;
  readonly serviceArn?: string;
  readonly overrides?: Wire<RunTaskRequest>['overrides'];
  readonly platformVersion?: string;
  readonly enableExecuteCommand: boolean;
  readonly tags: Wire<Tag>[];
}

/** Brings a task into the world and sets it on its way to RUNNING. Its place must have room for it. */
export function startTask(world: World, start: TaskStart): TaskState {
  const definition = start.definition.definition;
  const id = world.hex(32);
  const taskArn = world.arn('ecs', `task/${clusterNameOf(start.clusterArn)}/${id}`);
  const ownInterface = definition.networkMode === 'awsvpc';
  const privateAddress = ownInterface ? world.nextPrivateAddress() : start.instance?.privateAddress;
  const attachment = ownInterface ? networkAttachment(world, start, privateAddress ?? '') : undefined;
  const bindings = hostBindings(world, start);
  const reservation = reservationOf(definition);
  const containers = (definition.containerDefinitions ?? []).map(
    (one): Wire<Container> => ({
      containerArn: world.arn('ecs', `container/${clusterNameOf(start.clusterArn)}/${id}/${world.uuid()}`),
      taskArn,
      name: one.name ?? '',
      image: one.image ?? '',
      lastStatus: 'PENDING',
      networkBindings: bindings.get(one.name ?? '') ?? [],
      networkInterfaces:
        attachment?.id === undefined ? [] : [{ attachmentId: attachment.id, privateIpv4Address: privateAddress ?? '' }],
      healthStatus: 'UNKNOWN',
      managedAgents: [],
      cpu: String(one.cpu ?? 0),
      ...(one.memory === undefined ? {} : { memory: String(one.memory) }),
      ...(one.memoryReservation === undefined ? {} : { memoryReservation: String(one.memoryReservation) }),
    }),
  );
  const created: TaskState = {
    id,
    task: {
      taskArn,
      clusterArn: start.clusterArn,
      taskDefinitionArn: definition.taskDefinitionArn ?? '',
      lastStatus: ownInterface ? 'PROVISIONING' : 'PENDING',
      desiredStatus: 'RUNNING',
      containers,
      createdAt: world.now,
      version: 1,
      ...taskFacts(world, start, attachment),
    },
    ...(start.serviceArn === undefined ? {} : { serviceArn: start.serviceArn }),
    ...(start.startedBy === undefined || start.serviceArn === undefined ? {} : { deploymentId: start.startedBy }),
    ...(start.overrides === undefined ? {} : { overrides: start.overrides }),
    cpu: reservation.cpu,
    memoryMiB: reservation.memoryMiB,
    hostPorts: [...bindings.values()]
      .flat()
      .flatMap((binding) => (binding.hostPort === undefined ? [] : [binding.hostPort])),
    ...(privateAddress === undefined ? {} : { privateAddress }),
    targets: targetsOf(start, bindings, privateAddress),
    ranAt: 0,
    stepToken: 0,
  };
  world.state.tasks[taskArn] = created;
  scheduleStep(world, created, firstStepDelay(world, start, ownInterface));
  return created;
}

/** Bridge tasks go straight to pulling their image; the others get their network interface first. */
function firstStepDelay(world: World, start: TaskStart, ownInterface: boolean): number {
  if (!ownInterface) return world.seconds(19, 31);
  return start.launchType === 'FARGATE' ? world.seconds(8, 14) : world.seconds(4, 8);
}

type TaskFacts = Omit<
  Wire<Task>,
  | 'taskArn'
  | 'clusterArn'
  | 'taskDefinitionArn'
  | 'lastStatus'
  | 'desiredStatus'
  | 'containers'
  | 'createdAt'
  | 'version'
>;

function taskFacts(world: World, start: TaskStart, attachment: Wire<Attachment> | undefined): TaskFacts {
  const definition = start.definition.definition;
  const reservation = reservationOf(definition);
  const fargate = start.launchType === 'FARGATE';
  return compact<TaskFacts>({
    attachments: attachment === undefined ? [] : [attachment],
    attributes: [{ name: 'ecs.cpu-architecture', value: 'x86_64' }],
    availabilityZone: start.instance?.zone ?? `${world.state.region}a`,
    capacityProviderName: start.capacityProviderName,
    containerInstanceArn: start.instance?.arn,
    cpu: definition.cpu ?? String(reservation.cpu),
    memory: definition.memory ?? String(reservation.memoryMiB),
    enableExecuteCommand: start.enableExecuteCommand,
    ephemeralStorage: fargate ? { sizeInGiB: definition.ephemeralStorage?.sizeInGiB ?? 20 } : undefined,
    group: start.group,
    healthStatus: 'UNKNOWN',
    launchType: start.launchType,
    overrides: { containerOverrides: [], inferenceAcceleratorOverrides: [], ...start.overrides },
    platformVersion: fargate ? platformVersion(start.platformVersion) : undefined,
    platformFamily: fargate ? 'Linux' : undefined,
    startedBy: start.startedBy,
    tags: start.tags,
  });
}

/** The platform version that LATEST means. */
export function platformVersion(asked: string | undefined): string {
  return asked === undefined || asked === 'LATEST' ? '1.4.0' : asked;
}

function networkAttachment(world: World, start: TaskStart, address: string): Wire<Attachment> {
  const network = start.networkConfiguration?.awsvpcConfiguration;
  return {
    id: world.uuid(),
    type: 'ElasticNetworkInterface',
    status: 'PRECREATED',
    details: [
      { name: 'subnetId', value: network?.subnets?.[0] ?? '' },
      { name: 'networkInterfaceId', value: `eni-0${world.hex(16)}` },
      { name: 'macAddress', value: `0a:${world.hex(10).replace(/(..)(?=.)/g, '$1:')}` },
      { name: 'privateDnsName', value: `ip-${address.replaceAll('.', '-')}.ec2.internal` },
      { name: 'privateIPv4Address', value: address },
    ],
  };
}

/** Host ports per container: fixed ones as the definition says, the others from the instance's free dynamic ports. */
function hostBindings(world: World, start: TaskStart): Map<string, Wire<NetworkBinding>[]> {
  const definition: Wire<TaskDefinition> = start.definition.definition;
  const result = new Map<string, Wire<NetworkBinding>[]>();
  if (start.instance === undefined || definition.networkMode === 'awsvpc' || definition.networkMode === 'none')
    return result;
  const containers = definition.containerDefinitions ?? [];
  const mappings = containers.flatMap((one) => one.portMappings ?? []);
  const fixed = new Set([
    ...remainingOf(world.state, start.instance).usedPorts,
    ...reservationOf(definition).fixedPorts,
  ]);
  const free = dynamicPorts(fixed, mappings.length);
  for (const container of containers) {
    const bindings = (container.portMappings ?? []).flatMap((mapping): Wire<NetworkBinding>[] => {
      if (mapping.containerPort === undefined) return [];
      const asked = definition.networkMode === 'host' ? (mapping.hostPort ?? mapping.containerPort) : mapping.hostPort;
      const hostPort = asked === undefined || asked === 0 ? (free.shift() ?? 0) : asked;
      return [
        { bindIP: '0.0.0.0', containerPort: mapping.containerPort, hostPort, protocol: mapping.protocol ?? 'tcp' },
      ];
    });
    result.set(container.name ?? '', bindings);
  }
  return result;
}

/** Where load balancers will find the task. */
function targetsOf(
  start: TaskStart,
  bindings: ReadonlyMap<string, readonly Wire<NetworkBinding>[]>,
  privateAddress: string | undefined,
): TaskTarget[] {
  return start.loadBalancers.flatMap((balancer): TaskTarget[] => {
    const { targetGroupArn, containerName, containerPort } = balancer;
    if (targetGroupArn === undefined || containerName === undefined || containerPort === undefined) return [];
    if (start.definition.definition.networkMode === 'awsvpc') {
      return [{ targetGroupArn, id: privateAddress ?? '', port: containerPort, containerPort }];
    }
    const bound = bindings.get(containerName)?.find((binding) => binding.containerPort === containerPort);
    return [
      {
        targetGroupArn,
        id: start.instance?.ec2InstanceId ?? '',
        port: bound?.hostPort ?? containerPort,
        containerPort,
      },
    ];
  });
}
