import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { errorOf, instancesOf } from '@outrider/delegate/aws/ec2-answer.ts';
import { ec2Endpoint } from '@outrider/delegate/aws/ec2-request.ts';
import { createAws, createAwsClients } from '@outrider/delegate/aws/index.ts';
import { describeInstancesBody } from '@outrider/delegate/aws/instances.ts';
import { type StepWorld, startStepWorld } from '../../support/step-harness.ts';

const FAMILY = { family: 'web', containerDefinitions: [{ name: 'web', image: 'nginx:1', memory: 64 }] };
const TAGS = { 'outrider:family': 'web', 'outrider:step': 'p1.1' };

let world: StepWorld;
beforeEach(async () => {
  world = await startStepWorld();
});
afterEach(async () => {
  await world.close();
});

const fault = (kind: 'lost-response' | 'throttle' | 'server-error', operation: string) =>
  world.simulator.control.addFault({ kind, operation, count: 1 });
const calls = (operation: string) =>
  world.simulator.control.calls().filter((call) => call.operation === operation).length;
const service = (name: string, desiredCount = 0) => ({ serviceName: name, taskDefinition: 'web', desiredCount });

describe('ECS', () => {
  test('a registration with a lost answer is not sent again: the caller looks for its tag', async () => {
    fault('lost-response', 'RegisterTaskDefinition');
    await assert.rejects(world.aws.ecs.registerTaskDefinition(FAMILY, TAGS), { code: 'aws-unavailable' });
    assert.equal(calls('RegisterTaskDefinition'), 1);
    const found = await world.aws.ecs.findTaskDefinitions('web', { key: 'outrider:step', value: 'p1.1' }, 10);
    assert.deepEqual(
      found.map((definition) => definition.revision),
      [1],
    );
    assert.deepEqual(await world.aws.ecs.findTaskDefinitions('web', { key: 'outrider:step', value: 'p9.9' }, 10), []);
  });

  test('a creation with a lost answer is found again, and made once', async () => {
    await world.aws.ecs.registerTaskDefinition(FAMILY, TAGS);
    fault('lost-response', 'CreateService');
    const made = await world.aws.ecs.createService('example', service('web__1'), 'token-1', TAGS);
    assert.equal(made.name, 'web__1');
    assert.equal(calls('CreateService'), 1);
  });

  for (const kind of ['throttle', 'server-error', 'lost-response'] as const) {
    test(`an update and a deletion are repeated after ${kind}`, async () => {
      await world.aws.ecs.registerTaskDefinition(FAMILY, TAGS);
      await world.aws.ecs.createService('example', service('web__1'), 'token-1', TAGS);
      fault(kind, 'UpdateService');
      assert.equal((await world.aws.ecs.updateService('example', 'web__1', { desiredCount: 3 })).desired, 3);
      fault(kind, 'DeleteService');
      await world.aws.ecs.deleteService('example', 'web__1', { force: true });
    });
  }

  test('tags of a service are set and taken away, and the others stay', async () => {
    await world.aws.ecs.registerTaskDefinition(FAMILY, TAGS);
    const { arn } = await world.aws.ecs.createService('example', service('web__1'), 'token-1', TAGS);
    const tags = async () => (await world.aws.ecs.describeService('example', 'web__1'))?.tags;
    await world.aws.ecs.tagService(arn, { note: 'min=2 in=on' });
    assert.deepEqual(await tags(), { ...TAGS, note: 'min=2 in=on' });
    await world.aws.ecs.untagService(arn, ['note', 'never-was']);
    assert.deepEqual(await tags(), TAGS);
  });

  test('deleting what is gone is success', async () => {
    await world.aws.ecs.deleteService('example', 'never-was', { force: true });
  });

  test('more services than one call takes are all described and listed, and missing ones left out', async () => {
    await world.aws.ecs.registerTaskDefinition(FAMILY, TAGS);
    const names = Array.from({ length: 23 }, (_, index) => `web__${index + 1}`);
    for (const name of names) await world.aws.ecs.createService('example', service(name), `token-${name}`, TAGS);
    const described = await world.aws.ecs.describeServices('example', [...names, 'missing']);
    assert.equal(described.length, 23);
    assert.deepEqual(described[0]?.tags, TAGS);
    assert.equal((await world.aws.ecs.listServices('example')).length, 23);
    assert.equal(calls('DescribeServices'), 3);
  });

  test('a field that AWS does not know is refused by name, with the near one', async () => {
    await assert.rejects(
      world.aws.ecs.registerTaskDefinition({ ...FAMILY, networkmode: 'host' }, TAGS),
      (error: Error & { hint?: string }) => /networkmode/.test(error.message) && /networkMode/.test(error.hint ?? ''),
    );
    const wrong = { ...FAMILY, containerDefinitions: [{ name: 'web', image: 'nginx:1', memory: '64' }] };
    await assert.rejects(world.aws.ecs.registerTaskDefinition(wrong, TAGS), {
      message: /containerDefinitions\[0\]\.memory must be a number, not "64"/,
    });
  });
});

