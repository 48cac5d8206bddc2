import type { CreateServiceRequest } from '@aws-sdk/client-ecs';
import { clientException, invalidParameter } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import { startDeployment } from '../world/deployments.ts';
import type { ClusterState, ServiceSettings, ServiceState, WorldState } from '../world/state.ts';
import { compact, omit, type Wire } from '../world/wire-types.ts';
import type { World } from '../world/world.ts';
import { canonical, checkTags, clusterOf, findService, usableTaskDefinition } from './arguments.ts';
import { checkNetwork, isFargate, resolveLaunch } from './check-network.ts';
import { checkDesiredCount, checkSettings } from './check-service.ts';
import { viewService } from './view-service.ts';

const NOT_IDEMPOTENT = 'Creation of service was not idempotent.';

export const createServiceOperations = [
  defineOperation(
    'CreateService',
    { mutates: true, quota: 'ecs service modify' },
    ({ world }, input: Wire<CreateServiceRequest>) => {
      const cluster = clusterOf(world.state, input.cluster);
      checkName(input.serviceName);
      checkToken(input.clientToken);
      const replayed = replay(world.state, cluster, input);
      if (replayed !== undefined) return { service: viewService(world, replayed, true) };
      const service = create(world, cluster, input);
      return { service: viewService(world, service, true) };
    },
  ),
];

/** The service that an earlier request with the same token made; throws when the name is taken by anything else. */
function replay(state: WorldState, cluster: ClusterState, input: Wire<CreateServiceRequest>): ServiceState | undefined {
  const existing = findService(state, cluster, input.serviceName);
  if (existing?.status === 'DRAINING') throw invalidParameter('Unable to Start a service that is still Draining.');
  if (existing?.status === 'ACTIVE') {
    const same = input.clientToken !== undefined && existing.clientToken === input.clientToken;
    if (same && existing.creation === canonical(input)) return existing;
    throw invalidParameter(NOT_IDEMPOTENT);
  }
  const { clientToken } = input;
  const reused = Object.values(state.services).some(
    (one) => one.status === 'ACTIVE' && one.clientToken === clientToken,
  );
  if (clientToken !== undefined && reused) throw invalidParameter(NOT_IDEMPOTENT);
  return undefined;
}

function create(world: World, cluster: ClusterState, input: Wire<CreateServiceRequest>): ServiceState {
  const daemon = input.schedulingStrategy === 'DAEMON';
  const controller = input.deploymentController?.type ?? 'ECS';
  if (controller !== 'ECS') {
    throw clientException(
      `The simulator runs services with the ECS deployment controller only, not with ${controller}.`,
    );
  }
  checkDesiredCount(input.desiredCount, daemon);
  if (!daemon && input.desiredCount === undefined)
    throw invalidParameter('Desired count must be specified for the REPLICA scheduling strategy.');
  const { definition } = usableTaskDefinition(world.state, input.taskDefinition);
  const settings = settingsOf(cluster, input, daemon);
  const fargate = isFargate(settings);
  if (daemon && fargate) checkSettings(world.state, settings, definition, fargate);
  checkNetwork(definition, settings, fargate);
  checkSettings(world.state, settings, definition, fargate);
  checkTags(input.tags);
  const arn = world.arn('ecs', `service/${cluster.name}/${input.serviceName}`);
  const service: ServiceState = {
    arn,
    name: input.serviceName,
    clusterArn: cluster.arn,
    createdAt: world.now,
    ...(input.clientToken === undefined ? {} : { clientToken: input.clientToken }),
    creation: canonical(input),
    status: 'ACTIVE',
    settings,
    taskDefinition: definition.taskDefinitionArn ?? '',
    desiredCount: input.desiredCount ?? 0,
    tags: input.tags ?? [],
    deployments: [],
    completedTaskDefinition: '',
    events: [],
    history: [],
    steady: false,
    steadyAt: 0,
    announcedProblem: '',
    failureStreak: 0,
    nextStartAt: 0,
    inactiveAt: 0,
    reconcileToken: (world.state.services[arn]?.reconcileToken ?? 0) + 1,
    reconcileAt: 0,
  };
  // A deleted namesake is gone for good: its place at the end of the list is the new one's.
  delete world.state.services[arn];
  world.state.services[arn] = service;
  startDeployment(world, service);
  return service;
}

function settingsOf(cluster: ClusterState, input: Wire<CreateServiceRequest>, daemon: boolean): ServiceSettings {
  const launch = resolveLaunch(cluster, input);
  const asked = omit(
    input,
    'cluster',
    'serviceName',
    'taskDefinition',
    'desiredCount',
    'clientToken',
    'tags',
    'launchType',
    'capacityProviderStrategy',
  );
  const percents = daemon
    ? { maximumPercent: 100, minimumHealthyPercent: 0 }
    : { maximumPercent: 200, minimumHealthyPercent: 100 };
  return compact<ServiceSettings>({
    ...asked,
    ...launch,
    schedulingStrategy: input.schedulingStrategy ?? 'REPLICA',
    deploymentController: { type: 'ECS' },
    deploymentConfiguration: {
      deploymentCircuitBreaker: { enable: false, rollback: false },
      ...percents,
      strategy: 'ROLLING',
      bakeTimeInMinutes: 0,
      ...input.deploymentConfiguration,
    },
    availabilityZoneRebalancing:
      input.availabilityZoneRebalancing ??
      (daemon || input.deploymentConfiguration?.maximumPercent === 100 ? 'DISABLED' : 'ENABLED'),
  });
}

function checkName(name: string): void {
  if (name === '') throw invalidParameter('Service name can not be blank.');
  if (name.length > 255) throw invalidParameter('Service name can not be longer than 255 characters.');
  if (!/^[a-zA-Z0-9_-]+$/.test(name)) {
    throw invalidParameter('Service name contains invalid characters: use letters, numbers, underscores and hyphens.');
  }
}

function checkToken(token: string | undefined): void {
  if (token === undefined || /^[\x21-\x7e]{1,36}$/.test(token)) return;
  throw invalidParameter('clientToken must be 1 to 36 ASCII characters in the range of 33-126.');
}
