import type {
  DescribeServiceDeploymentsRequest,
  DescribeServicesRequest,
  Failure,
  ListServiceDeploymentsRequest,
  ListServicesRequest,
  Service,
  ServiceDeployment,
} from '@aws-sdk/client-ecs';
import { AwsError, invalidParameter } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import { matches } from '../world/faults.ts';
import type { ServiceState } from '../world/state.ts';
import type { Wire } from '../world/wire-types.ts';
import type { World } from '../world/world.ts';
import { clusterOf, findService, page } from './arguments.ts';
import { viewService } from './view-service.ts';

const READ = { mutates: false, quota: 'ecs service read' } as const;
const READ_DEPLOYMENTS = { mutates: false, quota: 'ecs service deployment' } as const;
const MAX_SERVICES = 10;
const MAX_DEPLOYMENTS = 20;

export const readServiceOperations = [
  defineOperation('DescribeServices', READ, ({ world }, input: Wire<DescribeServicesRequest>) => {
    const cluster = clusterOf(world.state, input.cluster);
    if (input.services.length === 0) throw invalidParameter('Services cannot be empty.');
    if (input.services.length > MAX_SERVICES)
      throw invalidParameter(`Services cannot contain more than ${MAX_SERVICES} elements.`);
    const services: Wire<Service>[] = [];
    const failures: Wire<Failure>[] = [];
    for (const reference of input.services) {
      const service = findService(world.state, cluster, reference);
      if (service === undefined || isHidden(world, service)) {
        const arn = reference.startsWith('arn:') ? reference : world.arn('ecs', `service/${cluster.name}/${reference}`);
        failures.push({ arn, reason: 'MISSING' });
      } else services.push(viewService(world, service, input.include?.includes('TAGS') ?? false));
    }
    return { services, failures };
  }),
  defineOperation('ListServices', READ, ({ world }, input: Wire<ListServicesRequest>) => {
    const cluster = clusterOf(world.state, input.cluster);
    const arns = Object.values(world.state.services)
      .filter(
        (service) => service.clusterArn === cluster.arn && service.status === 'ACTIVE' && !isHidden(world, service),
      )
      .filter(({ settings }) => input.launchType === undefined || settings.launchType === input.launchType)
      .filter(
        ({ settings }) =>
          input.schedulingStrategy === undefined || settings.schedulingStrategy === input.schedulingStrategy,
      )
      .map((service) => service.arn)
      .toSorted();
    const { items, ...rest } = page(arns, input, { usual: 10, most: 100 });
    return { serviceArns: items, ...rest };
  }),
  defineOperation(
    'ListServiceDeployments',
    READ_DEPLOYMENTS,
    ({ world }, input: Wire<ListServiceDeploymentsRequest>) => {
      const cluster = clusterOf(world.state, input.cluster);
      const service = findService(world.state, cluster, input.service);
      if (service === undefined) throw new AwsError('ServiceNotFoundException', 'Service not found.');
      const records = service.history
        .filter((record) => input.status === undefined || input.status.some((status) => status === record.status))
        .filter((record) => (record.createdAt ?? 0) >= (input.createdAt?.after ?? 0))
        .filter((record) => (record.createdAt ?? 0) <= (input.createdAt?.before ?? Number.POSITIVE_INFINITY))
        .map(
          ({
            serviceDeploymentArn,
            serviceArn,
            clusterArn,
            startedAt,
            createdAt,
            finishedAt,
            targetServiceRevision,
            status,
            statusReason,
          }) => ({
            serviceDeploymentArn,
            serviceArn,
            clusterArn,
            startedAt,
            createdAt,
            finishedAt,
            targetServiceRevisionArn: targetServiceRevision?.arn,
            status,
            statusReason,
          }),
        );
      const { items, ...rest } = page(records, input, { usual: 20, most: 100 });
      return { serviceDeployments: items, ...rest };
    },
  ),
  defineOperation(
    'DescribeServiceDeployments',
    READ_DEPLOYMENTS,
    ({ world }, input: Wire<DescribeServiceDeploymentsRequest>) => {
      const arns = input.serviceDeploymentArns;
      if (arns.length === 0 || arns.length > MAX_DEPLOYMENTS) {
        throw invalidParameter(`Service deployments must have between 1 and ${MAX_DEPLOYMENTS} elements.`);
      }
      const known = Object.values(world.state.services).flatMap((service) => service.history);
      const serviceDeployments: Wire<ServiceDeployment>[] = [];
      const failures: Wire<Failure>[] = [];
      for (const arn of arns) {
        const record = known.find((candidate) => candidate.serviceDeploymentArn === arn);
        if (record === undefined) failures.push({ arn, reason: 'MISSING' });
        else serviceDeployments.push(record);
      }
      return { serviceDeployments, failures };
    },
  ),
];

/** Under a stale-read fault the newest services cannot be seen yet. */
function isHidden(world: World, service: ServiceState): boolean {
  const struck = world.faults.strike(
    ['stale-read'],
    (fault) => world.now - service.createdAt < fault.seconds * 1000 && matches(fault.resource, service.name),
  );
  return struck !== undefined;
}
