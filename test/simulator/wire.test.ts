import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CreateServiceCommand,
  DescribeServicesCommand,
  ListClustersCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { DescribeLoadBalancersCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { createWeb, describe, registerWeb, type SimulatedAws, startSimulatedAws, until } from './simulated-aws.ts';

const SIGNATURE =
  'AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature=00';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function post(aws: SimulatedAws, headers: Record<string, string>, body: string): Promise<Answer> {
  const response = await fetch(aws.simulator.url, {
    method: 'POST',
    headers: { authorization: SIGNATURE, ...headers },
    body,
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function postEcs(
  aws: SimulatedAws,
  operation: string,
  body: unknown,
): Promise<{ status: number; document: Record<string, unknown> }> {
  const target = {
    'x-amz-target': `AmazonEC2ContainerServiceV20141113.${operation}`,
    'content-type': 'application/x-amz-json-1.1',
  };
  const { status, text } = await post(aws, target, typeof body === 'string' ? body : JSON.stringify(body));
  const document: unknown = JSON.parse(text);
  assert.ok(typeof document === 'object' && document !== null);
  return { status, document: Object.fromEntries(Object.entries(document)) };
}

async function postQuery(aws: SimulatedAws, parameters: Record<string, string>): Promise<Answer> {
  return await post(
    aws,
    { 'content-type': 'application/x-www-form-urlencoded' },
    new URLSearchParams(parameters).toString(),
  );
}

const STS = '2011-06-15';
const EC2 = '2016-11-15';

test('requests that break AWS’s own model are refused before anything happens', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const refusals: readonly [unknown, string, RegExp][] = [
    ['{', 'SerializationException', /not valid JSON/],
    [[], 'SerializationException', /START_ARRAY can not be converted to a structure/],
    [{ services: 'web' }, 'SerializationException', /STRING_VALUE can not be converted to a list at 'services'/],
    [{ services: [1] }, 'SerializationException', /NUMBER_VALUE can not be converted to a String/],
    [{ services: ['web'], sevices: ['web'] }, 'SerializationException', /Unknown member 'sevices'/],
    [{ services: ['web'], include: ['EVERYTHING'] }, 'InvalidParameterException', /enum value set: \[TAGS\]/],
    [{}, 'InvalidParameterException', /^Services cannot be empty\.$/],
  ];
  for (const [body, code, message] of refusals) {
    const { status, document } = await postEcs(aws, 'DescribeServices', body);
    assert.equal(status, 400);
    assert.equal(document['__type'], code);
    assert.match(String(document['message']), message);
  }
  const nested = { family: 'web', containerDefinitions: [{ name: 'web', image: 'nginx', portMapings: [] }] };
  assert.match(
    String((await postEcs(aws, 'RegisterTaskDefinition', nested)).document['message']),
    /containerDefinitions\.1\.member\.portMapings/,
  );
  assert.deepEqual(aws.simulator.control.mutations(), []);
});

test('unknown operations, unsigned requests and oversized bodies are refused as AWS refuses them', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const unknown = await postEcs(aws, 'DescribeEverything', {});
  assert.deepEqual([unknown.status, unknown.document['__type']], [400, 'UnknownOperationException']);
  const unsigned = await fetch(aws.simulator.url, {
    method: 'POST',
    headers: { 'x-amz-target': 'AmazonEC2ContainerServiceV20141113.ListClusters' },
    body: '{}',
  });
  assert.equal(unsigned.status, 403);
  assert.match(await unsigned.text(), /MissingAuthenticationTokenException/);
  const large = await post(
    aws,
    { 'x-amz-target': 'AmazonEC2ContainerServiceV20141113.ListClusters' },
    'x'.repeat(1_100_000),
  );
  assert.equal(large.status, 413);
  const action = await postQuery(aws, { Action: 'Dance', Version: '2015-12-01' });
  assert.match(action.text, /<Code>InvalidAction<\/Code>/);
  const parameter = await postQuery(aws, { Action: 'DescribeLoadBalancers', Version: '2015-12-01', Colour: 'red' });
  assert.match(
    parameter.text,
    /<Type>Sender<\/Type><Code>ValidationError<\/Code><Message>The parameter Colour is not recognized/,
  );
});

test('every answer carries its request id, and times are seconds since the epoch', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await registerWeb(aws);
  const headers = { 'x-amz-target': 'AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition' };
  const { text, headers: answered } = await post(aws, headers, '{"taskDefinition":"web"}');
  assert.match(text, /"registeredAt":1767225600[,}]/);
  assert.equal(answered.get('x-amzn-requestid'), aws.simulator.control.calls().at(-1)?.requestId);
});

