import { isJsonObject, type Json, type JsonObject } from '@outrider/shared/json.ts';
import type { DeployedService, DeploymentTarget } from '@outrider/shared/steps/target.ts';
import { listOf, textOf } from '../json.ts';
import { failure } from './failures.ts';
import { containersOf, isFargate, networkModeOf } from './task-definition.ts';

export interface ServiceShape {
  readonly name: string;
  readonly taskDefinitionArn: string;
  /** Undefined for daemon services: ECS computes it and refuses to be told. */
  readonly desired: number | undefined;
  readonly service: Pick<DeployedService, 'taskDefinition' | 'serviceDefinition'>;
  readonly target: DeploymentTarget;
  /** From the step; they replace those of the service definition. */
  readonly loadBalancers: readonly JsonObject[];
  readonly role: string | undefined;
}

/** Fields of the service definition that are decided elsewhere. */
const DECIDED = new Set([
  'cluster',
  'serviceName',
  'taskDefinition',
  'desiredCount',
  'clientToken',
  'schedulingStrategy',
]);
/** What UpdateService takes of CreateService's fields (aws-facts §2.3). */
const UPDATABLE = [
  'taskDefinition',
  'desiredCount',
  'deploymentConfiguration',
  'networkConfiguration',
  'platformVersion',
  'healthCheckGracePeriodSeconds',
  'placementConstraints',
  'placementStrategy',
  'capacityProviderStrategy',
  'availabilityZoneRebalancing',
  'enableExecuteCommand',
  'enableECSManagedTags',
  'propagateTags',
  'loadBalancers',
  'serviceRegistries',
  'serviceConnectConfiguration',
  'volumeConfigurations',
  'vpcLatticeConfigurations',
];

/** AWS's CreateService request without cluster, token and tags of ours. */
export function createServiceRequest(shape: ServiceShape): JsonObject {
  const { service, target } = shape;
  const daemon = shape.desired === undefined;
  const given = Object.entries(service.serviceDefinition).filter(([key]) => !DECIDED.has(key));
  const request: Record<string, Json> = {
    ...Object.fromEntries(given),
    serviceName: shape.name,
    taskDefinition: shape.taskDefinitionArn,
    schedulingStrategy: daemon ? 'DAEMON' : 'REPLICA',
    deploymentConfiguration: deploymentConfiguration(service.serviceDefinition, daemon),
  };
  if (shape.desired !== undefined) request['desiredCount'] = shape.desired;
  if (shape.loadBalancers.length > 0) request['loadBalancers'] = shape.loadBalancers;
  if (shape.role !== undefined) request['role'] = shape.role;
  setLaunchType(request, target);
  const network = networkConfiguration(service, target);
  if (network !== undefined) request['networkConfiguration'] = network;
  dropWithoutEffect(request, service.taskDefinition, isFargate(target));
  return request;
}

/** The same service as an update of the one that exists. */
export function updateServiceRequest(shape: ServiceShape): JsonObject {
  const request = createServiceRequest(shape);
  return Object.fromEntries(Object.entries(request).filter(([key]) => UPDATABLE.includes(key)));
}

const RESTORED = [
  'taskDefinition',
  'deploymentConfiguration',
  'networkConfiguration',
  'healthCheckGracePeriodSeconds',
  'platformVersion',
  'capacityProviderStrategy',
  'enableExecuteCommand',
];
/** Lists that an empty list clears; left out they would stay as the deployment made them. */
const RESTORED_LISTS = ['loadBalancers', 'serviceRegistries', 'placementConstraints', 'placementStrategy'];

/** The update that puts a service back as DescribeServices showed it before; `live` is how it is now. */
export function restoreServiceRequest(snapshot: JsonObject, live: JsonObject): JsonObject {
  const request: Record<string, Json> = {};
  for (const key of RESTORED) {
    const value = snapshot[key];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    if (key === 'healthCheckGracePeriodSeconds' && !hasLoadBalancers(snapshot)) continue;
    request[key] = value;
  }
  for (const key of RESTORED_LISTS) {
    const before = listOf(snapshot[key]);
    if (before.length > 0 || listOf(live[key]).length > 0) request[key] = before;
  }
  return request;
}

function hasLoadBalancers(request: JsonObject): boolean {
  return listOf(request['loadBalancers']).length > 0;
}