describe('Application Auto Scaling', () => {
  test('a target with policies and scheduled actions is described, and goes as a whole', async () => {
    await world.aws.ecs.registerTaskDefinition(FAMILY, TAGS);
    await world.aws.ecs.createService('example', service('web__1'), 'token-1', TAGS);
    const { autoScaling } = world.aws;
    await autoScaling.registerScalableTarget('example', 'web__1', { MinCapacity: 0, MaxCapacity: 4 });
    await autoScaling.putScalingPolicy('example', 'web__1', {
      PolicyName: 'P1',
      PolicyType: 'TargetTrackingScaling',
      TargetTrackingScalingPolicyConfiguration: {
        TargetValue: 60,
        PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
      },
    });
    await autoScaling.putScheduledAction('example', 'web__1', {
      ScheduledActionName: 'night',
      Schedule: 'cron(0 2 * * ? *)',
      StartTime: '2027-01-01T00:00:00.000Z',
      ScalableTargetAction: { MinCapacity: 0, MaxCapacity: 1 },
    });
    const [found] = await autoScaling.describe('example', ['web__1', 'other']);
    assert.equal(found?.resourceId, 'service/example/web__1');
    assert.equal(found?.scalingPolicies[0]?.['PolicyName'], 'P1');
    assert.equal(found?.scheduledActions[0]?.['StartTime'], '2027-01-01T00:00:00.000Z');
    await autoScaling.deregisterScalableTarget('example', 'web__1');
    await autoScaling.deregisterScalableTarget('example', 'web__1');
    await autoScaling.deleteScalingPolicy('example', 'web__1', 'P1');
    assert.deepEqual(await autoScaling.describe('example', ['web__1']), []);
  });
});

