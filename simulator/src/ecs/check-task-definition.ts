import type { ContainerDefinition, RegisterTaskDefinitionRequest } from '@aws-sdk/client-ecs';
import { clientException } from '../wire/aws-error.ts';
import type { Wire } from '../world/wire-types.ts';

const MAX_BYTES = 65_536;
const MAX_CONTAINERS = 10;

/** CPU units → memory sizes (MiB) that Fargate offers. */
const FARGATE_SIZES: ReadonlyMap<number, readonly number[]> = new Map([
  [256, [512, 1024, 2048]],
  [512, range(1, 4)],
  [1024, range(2, 8)],
  [2048, range(4, 16)],
  [4096, range(8, 30)],
  [8192, range(16, 60, 4)],
  [16_384, range(32, 120, 8)],
]);

/** AWS's rules for task definitions beyond the shape of the request. Throws ClientException, as RegisterTaskDefinition does. */
export function checkTaskDefinition(input: Wire<RegisterTaskDefinitionRequest>): void {
  if (input.family.trim() === '') throw clientException('Family can not be blank.');
  if (input.family.length > 255) throw clientException('Family cannot be longer than 255 characters.');
  if (!/^[a-zA-Z0-9_-]+$/.test(input.family)) throw clientException('Family contains invalid characters.');
  const size = Buffer.byteLength(JSON.stringify(input));
  if (size > MAX_BYTES) throw clientException(`Actual length: '${size}'. Max allowed length is '${MAX_BYTES}' bytes.`);
  const containers = input.containerDefinitions;
  if (containers.length === 0) throw clientException('Container list cannot be empty.');
  if (containers.length > MAX_CONTAINERS)
    throw clientException(`Container list cannot contain more than ${MAX_CONTAINERS} containers.`);
  for (const container of containers) checkContainer(container, input);
  checkNames(containers);
  for (const arn of [input.executionRoleArn, input.taskRoleArn]) checkRole(arn);
  const sizes = { cpu: sizeOf(input.cpu, 'cpu'), memory: sizeOf(input.memory, 'memory') };
  checkTotals(containers, sizes);
  if (input.requiresCompatibilities?.includes('FARGATE') === true) checkFargate(input, sizes);
}

/** Whether Fargate can run it; decides the `compatibilities` that AWS answers. */
export function suitsFargate(input: Wire<RegisterTaskDefinitionRequest>): boolean {
  if (input.networkMode !== 'awsvpc') return false;
  return FARGATE_SIZES.get(sizeOf(input.cpu, 'cpu') ?? 0)?.includes(sizeOf(input.memory, 'memory') ?? 0) ?? false;
}

function checkContainer(container: Wire<ContainerDefinition>, input: Wire<RegisterTaskDefinitionRequest>): void {
  const { name, image } = container;
  if (name === undefined || name === '') throw clientException('Container.name should not be null or empty.');
  if (!/^[a-zA-Z0-9_-]{1,255}$/.test(name)) {
    throw clientException(
      `Invalid container name (${name}). The name should only contain letters, numbers, hyphens and underscores and have at most 255 characters.`,
    );
  }
  if (image === undefined || image.trim() === '') throw clientException('Container.image should not be null or empty.');
  if (/\s/.test(image)) throw clientException(`Container.image contains invalid characters.`);
  if (input.memory === undefined && container.memory === undefined && container.memoryReservation === undefined) {
    throw clientException(
      `Invalid setting for container '${name}'. At least one of 'memory' or 'memoryReservation' must be specified.`,
    );
  }
  if (container.memory !== undefined && container.memory < 4) {
    throw clientException(`Invalid setting for container '${name}'. 'memory' must be at least 4 MiB.`);
  }
  if ((container.memoryReservation ?? 0) > (container.memory ?? Number.POSITIVE_INFINITY)) {
    throw clientException(
      `Invalid setting for container '${name}'. 'memoryReservation' must not be greater than 'memory'.`,
    );
  }
  if ((container.cpu ?? 0) < 0)
    throw clientException(`Invalid setting for container '${name}'. 'cpu' must not be negative.`);
  checkPorts(container, input);
  checkReferences(container, input);
}

function checkPorts(container: Wire<ContainerDefinition>, input: Wire<RegisterTaskDefinitionRequest>): void {
  const mappings = container.portMappings ?? [];
  if (input.networkMode === 'none' && mappings.length > 0)
    throw clientException('Port mappings are not supported when networkMode=none.');
  for (const { containerPort, hostPort } of mappings) {
    for (const port of [containerPort, hostPort]) {
      if (port !== undefined && (port < 0 || port > 65_535))
        throw clientException(`Invalid port ${port}. Ports must be between 0 and 65535.`);
    }
    if (containerPort === undefined || containerPort === 0) {
      throw clientException(
        `Invalid setting for container '${container.name ?? ''}'. 'containerPort' must be specified.`,
      );
    }
    const mustMatch = input.networkMode === 'awsvpc' || input.networkMode === 'host';
    if (mustMatch && hostPort !== undefined && hostPort !== containerPort) {
      throw clientException(
        `When networkMode=${input.networkMode ?? ''}, the host ports and container ports in port mappings must match.`,
      );
    }
  }
}

