import { matches } from '../world/faults.ts';
import { clusterNameOf } from '../world/lookups.ts';
import { tasksOn } from '../world/resources.ts';
import type { InstanceState } from '../world/state.ts';
import type { World } from '../world/world.ts';
import { NO_TASK, viewAgentTask } from './view-agent-task.ts';

const VERSION = 'Amazon ECS Agent - v1.105.1 (02ff320c)';
const COMMANDS = ['/v1/metadata', '/v1/tasks', '/license'];
const SHORT_ID_LENGTH = 12;

export interface AgentAnswer {
  readonly status: number;
  readonly body: string;
}

/** What the ECS agent of an instance answers to a path with its query; undefined: the connection breaks without an answer. */
export function answerAgent(world: World, instance: InstanceState, path: string): AgentAnswer | undefined {
  if (isBlocked(world, instance)) return undefined;
  const url = new URL(path, 'http://agent');
  switch (url.pathname) {
    case '/v1/metadata': {
      const Cluster = clusterNameOf(instance.clusterArn);
      return json(200, { Cluster, ContainerInstanceArn: instance.arn, Version: VERSION });
    }
    case '/v1/tasks':
      return answerTasks(world, instance, url.searchParams);
    case '/license':
      return { status: 200, body: 'Apache-2.0' };
    default:
      return json(200, { AvailableCommands: COMMANDS });
  }
}

function answerTasks(world: World, instance: InstanceState, query: URLSearchParams): AgentAnswer {
  const tasks = tasksOn(world.state, instance).map((one) => viewAgentTask(world.state, one));
  const arn = query.get('taskarn');
  const dockerId = query.get('dockerid');
  if (arn === null && dockerId === null) return json(200, { Tasks: tasks });
  if (arn !== null && dockerId !== null) return json(400, NO_TASK);
  const found = tasks.filter((task) =>
    arn === null ? task.Containers.some((container) => isNamed(container.DockerId, dockerId ?? '')) : task.Arn === arn,
  );
  if (found.length > 1) return json(400, NO_TASK);
  return json(found[0] === undefined ? 404 : 200, found[0] ?? NO_TASK);
}

function isBlocked(world: World, instance: InstanceState): boolean {
  const names = [instance.id, instance.ec2InstanceId, instance.privateAddress];
  const struck = world.faults.strike(['agent-blocked'], (fault) => names.some((name) => matches(fault.instance, name)));
  return struck !== undefined;
}

function isNamed(dockerId: string, asked: string): boolean {
  if (asked === '') return false;
  return asked.length <= SHORT_ID_LENGTH ? dockerId.startsWith(asked) : dockerId === asked;
}

function json(status: number, body: unknown): AgentAnswer {
  return { status, body: JSON.stringify(body) };
}
