import type * as EcsSdk from '@aws-sdk/client-ecs';
import type {
  CreateServiceCommandInput,
  RegisterTaskDefinitionCommandInput,
  RunTaskCommandInput,
  UpdateServiceCommandInput,
} from '@aws-sdk/client-ecs';
import { OutriderError } from '@outrider/shared/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '@outrider/shared/json.ts';
import { listOf, textOf } from '../json.ts';
import type { AccountClients } from './clients.ts';
import { serviceOf, taskDefinitionOf, taskOf } from './ecs-shapes.ts';
import { isAbsent, isNotActive, isNotIdempotent } from './errors.ts';
import type { Ecs } from './ports.ts';
import { requestOf } from './request-shape.ts';
import type { Calls } from './retry.ts';
import { ecsSdk } from './sdk.ts';

export type EcsMutations = Pick<
  Ecs,
  | 'registerTaskDefinition'
  | 'createService'
  | 'updateService'
  | 'deleteService'
  | 'runTask'
  | 'stopTask'
  | 'tagService'
  | 'untagService'
>;
type Reads = Pick<Ecs, 'describeService'>;

/** The calls that change ECS. Each goes out once; what ended unclearly is looked at before it goes out again. */
export function createEcsMutations(clients: AccountClients, calls: Calls, reads: Reads): EcsMutations {
  const load: Load = async () => ({ sdk: await ecsSdk(), client: await clients.ecs('mutation') });
  return {
    registerTaskDefinition: registerTaskDefinition(load, calls),
    createService: createService(load, calls, reads),
    updateService: updateService(load, calls),
    deleteService: deleteService(load, calls),
    runTask: runTask(load, calls),
    stopTask: stopTask(load, calls),
    ...tagging(load, calls),
  };
}

type Load = () => Promise<{
  readonly sdk: typeof EcsSdk;
  readonly client: Awaited<ReturnType<AccountClients['ecs']>>;
}>;

function registerTaskDefinition(load: Load, calls: Calls): EcsMutations['registerTaskDefinition'] {
  const operation = 'ECS RegisterTaskDefinition';
  return async (request, tags) => {
    const { sdk, client } = await load();
    const input = requestOf<RegisterTaskDefinitionCommandInput>(
      sdk.RegisterTaskDefinitionRequest$,
      { ...request, tags: tagList(tags, request['tags']) },
      operation,
    );
    const answer = await calls.mutate(operation, () => client.send(new sdk.RegisterTaskDefinitionCommand(input)), {
      repeatable: false,
    });
    const definition = taskDefinitionOf({ ...answer, tags: answer.tags ?? [] });
    if (definition === undefined) throw emptyAnswer(operation);
    return Object.keys(definition.tags).length > 0 ? definition : { ...definition, tags };
  };
}

function createService(load: Load, calls: Calls, reads: Reads): EcsMutations['createService'] {
  const operation = 'ECS CreateService';
  return async (cluster, request, clientToken, tags) => {
    const { sdk, client } = await load();
    const input = requestOf<CreateServiceCommandInput>(
      sdk.CreateServiceRequest$,
      { ...request, cluster, clientToken, tags: tagList(tags, request['tags']) },
      operation,
    );
    const own = async () => {
      const service = await reads.describeService(cluster, input.serviceName ?? '');
      return service?.status === 'ACTIVE' && carries(service.tags, tags) ? service : undefined;
    };
    const send = async () => serviceOf((await client.send(new sdk.CreateServiceCommand(input))).service ?? {});
    try {
      const made = await calls.mutate(operation, send, { repeatable: true, look: own });
      return Object.keys(made.tags).length > 0 ? made : { ...made, tags };
    } catch (error) {
      // The answer of an earlier call was lost and AWS no longer takes the replay for one: what is there is ours.
      const made = isNotIdempotent(error) ? await own() : undefined;
      if (made !== undefined) return made;
      throw error;
    }
  };
}

