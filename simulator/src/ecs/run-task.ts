import type { Failure, RunTaskRequest, Task } from '@aws-sdk/client-ecs';
import { AwsError, clientException, invalidParameter } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import { placeOnFargate, placeOnInstance } from '../world/placement.ts';
import { startTask, type TaskStart } from '../world/start-task.ts';
import type { ClusterState, TaskDefinitionState, TaskState } from '../world/state.ts';
import { compact, type Wire } from '../world/wire-types.ts';
import type { World } from '../world/world.ts';
import { canonical, checkTags, clusterOf, usableTaskDefinition } from './arguments.ts';
import { checkNetwork, isFargate, resolveLaunch } from './check-network.ts';
import { checkPlacement } from './check-service.ts';
import { viewTask } from './tasks.ts';

const MAX_COUNT = 10;
/** Client tokens remembered; the oldest go first. */
const TOKENS_KEPT = 1_000;

export const runTaskOperations = [
  defineOperation(
    'RunTask',
    { mutates: true, quota: 'ecs cluster resource modify' },
    ({ world }, input: Wire<RunTaskRequest>) => {
      const cluster = clusterOf(world.state, input.cluster);
      const replayed = replay(world, input);
      if (replayed !== undefined) return { tasks: replayed.map((one) => viewTask(one, true)), failures: [] };
      const definition = usableTaskDefinition(world.state, input.taskDefinition);
      check(input, definition);
      const launch = resolveLaunch(cluster, input);
      const fargate = isFargate(launch);
      checkNetwork(definition.definition, input, fargate);
      checkPlacement(input, fargate);
      const { started, failures } = run(world, cluster, definition, input, fargate);
      remember(world, input, started);
      const tasks: Wire<Task>[] = started.map((one) => viewTask(one, true));
      return { tasks, failures };
    },
  ),
];

function check(input: Wire<RunTaskRequest>, { definition }: TaskDefinitionState): void {
  const count = input.count ?? 1;
  if (count < 1 || count > MAX_COUNT) throw invalidParameter(`count must be between 1 and ${MAX_COUNT}.`);
  if ((input.startedBy ?? '').length > 128) throw invalidParameter('startedBy must not be longer than 128 characters.');
  if ((input.group ?? '').startsWith('service:')) throw invalidParameter('Invalid namespace for group.');
  checkTags(input.tags);
  for (const { name } of input.overrides?.containerOverrides ?? []) {
    if (name === undefined) throw clientException('Container override name must not be null.');
    if (definition.containerDefinitions?.some((container) => container.name === name) !== true) {
      throw invalidParameter(`Override for container named ${name} is not a container in the TaskDefinition.`);
    }
  }
}

/** The tasks that an earlier call with the same token started; throws when that call asked for something else. */
function replay(world: World, input: Wire<RunTaskRequest>): TaskState[] | undefined {
  const known = input.clientToken === undefined ? undefined : world.state.runTaskTokens[input.clientToken];
  if (known === undefined) return undefined;
  if (known.parameters !== canonical(input)) {
    const text = 'The specified client token is already in use with different parameters.';
    throw new AwsError('ConflictException', text, 400, { resourceIds: known.taskArns });
  }
  return known.taskArns.flatMap((arn) => world.state.tasks[arn] ?? []);
}

function remember(world: World, input: Wire<RunTaskRequest>, started: readonly TaskState[]): void {
  if (input.clientToken === undefined) return;
  const { runTaskTokens } = world.state;
  runTaskTokens[input.clientToken] = { parameters: canonical(input), taskArns: started.map((one) => one.task.taskArn) };
  const tokens = Object.keys(runTaskTokens);
  for (const token of tokens.slice(0, Math.max(0, tokens.length - TOKENS_KEPT))) delete runTaskTokens[token];
}

/** Starts as many as there is room for; the rest become failures, as AWS answers with success either way. */
function run(
  world: World,
  cluster: ClusterState,
  definition: TaskDefinitionState,
  input: Wire<RunTaskRequest>,
  fargate: boolean,
): { started: TaskState[]; failures: Wire<Failure>[] } {
  const started: TaskState[] = [];
  const failures: Wire<Failure>[] = [];
  const group = input.group ?? `family:${definition.definition.family ?? ''}`;
  for (let index = 0; index < (input.count ?? 1); index += 1) {
    const start: Omit<TaskStart, 'instance'> = compact<Omit<TaskStart, 'instance'>>({
      clusterArn: cluster.arn,
      definition,
      launchType: fargate ? 'FARGATE' : input.launchType === 'EXTERNAL' ? 'EXTERNAL' : 'EC2',
      capacityProviderName: input.capacityProviderStrategy?.[0]?.capacityProvider,
      networkConfiguration: input.networkConfiguration,
      loadBalancers: [],
      group,
      startedBy: input.startedBy,
      overrides: input.overrides,
      platformVersion: input.platformVersion,
      enableExecuteCommand: input.enableExecuteCommand ?? false,
      tags: input.tags ?? [],
    });
    if (fargate) {
      const { refused } = placeOnFargate(world, cluster.arn);
      if (refused !== undefined) throw clientException(refused.replace(/^Reason: /, ''));
      started.push(startTask(world, start));
      continue;
    }
    const placement = placeOnInstance(world.state, {
      clusterArn: cluster.arn,
      definition: definition.definition,
      constraints: input.placementConstraints ?? [],
      strategies: input.placementStrategy ?? [],
      group,
    });
    if (placement.kind === 'placed') started.push(startTask(world, { ...start, instance: placement.instance }));
    else failures.push({ arn: cluster.arn, reason: placement.reason });
  }
  if (started.length === 0 && failures.some((failure) => failure.reason === 'RESOURCE:*')) {
    throw invalidParameter('No Container Instances were found in your cluster.');
  }
  return { started, failures };
}