describe('EC2', () => {
  test('addresses by instance id, signed and sent without the EC2 client; unknown ids are left out', async () => {
    const instances = Object.values(world.simulator.control.state().instances);
    const ids = instances.map((instance) => instance.ec2InstanceId);
    const found = await world.aws.instances.privateAddresses([...ids, 'i-0000000000000dead', 'mi-1']);
    assert.deepEqual(new Map(instances.map((one) => [one.ec2InstanceId, one.privateAddress])), found);
  });

  for (const kind of ['throttle', 'server-error'] as const) {
    test(`is asked again after ${kind}`, async () => {
      fault(kind, 'DescribeInstances');
      const [instance] = Object.values(world.simulator.control.state().instances);
      const found = await world.aws.instances.privateAddresses([instance?.ec2InstanceId ?? '']);
      assert.equal(found.size, 1);
    });
  }

  test('the endpoint is chosen as the SDK does', () => {
    assert.equal(ec2Endpoint('eu-west-1', {}).href, 'https://ec2.eu-west-1.amazonaws.com/');
    assert.equal(ec2Endpoint('cn-north-1', {}).href, 'https://ec2.cn-north-1.amazonaws.com.cn/');
    const general = { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' };
    assert.equal(ec2Endpoint('eu-west-1', general).host, '127.0.0.1:1');
    assert.equal(
      ec2Endpoint('eu-west-1', { ...general, AWS_ENDPOINT_URL_EC2: 'http://127.0.0.1:2' }).host,
      '127.0.0.1:2',
    );
    const ignored = { ...general, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' };
    assert.equal(ec2Endpoint('eu-west-1', ignored).host, 'ec2.eu-west-1.amazonaws.com');
  });

  test('ids go into the filter, not into InstanceId, which one missing id would make fail', () => {
    const body = new URLSearchParams(describeInstancesBody(['i-1', 'i-2'], 'next'));
    assert.equal(body.get('Filter.1.Name'), 'instance-id');
    assert.equal(body.get('Filter.1.Value.2'), 'i-2');
    assert.equal(body.get('NextToken'), 'next');
    assert.equal(body.get('InstanceId.1'), null);
  });

  test('an answer with one or several instances is read, and nonsense is an empty one', () => {
    const instance = (id: string) =>
      `<item><instanceId>${id}</instanceId><privateIpAddress>10.0.0.1</privateIpAddress></item>`;
    const answer = (items: string) =>
      `<DescribeInstancesResponse><reservationSet><item><instancesSet>${items}</instancesSet></item></reservationSet><nextToken>t</nextToken></DescribeInstancesResponse>`;
    assert.deepEqual([...instancesOf(answer(instance('i-1'))).addresses.keys()], ['i-1']);
    assert.deepEqual([...instancesOf(answer(instance('i-1') + instance('i-2'))).addresses.keys()], ['i-1', 'i-2']);
    assert.equal(instancesOf(answer('')).nextToken, 't');
    assert.equal(instancesOf('<html>proxy</html>').addresses.size, 0);
  });

  test('an error answer keeps the code, the message and the request', () => {
    const xml =
      '<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors><RequestID>r-9</RequestID></Response>';
    const error = errorOf(403, xml);
    assert.equal(error.name, 'UnauthorizedOperation');
    assert.equal(error.message, 'no');
    assert.equal(errorOf(502, '<html/>').message, 'HTTP status 502');
  });
});

test('another account is reached by its role, with the external id and the session name', async () => {
  // Credentials of the simulated past would count as expired at once.
  await world.close();
  world = await startStepWorld({ startTime: Date.now() });
  const clients = createAwsClients({ sessionName: 'outrider delegate/1' });
  const aws = createAws({
    clients,
    region: 'us-east-1',
    assumeRole: { arn: 'arn:aws:iam::210987654321:role/deploy', externalId: 'tenant-1' },
    gate: { permit: async () => undefined, holds: () => true },
    signal: new AbortController().signal,
    tools: { sleep: async () => undefined, random: () => 0 },
  });
  await aws.ecs.listServices('example');
  const [instance] = Object.values(world.simulator.control.state().instances);
  await aws.instances.privateAddresses([instance?.ec2InstanceId ?? '']);
  const assumed = world.simulator.control.calls().filter((call) => call.operation === 'AssumeRole');
  assert.equal(assumed.length, 1, 'one session for all that reads');
  assert.match(assumed[0]?.input ?? '', /outrider-delegate-1/);
  assert.match(assumed[0]?.input ?? '', /tenant-1/);
  clients.destroy();
});

test('a change that was held up on its way out does not leave under a lease that is over', async () => {
  const clients = createAwsClients();
  const asked: string[] = [];
  const aws = createAws({
    clients,
    region: 'us-east-1',
    gate: {
      permit: async () => void asked.push('permit'),
      // The first time the process stood still while the request was being signed.
      holds: () => asked.push('holds') > 2,
    },
    signal: new AbortController().signal,
    tools: { sleep: async () => undefined, random: () => 0 },
  });
  const before = world.simulator.control.calls().length;
  await aws.ecs.registerTaskDefinition(FAMILY, TAGS);
  const sent = world.simulator.control
    .calls()
    .slice(before)
    .filter((call) => call.operation === 'RegisterTaskDefinition');
  assert.deepEqual(asked, ['permit', 'holds', 'permit', 'holds']);
  assert.equal(sent.length, 1);
  clients.destroy();
});