function checkReferences(container: Wire<ContainerDefinition>, input: Wire<RegisterTaskDefinitionRequest>): void {
  const volumes = new Set((input.volumes ?? []).map((volume) => volume.name));
  for (const mount of container.mountPoints ?? []) {
    if (!volumes.has(mount.sourceVolume)) throw clientException(`Unknown volume '${mount.sourceVolume ?? ''}'.`);
  }
  const names = new Set(input.containerDefinitions.map((other) => other.name));
  for (const dependency of container.dependsOn ?? []) {
    if (!names.has(dependency.containerName)) {
      throw clientException(
        `Container '${container.name ?? ''}' depends on unknown container '${dependency.containerName}'.`,
      );
    }
  }
}

function checkNames(containers: readonly Wire<ContainerDefinition>[]): void {
  if (new Set(containers.map((container) => container.name)).size < containers.length) {
    throw clientException('Container names must be unique within a task definition.');
  }
  if (containers.every((container) => container.essential === false)) {
    throw clientException('At least one container in the task definition must be marked as essential.');
  }
}

function checkRole(arn: string | undefined): void {
  if (arn === undefined || /^arn:aws[\w-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/.test(arn) || /^[\w+=,.@-]+$/.test(arn))
    return;
  throw clientException('Role is not valid');
}

/** Task sizes come as MiB or CPU units, or as `1 vCPU` and `2GB`. */
export function sizeOf(text: string | undefined, what: 'cpu' | 'memory'): number | undefined {
  if (text === undefined) return undefined;
  const [, amount = '', unit = ''] = /^\s*([\d.]+)\s*(vcpu|gb)?\s*$/i.exec(text) ?? [];
  const size = unit === '' ? Number(amount) : Number(amount) * 1024;
  if (
    amount === '' ||
    !Number.isInteger(size) ||
    size <= 0 ||
    (unit.toLowerCase() === 'gb') !== (what === 'memory' && unit !== '')
  ) {
    throw clientException(`Invalid '${what}' setting for task.`);
  }
  return size;
}

function checkTotals(
  containers: readonly Wire<ContainerDefinition>[],
  sizes: { readonly cpu: number | undefined; readonly memory: number | undefined },
): void {
  const cpu = containers.reduce((sum, container) => sum + (container.cpu ?? 0), 0);
  if (sizes.cpu !== undefined && cpu > sizes.cpu) {
    throw clientException(
      "Invalid 'cpu' setting for task. The sum of the containers' 'cpu' must not be greater than the task's.",
    );
  }
  for (const container of containers) {
    const wanted = Math.max(container.memory ?? 0, container.memoryReservation ?? 0);
    if (sizes.memory !== undefined && wanted > sizes.memory) {
      throw clientException(
        `Invalid setting for container '${container.name ?? ''}'. 'memory' must not be greater than the task's.`,
      );
    }
  }
}

function checkFargate(
  input: Wire<RegisterTaskDefinitionRequest>,
  sizes: { readonly cpu: number | undefined; readonly memory: number | undefined },
): void {
  if (input.networkMode !== 'awsvpc') throw clientException("Fargate only supports network mode 'awsvpc'.");
  if (sizes.cpu === undefined) throw clientException("Fargate requires that 'cpu' be defined at the task level.");
  if (sizes.memory === undefined) throw clientException("Fargate requires that 'memory' be defined at the task level.");
  if (FARGATE_SIZES.get(sizes.cpu)?.includes(sizes.memory) !== true) {
    throw clientException('No Fargate configuration exists for given values.');
  }
  if ((input.placementConstraints ?? []).length > 0) {
    throw clientException('Fargate task definitions do not support placement constraints.');
  }
  for (const container of input.containerDefinitions) {
    if (container.privileged === true)
      throw clientException('Fargate does not support privileged mode for containers.');
    if (input.executionRoleArn !== undefined) continue;
    if (container.logConfiguration?.logDriver === 'awslogs') {
      throw clientException(
        'Fargate requires task definition to have execution role ARN to support log driver awslogs.',
      );
    }
    if ((container.secrets ?? []).length > 0) {
      throw clientException('Fargate requires task definition to have execution role ARN to support secrets.');
    }
  }
}

function range(fromGiB: number, toGiB: number, stepGiB = 1): number[] {
  const sizes: number[] = [];
  for (let gib = fromGiB; gib <= toGiB; gib += stepGiB) sizes.push(gib * 1024);
  return sizes;
}
