import { OutriderError } from '@outrider/shared/errors.ts';
import { isJsonArray, isJsonObject, type JsonObject } from '@outrider/shared/json.ts';
import type { EcsContainer, EcsTask } from '../aws/ports.ts';
import { textOf } from '../json.ts';
import type { Watching } from './watch-options.ts';

const LINES = 10;
/** Reads of one wait: what is looked for beyond them is the same again. */
const READS_MAX = 6;

/** The last lines of containers that ended badly, for one wait. Whatever goes wrong here goes wrong with one line at most. */
export interface ContainerLogReader {
  /** What the container that failed wrote last; empty: nothing could be read, and the log says why, once. */
  tail(task: EcsTask): Promise<readonly string[]>;
}

export function createContainerLogReader(ctx: Pick<Watching, 'aws' | 'log'>): ContainerLogReader {
  const said = new Set<string>();
  let reads = 0;
  let denied = false;
  const sayOnce = (text: string): void => {
    if (!said.has(text)) ctx.log(text, 'WARN');
    said.add(text);
  };
  return {
    async tail(task) {
      if (denied || reads >= READS_MAX) return [];
      reads += 1;
      const place = await placeOf(ctx, task).catch(unknownPlace);
      if (place.kind === 'elsewhere') {
        sayOnce(place.why);
        return [];
      }
      const { container, group, stream } = place;
      const answer = await ctx.aws.logs.tail(group, stream, LINES);
      if (answer.kind === 'read') {
        if (answer.lines.length === 0) return [];
        ctx.log(`Last lines that container ${container} of task ${idOf(task)} wrote:`, 'WARN');
        for (const line of answer.lines) ctx.log(`  ${line}`, 'WARN');
        return answer.lines.map((line) => `Container ${container} wrote: ${line}`);
      }
      if (answer.kind === 'denied') {
        denied = true;
        sayOnce(`The containers' own log cannot be read, and is not needed. ${answer.hint}`);
      } else if (answer.kind === 'unreadable') {
        sayOnce(`The log of container ${container} cannot be read: ${answer.why}`);
      }
      return [];
    },
  };
}

/** The task definition may be what must not be read: the wait goes on without the log. */
function unknownPlace(error: unknown): Place {
  if (error instanceof OutriderError)
    return { kind: 'elsewhere', why: `Where the containers log to cannot be found out: ${error.message}` };
  throw error;
}

type Place =
  | { readonly kind: 'awslogs'; readonly container: string; readonly group: string; readonly stream: string }
  | { readonly kind: 'elsewhere'; readonly why: string };

/** Where the container that failed writes to. */
async function placeOf(ctx: Pick<Watching, 'aws'>, task: EcsTask): Promise<Place> {
  const definitions = await definitionsOf(ctx, task);
  const container = failedOf(task, definitions);
  const definition = definitions.find((one) => one['name'] === container?.name);
  if (container === undefined || definition === undefined) {
    return {
      kind: 'elsewhere',
      why: 'The task definition of the tasks that stopped cannot be read: neither can their log',
    };
  }
  const { name } = container;
  const configuration = definition['logConfiguration'];
  if (!isJsonObject(configuration)) {
    const why = `Container ${name} has no log configuration: what it writes stays on its host. With the log driver awslogs it would stand here`;
    return { kind: 'elsewhere', why };
  }
  const driver = textOf(configuration['logDriver']);
  if (driver !== 'awslogs') {
    return { kind: 'elsewhere', why: `Container ${name} logs to ${driver}: see there what it wrote` };
  }
  const options = isJsonObject(configuration['options']) ? configuration['options'] : {};
  const group = textOf(options['awslogs-group']);
  const region = textOf(options['awslogs-region']) || ctx.aws.logs.region;
  if (region !== ctx.aws.logs.region) {
    return { kind: 'elsewhere', why: `Container ${name} logs to group ${group} in ${region}: see there what it wrote` };
  }
  const prefix = textOf(options['awslogs-stream-prefix']);
  const stream = prefix === '' ? (container.runtimeId ?? '') : `${prefix}/${name}/${idOf(task)}`;
  return { kind: 'awslogs', container: name, group, stream };
}

async function definitionsOf(ctx: Pick<Watching, 'aws'>, task: EcsTask): Promise<readonly JsonObject[]> {
  const definition = await ctx.aws.ecs.describeTaskDefinition(task.taskDefinitionArn);
  const containers = definition?.raw['containerDefinitions'];
  return isJsonArray(containers) ? containers.filter(isJsonObject) : [];
}

/** The container that says that it failed; else the first essential one. */
function failedOf(task: EcsTask, definitions: readonly JsonObject[]): EcsContainer | undefined {
  const failed = task.containers.find(
    ({ exitCode, healthStatus }) => (exitCode ?? 0) !== 0 || healthStatus === 'UNHEALTHY',
  );
  const essential = definitions.find((definition) => definition['essential'] !== false)?.['name'];
  return failed ?? task.containers.find(({ name }) => name === essential) ?? task.containers[0];
}

function idOf(task: EcsTask): string {
  return task.arn.slice(task.arn.lastIndexOf('/') + 1);
}