function updateService(load: Load, calls: Calls): EcsMutations['updateService'] {
  const operation = 'ECS UpdateService';
  return async (cluster, service, change) => {
    const { sdk, client } = await load();
    const request = { ...change, cluster, service };
    const input = requestOf<UpdateServiceCommandInput>(sdk.UpdateServiceRequest$, request, operation);
    const answer = await calls.mutate(operation, () => client.send(new sdk.UpdateServiceCommand(input)), {
      // A forced deployment is the one update that a second call would repeat.
      repeatable: change['forceNewDeployment'] !== true,
    });
    return serviceOf(answer.service ?? {});
  };
}

function deleteService(load: Load, calls: Calls): EcsMutations['deleteService'] {
  return async (cluster, service, options) => {
    const { sdk, client } = await load();
    const send = () => client.send(new sdk.DeleteServiceCommand({ cluster, service, force: options.force }));
    try {
      await calls.mutate('ECS DeleteService', send, { repeatable: true });
    } catch (error) {
      if (isAbsent(error) || isNotActive(error)) return;
      throw error;
    }
  };
}

function runTask(load: Load, calls: Calls): EcsMutations['runTask'] {
  const operation = 'ECS RunTask';
  return async (cluster, request, clientToken, tags) => {
    const { sdk, client } = await load();
    const input = requestOf<RunTaskCommandInput>(
      sdk.RunTaskRequest$,
      { ...request, cluster, clientToken, tags: tagList(tags, undefined) },
      operation,
    );
    // The token makes the second call the first one's.
    const answer = await calls.mutate(operation, () => client.send(new sdk.RunTaskCommand(input)), {
      repeatable: true,
    });
    return {
      tasks: (answer.tasks ?? []).map(taskOf),
      failures: (answer.failures ?? []).map(({ arn = '', reason = '', detail = '' }) => ({ arn, reason, detail })),
    };
  };
}

function stopTask(load: Load, calls: Calls): EcsMutations['stopTask'] {
  return async (cluster, task, reason) => {
    const { sdk, client } = await load();
    const input = { cluster, task, reason: reason.slice(0, STOP_REASON_LENGTH) };
    try {
      const answer = await calls.mutate('ECS StopTask', () => client.send(new sdk.StopTaskCommand(input)), {
        repeatable: true,
        evenWhenStopping: true,
      });
      return answer.task?.lastStatus !== 'STOPPED';
    } catch (error) {
      if (error instanceof OutriderError && /referenced task was not found/i.test(error.message)) return false;
      throw error;
    }
  };
}

/** AWS takes no longer reason. */
const STOP_REASON_LENGTH = 255;

function tagging(load: Load, calls: Calls): Pick<EcsMutations, 'tagService' | 'untagService'> {
  return {
    async tagService(resourceArn, tags) {
      const { sdk, client } = await load();
      const list = Object.entries(tags).map(([key, value]) => ({ key, value }));
      const send = () => client.send(new sdk.TagResourceCommand({ resourceArn, tags: list }));
      await calls.mutate('ECS TagResource', send, { repeatable: true });
    },
    async untagService(resourceArn, keys) {
      const { sdk, client } = await load();
      const send = () => client.send(new sdk.UntagResourceCommand({ resourceArn, tagKeys: [...keys] }));
      await calls.mutate('ECS UntagResource', send, { repeatable: true });
    },
  };
}

/** Our tags and those of the author; where both name a key, ours holds. */
function tagList(ours: Readonly<Record<string, string>>, authors: Json | undefined): JsonObject[] {
  const given = listOf(authors)
    .filter(isJsonObject)
    .map((tag) => [textOf(tag['key']), textOf(tag['value'])] as const);
  const all = { ...Object.fromEntries(given), ...ours };
  return Object.entries(all).map(([key, value]) => ({ key, value }));
}

function carries(tags: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => tags[key] === value);
}

function emptyAnswer(operation: string): OutriderError {
  return new OutriderError('aws-unavailable', `${operation}: AWS gave an empty answer`, {
    data: { operation, awsClass: 'unclear' },
  });
}