test('STS names the caller, also one that assumed a role', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const own = await postQuery(aws, { Action: 'GetCallerIdentity', Version: STS });
  assert.match(own.text, /<Arn>arn:aws:iam::123456789012:user\/simulator<\/Arn>/);
  const role = {
    Action: 'AssumeRole',
    Version: STS,
    RoleArn: 'arn:aws:iam::210987654321:role/deploy',
    RoleSessionName: 'dlg-1',
    ExternalId: 'tenant',
  };
  const assumed = await postQuery(aws, role);
  const key = /<AccessKeyId>(ASIA[0-9A-F]{16})<\/AccessKeyId>/.exec(assumed.text)?.[1] ?? '';
  const authorization = SIGNATURE.replace('AKIATEST', key);
  const body = new URLSearchParams({ Action: 'GetCallerIdentity', Version: STS }).toString();
  const other = await post(aws, { authorization, 'content-type': 'application/x-www-form-urlencoded' }, body);
  assert.match(other.text, /<Arn>arn:aws:sts::210987654321:assumed-role\/deploy\/dlg-1<\/Arn>/);
  for (const wrong of [{ RoleSessionName: 'x' }, { RoleArn: 'somebody important' }, { DurationSeconds: '60' }]) {
    assert.match((await postQuery(aws, { ...role, ...wrong })).text, /<Code>ValidationError<\/Code>/);
  }
});

test('EC2 describes the instances behind the container instances, and refuses ids it does not know', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const [instance] = Object.values(aws.simulator.control.state().instances);
  const id = instance?.ec2InstanceId ?? '';
  const found = await postQuery(aws, { Action: 'DescribeInstances', Version: EC2, 'InstanceId.1': id });
  assert.match(
    found.text,
    new RegExp(`<instanceId>${id}</instanceId>.*<privateIpAddress>127\\.0\\.0\\.11</privateIpAddress>`),
  );
  const filtered = await postQuery(aws, {
    Action: 'DescribeInstances',
    Version: EC2,
    'Filter.1.Name': 'instance-id',
    'Filter.1.Value.1': id,
    'Filter.1.Value.2': 'i-gone',
  });
  assert.equal(filtered.text.match(/<instanceId>/g)?.length, 1);
  const gone = await postQuery(aws, {
    Action: 'DescribeInstances',
    Version: EC2,
    'InstanceId.1': 'i-00000000000000000',
  });
  assert.match(
    gone.text,
    /<Errors><Error><Code>InvalidInstanceID\.NotFound<\/Code><Message>The instance ID &apos;|InvalidInstanceID\.NotFound/,
  );
  const misspelt = await postQuery(aws, { Action: 'DescribeInstances', Version: EC2, Instance: id });
  assert.match(misspelt.text, /<Code>UnknownParameter<\/Code>/);
});

test('the published quotas throttle: twenty task definitions at once, then one a second', async (context) => {
  const aws = await startSimulatedAws({ throttling: true });
  context.after(aws.close);
  for (let count = 0; count < 20; count += 1) await registerWeb(aws);
  const throttled = { name: 'ThrottlingException', message: 'Rate exceeded' };
  await assert.rejects(registerWeb(aws), throttled);
  aws.advance(1);
  assert.match(await registerWeb(aws), /web:21$/);
  await assert.rejects(registerWeb(aws), throttled);
});

test('a lost response has had its effect; with a client token the retry finds the service', async (context) => {
  const aws = await startSimulatedAws({}, 3);
  context.after(aws.close);
  const taskDefinition = await registerWeb(aws);
  aws.simulator.control.addFault({ kind: 'lost-response', operation: 'CreateService', count: 1 });
  const { service } = await aws.ecs.send(
    new CreateServiceCommand({
      cluster: 'example',
      serviceName: 'web',
      taskDefinition,
      desiredCount: 0,
      clientToken: 'once',
    }),
  );
  assert.equal(service?.serviceName, 'web');
  const calls = aws.simulator.control.calls().filter(({ operation }) => operation === 'CreateService');
  assert.deepEqual(
    calls.map(({ outcome, applied }) => [outcome, applied]),
    [
      ['connection-lost', true],
      ['ok', true],
    ],
  );
  aws.simulator.control.addFault({
    kind: 'lost-response',
    operation: 'ecs:CreateService',
    resource: 'other',
    count: 1,
  });
  await assert.rejects(
    aws.ecs.send(
      new CreateServiceCommand({ cluster: 'example', serviceName: 'other', taskDefinition, desiredCount: 0 }),
    ),
    {
      message: 'Creation of service was not idempotent.',
    },
  );
});