/** The author's percentages count when both are given; ECS's daemon services never run beside their replacement. */
function deploymentConfiguration(definition: JsonObject, daemon: boolean): JsonObject {
  const given = isJsonObject(definition['deploymentConfiguration']) ? definition['deploymentConfiguration'] : {};
  const both = typeof given['maximumPercent'] === 'number' && typeof given['minimumHealthyPercent'] === 'number';
  if (both) return given;
  const usual = daemon
    ? { maximumPercent: 100, minimumHealthyPercent: 50 }
    : { maximumPercent: 200, minimumHealthyPercent: 100 };
  return { ...given, ...usual };
}

/** The infrastructure's way of launching replaces the author's; AWS takes either a launch type or a strategy. */
export function setLaunchType(request: Record<string, Json>, target: DeploymentTarget): void {
  const strategy = target.capacityProviderStrategy ?? [];
  if (strategy.length > 0) {
    delete request['launchType'];
    request['capacityProviderStrategy'] = strategy;
  } else if (target.launchType !== undefined) {
    delete request['capacityProviderStrategy'];
    request['launchType'] = target.launchType;
  } else if (request['capacityProviderStrategy'] !== undefined) {
    delete request['launchType'];
  }
}

/** Where tasks have their own network interface, the infrastructure says in which subnets. */
export function networkConfiguration(
  service: Pick<DeployedService, 'taskDefinition' | 'serviceDefinition'>,
  target: DeploymentTarget,
): JsonObject | undefined {
  if (networkModeOf(service.taskDefinition, target) !== 'awsvpc') return undefined;
  const given = service.serviceDefinition['networkConfiguration'];
  const subnets = target.network?.subnets ?? [];
  if (target.network === undefined || subnets.length === 0) {
    if (isJsonObject(given)) return given;
    throw failure('step-input-invalid', 'Invalid setup params for ECS deployment: At least 1 subnetId is required', {
      hint: 'Tasks with their own network interface (Fargate, awsvpc) need network.subnets in the Infrastructure.',
    });
  }
  const groups = target.network.securityGroups;
  return {
    awsvpcConfiguration: {
      subnets,
      ...(groups.length === 0 ? {} : { securityGroups: groups }),
      ...(isFargate(target) ? { assignPublicIp: target.network.assignPublicIp ? 'ENABLED' : 'DISABLED' } : {}),
    },
  };
}

/** Fields that would do nothing here and that AWS refuses where they do nothing. */
function dropWithoutEffect(request: Record<string, Json>, taskDefinition: JsonObject, fargate: boolean): void {
  const checked = containersOf(taskDefinition).some((container) => container['healthCheck'] !== undefined);
  if (!hasLoadBalancers(request) && !checked) delete request['healthCheckGracePeriodSeconds'];
  for (const key of ['placementStrategy', 'placementConstraints', 'loadBalancers', 'serviceRegistries']) {
    const value = request[key];
    if (Array.isArray(value) && value.length === 0) delete request[key];
  }
  if (!fargate) delete request['platformVersion'];
}

/** Service discovery registries must name containers and ports that exist. */
export function checkServiceRegistries(service: Pick<DeployedService, 'taskDefinition' | 'serviceDefinition'>): void {
  const registries = listOf(service.serviceDefinition['serviceRegistries']);
  if (registries.length === 0) return;
  const containers = containersOf(service.taskDefinition);
  for (const registry of registries.filter(isJsonObject)) {
    const name = registry['containerName'];
    const port = registry['containerPort'];
    if (name === undefined) continue;
    const container = containers.find((candidate) => candidate['name'] === name);
    if (container === undefined) {
      throw failure('step-input-invalid', `Invalid Container name :${textOf(name)}, mentioned in Service Registry`);
    }
    if (port === undefined) continue;
    if (!portsOf(container).some((mapping) => mapping.containerPort === port)) {
      throw failure('step-input-invalid', `Invalid Container Port: ${textOf(port)}, mentioned in Service Registry`);
    }
  }
}

export function portsOf(container: JsonObject): readonly { containerPort: number; hostPort: number }[] {
  return listOf(container['portMappings'])
    .filter(isJsonObject)
    .map((mapping) => ({
      containerPort: typeof mapping['containerPort'] === 'number' ? mapping['containerPort'] : 0,
      hostPort: typeof mapping['hostPort'] === 'number' ? mapping['hostPort'] : 0,
    }));
}
