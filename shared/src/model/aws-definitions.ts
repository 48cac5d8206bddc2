import { z } from 'zod';
import type { Json, JsonObject } from '../json.ts';
import { ECS_NAME_PATTERN } from '../names.ts';
import { holdsExpression } from '../steps/fields.ts';
import { withAwsTypes } from './aws-types.ts';

/**
 * The AWS shapes that a Service carries. Their top-level members, and those of a container definition, are checked
 * by name, since the AWS SDK drops a misspelt one silently; what lies deeper is AWS's own and passes as it is.
 * `null` counts as not given, as in the JSON that AWS's own tools print.
 */
const AS_IN_AWS = 'As in the AWS API.';
const any = z.unknown().optional();
const text = z.string().nullable().describe(AS_IN_AWS).optional();
const list = z.array(z.unknown()).nullable().describe(AS_IN_AWS).optional();
const object = z.record(z.string(), z.unknown()).nullable().describe(AS_IN_AWS).optional();
const flag = z.union([z.boolean(), z.string()]).nullable().describe(AS_IN_AWS).optional();
const count = z.union([z.number(), z.string()]).nullable().describe(AS_IN_AWS).optional();

const ecsName = z.string().refine((value) => holdsExpression(value) || ECS_NAME_PATTERN.test(value), {
  message: 'ECS takes 1 to 255 letters, digits, - and _ as a name',
});

/** ECS adds nothing to a name, but the canary of a service is `<name>Canary`, and that must fit as well. */
export const SERVICE_NAME_LIMIT = 255 - 'Canary'.length;

const containerDefinition = z
  .strictObject({
    name: z.string().min(1).describe('`${CONTAINER_NAME}` in the main container, or a name of your own.'),
    image: z.string().min(1).describe('`${DOCKER_IMAGE_NAME}` in the main container.'),
    repositoryCredentials: object,
    cpu: count,
    memory: count,
    memoryReservation: count,
    links: list,
    portMappings: list,
    essential: flag,
    restartPolicy: object,
    entryPoint: list,
    command: list,
    environment: list,
    environmentFiles: list,
    mountPoints: list,
    volumesFrom: list,
    linuxParameters: object,
    secrets: list,
    dependsOn: list,
    startTimeout: count,
    stopTimeout: count,
    versionConsistency: text,
    hostname: text,
    user: text,
    workingDirectory: text,
    disableNetworking: flag,
    privileged: flag,
    readonlyRootFilesystem: flag,
    dnsServers: list,
    dnsSearchDomains: list,
    extraHosts: list,
    dockerSecurityOptions: list,
    interactive: flag,
    pseudoTerminal: flag,
    dockerLabels: object,
    ulimits: list,
    logConfiguration: object,
    healthCheck: object,
    systemControls: list,
    resourceRequirements: list,
    firelensConfiguration: object,
    credentialSpecs: list,
  })
  .meta({ id: 'ContainerDefinition', description: 'A container of a task, as in AWS RegisterTaskDefinition.' });

/** AWS RegisterTaskDefinition request. */
export const taskDefinition = z
  .strictObject({
    family: ecsName.describe('Family of the rolling and canary steps; the service setup names its own.').optional(),
    containerDefinitions: z.array(containerDefinition).min(1).max(10).describe('The containers of a task.'),
    taskRoleArn: text,
    executionRoleArn: text,
    networkMode: text,
    volumes: list,
    placementConstraints: list,
    requiresCompatibilities: list,
    cpu: count,
    memory: count,
    tags: list,
    pidMode: text,
    ipcMode: text,
    proxyConfiguration: object,
    inferenceAccelerators: list,
    ephemeralStorage: object,
    runtimePlatform: object,
    enableFaultInjection: flag,
    trustedExecutionConfiguration: object,
  })
  .transform((definition): JsonObject => awsJson(definition));

/** AWS CreateService fields; `cluster` and `taskDefinition` are taken from the infrastructure and the deployment. */
export const serviceDefinition = z
  .strictObject({
    serviceName: ecsName
      .refine((name) => holdsExpression(name) || name.length <= SERVICE_NAME_LIMIT, {
        message: `the name has more than ${SERVICE_NAME_LIMIT} characters, so that <name>Canary would not fit into ECS's 255`,
      })
      .describe('Name of the service in rolling and canary steps; the service setup names its own.')
      .optional(),
    cluster: any.describe('Ignored: the infrastructure names the cluster.'),
    taskDefinition: any.describe('Ignored: the deployment makes the task definition.'),
    availabilityZoneRebalancing: text,
    loadBalancers: list,
    serviceRegistries: list,
    desiredCount: count.describe('Tasks of a rolling deployment.'),
    launchType: text,
    capacityProviderStrategy: list,
    platformVersion: text,
    role: text,
    deploymentConfiguration: object,
    placementConstraints: list,
    placementStrategy: list,
    networkConfiguration: object,
    healthCheckGracePeriodSeconds: count,
    schedulingStrategy: text,
    deploymentController: object,
    tags: list,
    enableECSManagedTags: flag,
    propagateTags: text,
    enableExecuteCommand: flag,
    serviceConnectConfiguration: object,
    volumeConfigurations: list,
    vpcLatticeConfigurations: list,
    gatewayConnectors: list,
    monitoring: object,
  })
  .transform(({ cluster: _cluster, taskDefinition: _taskDefinition, ...rest }): JsonObject => awsJson(rest));

/** Members that AWS prints but does not take, and what to say of them. */
export const READ_ONLY_MEMBERS: Readonly<Record<string, string>> = {
  taskDefinitionArn: 'AWS makes it; leave it out',
  revision: 'AWS counts the revisions; leave it out',
  status: 'AWS tells it; leave it out',
  requiresAttributes: 'AWS works it out; leave it out',
  compatibilities: 'AWS works it out; write requiresCompatibilities',
  registeredAt: 'AWS tells it; leave it out',
  registeredBy: 'AWS tells it; leave it out',
  deregisteredAt: 'AWS tells it; leave it out',
  serviceArn: 'AWS makes it; leave it out',
  clusterArn: 'the infrastructure names the cluster; leave it out',
  runningCount: 'AWS tells it; leave it out',
  pendingCount: 'AWS tells it; leave it out',
  deployments: 'AWS tells them; leave them out',
  events: 'AWS tells them; leave them out',
  createdAt: 'AWS tells it; leave it out',
  createdBy: 'AWS tells it; leave it out',
  roleArn: 'AWS tells it; write role',
  platformFamily: 'AWS works it out; leave it out',
  clientToken: 'every deployment makes its own; leave it out',
  services: 'paste the service itself, without the list around it',
};

/**
 * A definition as AWS takes it: without nulls, numbers and texts where AWS wants them. For what an author wrote, and again
 * for what is left when its expressions are resolved.
 */
export function awsJson(value: object): JsonObject {
  return withAwsTypes(withoutNulls(value));
}

function withoutNulls(value: object): JsonObject {
  const members: [string, Json][] = [];
  for (const [key, member] of Object.entries(value)) {
    const json = jsonOf(member);
    if (json !== null) members.push([key, json]);
  }
  return Object.fromEntries(members);
}

/** What JSON cannot carry counts as not given. */
function jsonOf(value: unknown): Json {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map(jsonOf).filter((item) => item !== null);
  return typeof value === 'object' && value !== null ? withoutNulls(value) : null;
}