test('faults strike the calls they name, as often as they say', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const { control } = aws.simulator;
  const list = async (): Promise<unknown> => await aws.ecs.send(new ListClustersCommand({}));
  control.addFault({ kind: 'throttle', operation: 'ListClusters', count: 2 });
  await assert.rejects(list(), { name: 'ThrottlingException' });
  await assert.rejects(list(), { name: 'ThrottlingException' });
  await list();
  control.addFault({ kind: 'server-error', operation: 'ecs:*', count: 1, status: 503 });
  await aws.elb.send(new DescribeLoadBalancersCommand({}));
  await assert.rejects(list(), { name: 'ServerException' });
  control.addFault({ kind: 'error', code: 'AccessDeniedException', message: 'not for you', count: 1 });
  await assert.rejects(list(), { name: 'AccessDeniedException', message: 'not for you' });
  control.addFault({ kind: 'lost-request', operation: 'RegisterTaskDefinition', count: 1 });
  await assert.rejects(registerWeb(aws));
  assert.deepEqual(control.mutations(), []);
});

test('a frozen call waits until the fault is removed; a caller that gives up changes nothing', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const { control } = aws.simulator;
  await createWeb(aws, await registerWeb(aws));
  const id = control.addFault({ kind: 'freeze', operation: 'UpdateService' });
  const given = new AbortController();
  const abandoned = aws.ecs.send(new UpdateServiceCommand({ cluster: 'example', service: 'web', desiredCount: 9 }), {
    abortSignal: given.signal,
  });
  const patient = aws.ecs.send(new UpdateServiceCommand({ cluster: 'example', service: 'web', desiredCount: 4 }));
  await until(() => control.calls().filter(({ operation }) => operation === 'UpdateService').length === 2);
  given.abort();
  await assert.rejects(abandoned, { name: 'AbortError' });
  await until(() => control.calls().some(({ outcome }) => outcome === 'connection-lost'));
  assert.equal(control.removeFault(id), true);
  assert.equal((await patient).service?.desiredCount, 4);
  assert.equal((await describe(aws)).desiredCount, 4);
});

test('an answer that is held back after the effect has had its effect, also when the caller gives up', async (context) => {
  const aws = await startSimulatedAws({
    faults: [{ kind: 'freeze', operation: 'RegisterTaskDefinition', point: 'response' }],
  });
  context.after(aws.close);
  const { control } = aws.simulator;
  const given = new AbortController();
  const command = new RegisterTaskDefinitionCommand({
    family: 'web',
    containerDefinitions: [{ name: 'web', image: 'nginx', memory: 64 }],
  });
  const abandoned = aws.ecs.send(command, { abortSignal: given.signal });
  await until(() => control.mutations().length > 0);
  given.abort();
  await assert.rejects(abandoned, { name: 'AbortError' });
  await until(() => control.calls()[0]?.outcome === 'connection-lost');
  assert.deepEqual(Object.keys(control.state().taskDefinitions), [
    'arn:aws:ecs:us-east-1:123456789012:task-definition/web:1',
  ]);
});

test('under a stale read a new service is MISSING at first', async (context) => {
  const aws = await startSimulatedAws({ faults: [{ kind: 'stale-read', seconds: 5 }] });
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws));
  const read = async (): Promise<unknown> =>
    (await aws.ecs.send(new DescribeServicesCommand({ cluster: 'example', services: ['web'] }))).failures;
  assert.equal(JSON.stringify(await read()).includes('MISSING'), true);
  aws.advance(6);
  assert.deepEqual(await read(), []);
});

test('a delayed answer takes its time and is right all the same', async (context) => {
  const aws = await startSimulatedAws({
    faults: [{ kind: 'delay', operation: 'RegisterTaskDefinition', milliseconds: 30 }],
  });
  context.after(aws.close);
  const command = new RegisterTaskDefinitionCommand({
    family: 'web',
    containerDefinitions: [{ name: 'web', image: 'nginx', memory: 64 }],
  });
  assert.equal((await aws.ecs.send(command)).taskDefinition?.revision, 1);
  assert.ok((aws.simulator.control.calls()[0]?.milliseconds ?? 0) >= 29);
});
