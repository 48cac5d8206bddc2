import type { DeleteServiceRequest, UpdateServiceRequest } from '@aws-sdk/client-ecs';
import { AwsError, invalidParameter } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import { startDeployment } from '../world/deployments.ts';
import { definitionOf } from '../world/lookups.ts';
import { reconcileSoon } from '../world/service-schedule.ts';
import type { ClusterState, ServiceSettings, ServiceState } from '../world/state.ts';
import { compact, omit, type Wire } from '../world/wire-types.ts';
import type { World } from '../world/world.ts';
import { activeServiceOf, clusterOf, findService, usableTaskDefinition } from './arguments.ts';
import { checkNetwork, isFargate, resolveLaunch } from './check-network.ts';
import { checkDesiredCount, checkSettings } from './check-service.ts';
import { viewService } from './view-service.ts';

const MODIFY = { mutates: true, quota: 'ecs service modify' } as const;

/** Changing one of these starts a new deployment; everything else takes effect in place. */
const DEPLOYING = [
  'networkConfiguration',
  'platformVersion',
  'loadBalancers',
  'serviceRegistries',
  'serviceConnectConfiguration',
  'volumeConfigurations',
  'vpcLatticeConfigurations',
] as const;

export const changeServiceOperations = [
  defineOperation('UpdateService', MODIFY, ({ world }, input: Wire<UpdateServiceRequest>) => {
    const cluster = clusterOf(world.state, input.cluster);
    const service = activeServiceOf(world.state, cluster, input.service);
    update(world, cluster, service, input);
    return { service: viewService(world, service, true) };
  }),
  defineOperation('DeleteService', MODIFY, ({ world }, input: Wire<DeleteServiceRequest>) => {
    const cluster = clusterOf(world.state, input.cluster);
    const service = findService(world.state, cluster, input.service);
    if (service === undefined) throw new AwsError('ServiceNotFoundException', 'Service not found.');
    if (service.status !== 'ACTIVE') throw new AwsError('ServiceNotActiveException', 'Service was not ACTIVE.');
    const replica = service.settings.schedulingStrategy !== 'DAEMON';
    if (replica && service.desiredCount > 0 && input.force !== true) {
      throw invalidParameter('The service cannot be stopped while it is scaled above 0.');
    }
    service.status = 'DRAINING';
    service.desiredCount = 0;
    service.steady = false;
    reconcileSoon(world, service);
    return { service: viewService(world, service, true) };
  }),
];

function update(world: World, cluster: ClusterState, service: ServiceState, input: Wire<UpdateServiceRequest>): void {
  const daemon = service.settings.schedulingStrategy === 'DAEMON';
  checkDesiredCount(input.desiredCount, daemon);
  const wanted =
    input.taskDefinition === undefined
      ? definitionOf(world.state, service.taskDefinition)
      : usableTaskDefinition(world.state, input.taskDefinition);
  const settings = changedSettings(cluster, service, input);
  const fargate = isFargate(settings);
  checkNetwork(wanted.definition, settings, fargate);
  checkSettings(world.state, settings, wanted.definition, fargate);
  const taskDefinitionArn = wanted.definition.taskDefinitionArn ?? '';
  const deploys =
    input.forceNewDeployment === true ||
    taskDefinitionArn !== service.taskDefinition ||
    DEPLOYING.some(
      (name) => input[name] !== undefined && JSON.stringify(input[name]) !== JSON.stringify(service.settings[name]),
    );
  service.settings = settings;
  service.taskDefinition = taskDefinitionArn;
  if (input.desiredCount !== undefined && input.desiredCount !== service.desiredCount) {
    service.desiredCount = input.desiredCount;
    service.steady = false;
    // A pause after failed starts is over once somebody asks for something else.
    service.nextStartAt = 0;
    service.announcedProblem = '';
    reconcileSoon(world, service);
  }
  if (deploys) startDeployment(world, service);
  else reconcileSoon(world, service);
}

function changedSettings(
  cluster: ClusterState,
  service: ServiceState,
  input: Wire<UpdateServiceRequest>,
): ServiceSettings {
  const asked = omit(
    input,
    'cluster',
    'service',
    'desiredCount',
    'taskDefinition',
    'forceNewDeployment',
    'deploymentController',
  );
  const old = service.settings;
  const launch =
    input.capacityProviderStrategy === undefined || input.capacityProviderStrategy.length === 0
      ? compact<Pick<ServiceSettings, 'launchType' | 'capacityProviderStrategy'>>({
          launchType: old.launchType,
          capacityProviderStrategy: old.capacityProviderStrategy,
        })
      : resolveLaunch(cluster, { capacityProviderStrategy: input.capacityProviderStrategy });
  const kept = omit(old, 'launchType', 'capacityProviderStrategy');
  return compact<ServiceSettings>({
    ...kept,
    ...asked,
    ...launch,
    deploymentConfiguration: { ...old.deploymentConfiguration, ...input.deploymentConfiguration },
  });
}
