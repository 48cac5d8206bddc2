import { MODELS } from '../validation/models.ts';
import { AwsError } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import { operationMap, type ServiceDefinition } from '../wire/service-definition.ts';
import type { InstanceState, WorldState } from '../world/state.ts';

interface DescribeInstancesInput {
  readonly InstanceIds?: readonly string[];
  readonly Filters?: readonly { readonly Name?: string; readonly Values?: readonly string[] }[];
  readonly NextToken?: string;
  readonly MaxResults?: number;
  readonly DryRun?: boolean;
}

const MIN_RESULTS = 5;
const MAX_RESULTS = 1_000;

const operations = [
  defineOperation(
    'DescribeInstances',
    { mutates: false, quota: 'ec2 filtered read' },
    ({ world }, input: DescribeInstancesInput) => {
      if (input.DryRun === true)
        throw new AwsError('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
      const { InstanceIds: ids, MaxResults: size } = input;
      if (ids !== undefined && size !== undefined) {
        throw new AwsError(
          'InvalidParameterCombination',
          'The parameter instancesSet cannot be used with the parameter maxResults',
        );
      }
      if (size !== undefined && (size < MIN_RESULTS || size > MAX_RESULTS)) {
        throw new AwsError(
          'InvalidParameterValue',
          `Value ( ${size} ) for parameter maxResults is invalid. Expecting a value between ${MIN_RESULTS} and ${MAX_RESULTS}.`,
        );
      }
      const found = filtered(world.state, chosen(world.state, ids), input.Filters ?? []);
      const start = startOf(input.NextToken, found.length);
      const page = found.slice(start, size === undefined ? undefined : start + size);
      const end = start + page.length;
      return {
        reservationSet: page.map((instance) => viewReservation(world.state, instance)),
        ...(end < found.length ? { nextToken: Buffer.from(`page:${end}`).toString('base64url') } : {}),
      };
    },
  ),
];

export const EC2: ServiceDefinition = {
  name: 'ec2',
  model: MODELS.ec2,
  protocol: { kind: 'ec2', namespace: 'http://ec2.amazonaws.com/doc/2016-11-15/' },
  operations: operationMap(operations),
  throttled: { code: 'RequestLimitExceeded', message: 'Request limit exceeded.' },
  malformed: (message) =>
    new AwsError(message.endsWith('is not recognized') ? 'UnknownParameter' : 'InvalidParameterValue', message),
  invalid: (_operation, _violations, message) => new AwsError('InvalidParameterValue', message),
};

/** The named instances; a single unknown id fails the whole call, as on AWS. */
function chosen(state: WorldState, ids: readonly string[] | undefined): InstanceState[] {
  const all = Object.values(state.instances);
  if (ids === undefined || ids.length === 0) return all;
  const malformed = ids.find((id) => !/^i-(?:[0-9a-f]{8}|[0-9a-f]{17})$/.test(id));
  if (malformed !== undefined) throw new AwsError('InvalidInstanceID.Malformed', `Invalid id: "${malformed}"`);
  const missing = ids.filter((id) => !all.some((instance) => instance.ec2InstanceId === id));
  if (missing.length === 1)
    throw new AwsError('InvalidInstanceID.NotFound', `The instance ID '${missing[0] ?? ''}' does not exist`);
  if (missing.length > 1)
    throw new AwsError('InvalidInstanceID.NotFound', `The instance IDs '${missing.join(', ')}' do not exist`);
  return all.filter((instance) => ids.includes(instance.ec2InstanceId));
}

function filtered(
  state: WorldState,
  instances: readonly InstanceState[],
  filters: NonNullable<DescribeInstancesInput['Filters']>,
): InstanceState[] {
  const tests = filters.map(({ Name = '', Values = [] }) => {
    if (!FILTERS.has(Name)) throw new AwsError('InvalidParameterValue', `The filter '${Name}' is invalid`);
    return (instance: InstanceState): boolean => Values.includes(FILTERS.get(Name)?.(instance, state) ?? '');
  });
  return instances.filter((instance) => tests.every((test) => test(instance)));
}

const FILTERS = new Map<string, (instance: InstanceState, state: WorldState) => string>([
  ['instance-id', (instance) => instance.ec2InstanceId],
  ['private-ip-address', (instance) => instance.privateAddress],
  ['private-dns-name', (instance) => dnsName(instance)],
  ['availability-zone', (instance) => instance.zone],
  ['instance-type', (instance) => instance.instanceType],
  ['instance-state-name', () => 'running'],
  ['owner-id', (_instance, state) => state.accountId],
]);

function viewReservation(state: WorldState, instance: InstanceState): object {
  return {
    reservationId: instance.ec2InstanceId.replace('i-', 'r-'),
    ownerId: state.accountId,
    groupSet: [],
    instancesSet: [
      {
        instanceId: instance.ec2InstanceId,
        imageId: 'ami-0a1b2c3d4e5f60718',
        instanceState: { code: 16, name: 'running' },
        privateDnsName: dnsName(instance),
        dnsName: '',
        instanceType: instance.instanceType,
        launchTime: new Date(instance.registeredAt).toISOString(),
        placement: { availabilityZone: instance.zone, tenancy: 'default' },
        monitoring: { state: 'disabled' },
        subnetId: 'subnet-0a1b2c3d4e5f60711',
        vpcId: 'vpc-0a1b2c3d4e5f60701',
        privateIpAddress: instance.privateAddress,
        architecture: 'x86_64',
        tagSet: instance.tags.map(({ key, value }) => ({ key, value })),
      },
    ],
  };
}

function dnsName(instance: InstanceState): string {
  return `ip-${instance.privateAddress.replaceAll('.', '-')}.ec2.internal`;
}

function startOf(token: string | undefined, length: number): number {
  if (token === undefined) return 0;
  const start = Number(/^page:(\d{1,9})$/.exec(Buffer.from(token, 'base64url').toString('utf8'))?.[1] ?? Number.NaN);
  if (Number.isNaN(start) || start > length)
    throw new AwsError('InvalidNextToken', 'The specified value for nextToken is not valid');
  return start;
}
