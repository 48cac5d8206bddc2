import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DescribeTasksCommand, ListTasksCommand } from '@aws-sdk/client-ecs';
import { AwsError } from '@outrider/simulator/wire/aws-error.ts';
import { callDirectly, directOperation } from '@outrider/simulator/wire/direct-call.ts';
import { createWeb, registerWeb, type SimulatedAws, startSimulatedAws } from './simulated-aws.ts';

const GROUP = '/ecs/web';

interface Answer {
  readonly events: readonly { readonly message: string }[];
  readonly nextForwardToken: string;
  readonly nextBackwardToken: string;
}

function get(aws: SimulatedAws, input: object): Answer {
  const context = { world: aws.simulator.world, quotas: undefined };
  return callDirectly(context, directOperation('logs', 'GetLogEvents'), input) as Answer;
}

/** A service whose container crashes, and the stream of the first task that stopped. */
async function crashed(aws: SimulatedAws, options: Record<string, string> = {}): Promise<string> {
  const output = 'one\ntwo\nthree';
  aws.simulator.control.addFault({ kind: 'crash', image: 'nginx:1', exitCode: 3, afterSeconds: 5, output });
  const logConfiguration = {
    logDriver: 'awslogs' as const,
    options: { 'awslogs-group': GROUP, 'awslogs-region': 'us-east-1', ...options },
  };
  const containerDefinitions = [{ name: 'web', image: 'nginx:1', memory: 64, logConfiguration }];
  await createWeb(aws, await registerWeb(aws, '', { containerDefinitions }), { desiredCount: 1 });
  aws.advance(60);
  const { taskArns } = await aws.ecs.send(new ListTasksCommand({ cluster: 'example', desiredStatus: 'STOPPED' }));
  const { tasks } = await aws.ecs.send(new DescribeTasksCommand({ cluster: 'example', tasks: taskArns }));
  const prefix = options['awslogs-stream-prefix'];
  const [task] = tasks ?? [];
  const id = task?.taskArn?.split('/').at(-1) ?? '';
  return prefix === undefined ? (task?.containers?.[0]?.runtimeId ?? '') : `${prefix}/web/${id}`;
}

const texts = (answer: Answer): string[] => answer.events.map(({ message }) => message);

test('what a container wrote before it ended is in the stream that ECS names', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const logStreamName = await crashed(aws, { 'awslogs-stream-prefix': 'shop' });
  const request = { logGroupName: GROUP, logStreamName };
  assert.deepEqual(texts(get(aws, request)), ['Starting nginx:1', 'one', 'two', 'three']);
  const newest = get(aws, { ...request, limit: 2 });
  assert.deepEqual(texts(newest), ['two', 'three']);
  const before = get(aws, { ...request, limit: 2, nextToken: newest.nextBackwardToken });
  assert.deepEqual(texts(before), ['Starting nginx:1', 'one']);
  const end = get(aws, { ...request, nextToken: newest.nextForwardToken });
  assert.deepEqual(texts(end), []);
  assert.equal(end.nextForwardToken, newest.nextForwardToken, 'the end of a stream is the token that was passed');
  assert.deepEqual(texts(get(aws, { ...request, limit: 1, startFromHead: true })), ['Starting nginx:1']);
});

test('without a prefix the stream has the id of the container', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const logStreamName = await crashed(aws);
  assert.equal(texts(get(aws, { logGroupName: GROUP, logStreamName })).at(-1), 'three');
});

test('groups, streams and tokens that are not there are refused as by AWS', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const logStreamName = await crashed(aws, { 'awslogs-stream-prefix': 'shop' });
  const refused = (input: object, code: string, message: RegExp): void => {
    assert.throws(
      () => get(aws, input),
      (error) => error instanceof AwsError && error.code === code && message.test(error.message),
    );
  };
  refused({ logGroupName: '/other', logStreamName }, 'ResourceNotFoundException', /^The specified log group/);
  refused({ logGroupName: GROUP, logStreamName: 'x' }, 'ResourceNotFoundException', /^The specified log stream/);
  refused({ logStreamName }, 'InvalidParameterException', /logGroupName/);
  refused({ logGroupName: GROUP, logStreamName, nextToken: 'x' }, 'InvalidParameterException', /nextToken/);
  refused({ logGroupName: GROUP }, 'InvalidParameterException', /logStreamName/);
});
