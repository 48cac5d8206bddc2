import type { Container, ContainerDefinition } from '@aws-sdk/client-ecs';
import { definitionOf } from '../world/lookups.ts';
import type { TaskState, WorldState } from '../world/state.ts';
import type { Wire } from '../world/wire-types.ts';

export interface LogEvent {
  readonly timestamp: number;
  readonly message: string;
}

export interface LogStream {
  readonly task: TaskState;
  readonly container: Wire<Container>;
}

/**
 * What a log stream belongs to: a container that ran and whose definition logs there. Streams end with their task, which the
 * world forgets about an hour after it stopped.
 */
export function streamOf(state: WorldState, group: string, stream: string): LogStream | 'no group' | 'no stream' {
  let known = false;
  for (const task of Object.values(state.tasks)) {
    const definitions = definitionOf(state, task.task.taskDefinitionArn).definition.containerDefinitions ?? [];
    for (const definition of definitions) {
      if (optionOf(definition, 'awslogs-group') !== group) continue;
      known = true;
      const container = task.task.containers.find((one) => one.name === definition.name);
      if (container === undefined || task.ranAt === 0) continue;
      if (streamNameOf(definition, container, task) === stream) return { task, container };
    }
  }
  return known ? 'no stream' : 'no group';
}

/** What the container wrote: that it began, and its last words when it ended badly. */
export function eventsOf(task: TaskState, container: Wire<Container>): readonly LogEvent[] {
  const events: LogEvent[] = [{ timestamp: task.ranAt, message: `Starting ${container.image ?? ''}` }];
  const endedAt = task.task.stoppingAt;
  const code = container.exitCode ?? 0;
  if (endedAt === undefined || code === 0 || container.reason?.startsWith('OutOfMemory') === true) return events;
  const lines = task.output ?? [`fatal: cannot go on, ending with exit code ${code}`];
  return [...events, ...lines.map((message) => ({ timestamp: endedAt, message }))];
}

function streamNameOf(definition: Wire<ContainerDefinition>, container: Wire<Container>, task: TaskState): string {
  const prefix = optionOf(definition, 'awslogs-stream-prefix');
  return prefix === undefined ? (container.runtimeId ?? '') : `${prefix}/${definition.name ?? ''}/${task.id}`;
}

function optionOf(definition: Wire<ContainerDefinition>, name: string): string | undefined {
  const { logDriver, options } = definition.logConfiguration ?? {};
  return logDriver === 'awslogs' ? options?.[name] : undefined;
}
