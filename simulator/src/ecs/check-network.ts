import type { NetworkConfiguration, TaskDefinition } from '@aws-sdk/client-ecs';
import { AwsError, invalidParameter } from '../wire/aws-error.ts';
import { platformVersion } from '../world/start-task.ts';
import type { ClusterState } from '../world/state.ts';
import type { Wire } from '../world/wire-types.ts';

const PLATFORM_VERSIONS = new Set(['1.3.0', '1.4.0']);
const MAX_SUBNETS = 16;
const MAX_SECURITY_GROUPS = 5;

interface Launch {
  readonly launchType?: string;
  readonly capacityProviderStrategy?: { capacityProvider?: string }[];
  readonly networkConfiguration?: Wire<NetworkConfiguration>;
  readonly platformVersion?: string;
}

/** Where tasks will run: what was asked for, else the cluster's default strategy, else EC2. Throws for impossible mixtures. */
export function resolveLaunch(
  cluster: ClusterState,
  launch: Launch,
): {
  launchType?: 'EC2' | 'FARGATE' | 'EXTERNAL';
  capacityProviderStrategy?: ClusterState['defaultCapacityProviderStrategy'];
} {
  const asked = launch.capacityProviderStrategy ?? [];
  if (launch.launchType !== undefined && asked.length > 0) {
    const text =
      'Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.';
    throw invalidParameter(text);
  }
  const { launchType } = launch;
  if (launchType === 'MANAGED_INSTANCES') {
    throw invalidParameter('The MANAGED_INSTANCES launch type is only available through a capacity provider strategy.');
  }
  if (launchType === 'EC2' || launchType === 'FARGATE' || launchType === 'EXTERNAL') return { launchType };
  const strategy = asked.length > 0 ? asked : cluster.defaultCapacityProviderStrategy;
  if (strategy.length === 0) return { launchType: 'EC2' };
  const names = strategy.map((item) => item.capacityProvider ?? '');
  for (const name of names) {
    if (!cluster.capacityProviders.includes(name)) {
      throw invalidParameter(
        `The specified capacity provider '${name}' was not found in the cluster. Associate it with the cluster and try again.`,
      );
    }
  }
  if (names.some(isFargateProvider) && !names.every(isFargateProvider)) {
    const text =
      'A capacity provider strategy cannot contain a mix of capacity providers using Auto Scaling groups and Fargate providers. Specify one or the other and try again.';
    throw invalidParameter(text);
  }
  return {
    capacityProviderStrategy: strategy.map((item) => ({
      weight: 0,
      base: 0,
      ...item,
      capacityProvider: item.capacityProvider ?? '',
    })),
  };
}

/** Whether a resolved launch means Fargate. */
export function isFargate(launch: {
  launchType?: string;
  capacityProviderStrategy?: { capacityProvider?: string }[];
}): boolean {
  const provider = launch.capacityProviderStrategy?.[0]?.capacityProvider;
  return provider === undefined ? launch.launchType === 'FARGATE' : isFargateProvider(provider);
}

/** AWS's rules that tie the task definition, the network configuration and the platform together. */
export function checkNetwork(definition: Wire<TaskDefinition>, launch: Launch, fargate: boolean): void {
  if (fargate && definition.compatibilities?.includes('FARGATE') !== true) {
    throw invalidParameter('Task definition does not support launch_type FARGATE.');
  }
  if (
    !fargate &&
    definition.requiresCompatibilities?.length === 1 &&
    definition.requiresCompatibilities[0] === 'FARGATE'
  ) {
    throw invalidParameter('Task definition does not support launch_type EC2.');
  }
  checkPlatform(launch.platformVersion, fargate);
  const network = launch.networkConfiguration?.awsvpcConfiguration;
  if (definition.networkMode !== 'awsvpc') {
    if (network === undefined) return;
    throw invalidParameter('Network Configuration is not valid for the given networkMode of this task definition.');
  }
  if (network === undefined) {
    throw invalidParameter("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
  }
  const subnets = network.subnets ?? [];
  const groups = network.securityGroups ?? [];
  if (subnets.length === 0) throw invalidParameter('subnets can not be empty.');
  if (subnets.length > MAX_SUBNETS) throw invalidParameter(`subnets can have at most ${MAX_SUBNETS} items.`);
  if (groups.length > MAX_SECURITY_GROUPS)
    throw invalidParameter(`securityGroups can have at most ${MAX_SECURITY_GROUPS} items.`);
  const badSubnet = subnets.find((subnet) => !/^subnet-[\w-]+$/.test(subnet));
  if (badSubnet !== undefined)
    throw invalidParameter(
      `Error retrieving subnet information for [${badSubnet}]: The subnet ID '${badSubnet}' does not exist`,
    );
  const badGroup = groups.find((group) => !/^sg-[\w-]+$/.test(group));
  if (badGroup !== undefined)
    throw invalidParameter(
      `Error retrieving security group information for [${badGroup}]: The security group '${badGroup}' does not exist`,
    );
  if (!fargate && network.assignPublicIp === 'ENABLED') {
    throw invalidParameter('Assign public IP is not supported for this launch type.');
  }
}

function checkPlatform(version: string | undefined, fargate: boolean): void {
  if (version === undefined || version === '') return;
  if (!fargate) throw invalidParameter('The platform version must be null when specifying an EC2 launch type.');
  if (!PLATFORM_VERSIONS.has(platformVersion(version))) {
    throw new AwsError('PlatformUnknownException', `The specified platform version does not exist: ${version}`);
  }
}

function isFargateProvider(name: string): boolean {
  return name === 'FARGATE' || name === 'FARGATE_SPOT';
}
