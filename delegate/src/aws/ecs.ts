import type {
  CreateServiceCommandInput,
  RegisterTaskDefinitionCommandInput,
  Tag,
  UpdateServiceCommandInput,
} from '@aws-sdk/client-ecs';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import type { AccountClients } from './clients.ts';
import { serviceOf, tagsOf, taskDefinitionOf, taskOf } from './ecs-shapes.ts';
import { isAbsent, isNotActive, isNotIdempotent } from './errors.ts';
import type { Ecs, EcsService, EcsTask, TaskDefinition } from './ports.ts';
import { requestOf } from './request-shape.ts';
import type { Calls } from './retry.ts';

const DESCRIBE_SERVICES_MAX = 10;
const DESCRIBE_TASKS_MAX = 100;
/** Pages of any list; more is a defect of AWS or of us, and would never end. */
const MAX_PAGES = 1_000;

type EcsModule = typeof import('@aws-sdk/client-ecs');

/** ECS over the SDK. */
export function createEcs(clients: AccountClients, calls: Calls): Ecs {
  const reads = createReads(clients, calls);
  return { ...reads, ...createMutations(clients, calls, reads) };
}

type Reads = Omit<Ecs, keyof Mutations>;
type Mutations = Pick<Ecs, 'registerTaskDefinition' | 'createService' | 'updateService' | 'deleteService'>;

function createReads(clients: AccountClients, calls: Calls): Reads {
  const load = async () => ({ sdk: await sdk(), client: await clients.ecs('read') });

  const describeServices: Ecs['describeServices'] = async (cluster, services) => {
    const { sdk, client } = await load();
    const found: EcsService[] = [];
    for (const batch of batches([...new Set(services)], DESCRIBE_SERVICES_MAX)) {
      const answer = await calls.read('ECS DescribeServices', (options) =>
        client.send(new sdk.DescribeServicesCommand({ cluster, services: batch, include: ['TAGS'] }), options),
      );
      found.push(...(answer.services ?? []).map(serviceOf));
    }
    return found;
  };

  const describeTaskDefinition: Ecs['describeTaskDefinition'] = async (taskDefinition) => {
    const { sdk, client } = await load();
    try {
      const answer = await calls.read('ECS DescribeTaskDefinition', (options) =>
        client.send(new sdk.DescribeTaskDefinitionCommand({ taskDefinition, include: ['TAGS'] }), options),
      );
      return taskDefinitionOf(answer);
    } catch (error) {
      if (error instanceof OutriderError && /Unable to describe task definition/.test(error.message)) return undefined;
      throw error;
    }
  };

  return {
    describeServices,
    describeService: async (cluster, service) => (await describeServices(cluster, [service]))[0],
    describeTaskDefinition,

    async listServices(cluster) {
      const { sdk, client } = await load();
      const arns = await pages(async (nextToken) => {
        const answer = await calls.read('ECS ListServices', (options) =>
          client.send(new sdk.ListServicesCommand({ cluster, maxResults: 100, ...token(nextToken) }), options),
        );
        return { items: answer.serviceArns ?? [], nextToken: answer.nextToken };
      });
      return arns.map((arn) => arn.slice(arn.lastIndexOf('/') + 1));
    },

    async listTasks(cluster, service, desiredStatus) {
      const { sdk, client } = await load();
      try {
        return await pages(async (nextToken) => {
          const answer = await calls.read('ECS ListTasks', (options) =>
            client.send(
              new sdk.ListTasksCommand({
                cluster,
                serviceName: service,
                desiredStatus,
                maxResults: 100,
                ...token(nextToken),
              }),
              options,
            ),
          );
          return { items: answer.taskArns ?? [], nextToken: answer.nextToken };
        });
      } catch (error) {
        if (isAbsent(error)) return [];
        throw error;
      }
    },

    async describeTasks(cluster, tasks) {
      const { sdk, client } = await load();
      const found: EcsTask[] = [];
      for (const batch of batches(tasks, DESCRIBE_TASKS_MAX)) {
        const answer = await calls.read('ECS DescribeTasks', (options) =>
          client.send(new sdk.DescribeTasksCommand({ cluster, tasks: batch }), options),
        );
        found.push(...(answer.tasks ?? []).map(taskOf));
      }
      return found;
    },

    async findTaskDefinitions(family, tag, limit) {
      const { sdk, client } = await load();
      const answer = await calls.read('ECS ListTaskDefinitions', (options) =>
        client.send(
          new sdk.ListTaskDefinitionsCommand({ familyPrefix: family, sort: 'DESC', maxResults: limit }),
          options,
        ),
      );
      const found: TaskDefinition[] = [];
      for (const arn of (answer.taskDefinitionArns ?? []).slice(0, limit)) {
        const definition = await describeTaskDefinition(arn);
        if (definition?.tags[tag.key] === tag.value) found.push(definition);
      }
      return found;
    },

    async describeContainerInstances(cluster, containerInstances) {
      const { sdk, client } = await load();
      const found = new Map<string, { ec2InstanceId: string }>();
      for (const batch of batches([...new Set(containerInstances)], DESCRIBE_TASKS_MAX)) {
        const answer = await calls.read('ECS DescribeContainerInstances', (options) =>
          client.send(new sdk.DescribeContainerInstancesCommand({ cluster, containerInstances: batch }), options),
        );
        for (const instance of answer.containerInstances ?? []) {
          const { containerInstanceArn, ec2InstanceId } = instance;
          if (containerInstanceArn !== undefined && ec2InstanceId !== undefined) {
            found.set(containerInstanceArn, { ec2InstanceId });
          }
        }
      }
      return found;
    },
  };
}

function createMutations(clients: AccountClients, calls: Calls, reads: Reads): Mutations {
  const load = async () => ({ sdk: await sdk(), client: await clients.ecs('mutation') });
  return {
    async registerTaskDefinition(request, tags) {
      const { sdk, client } = await load();
      const input = requestOf<RegisterTaskDefinitionCommandInput>(
        sdk.RegisterTaskDefinitionRequest$,
        { ...request, tags: tagList(tags, request['tags']) },
        'ECS RegisterTaskDefinition',
      );
      const answer = await calls.mutate(
        'ECS RegisterTaskDefinition',
        () => client.send(new sdk.RegisterTaskDefinitionCommand(input)),
        { repeatable: false },
      );
      const definition = taskDefinitionOf({ ...answer, tags: answer.tags ?? [] });
      if (definition === undefined) throw emptyAnswer('ECS RegisterTaskDefinition');
      return Object.keys(definition.tags).length > 0 ? definition : { ...definition, tags };
    },

    async createService(cluster, request, clientToken, tags) {
      const { sdk, client } = await load();
      const input = requestOf<CreateServiceCommandInput>(
        sdk.CreateServiceRequest$,
        { ...request, cluster, clientToken, tags: tagList(tags, request['tags']) },
        'ECS CreateService',
      );
      const own = async () => {
        const service = await reads.describeService(cluster, input.serviceName ?? '');
        return service?.status === 'ACTIVE' && carries(service.tags, tags) ? service : undefined;
      };
      try {
        const answer = await calls.mutate(
          'ECS CreateService',
          async () => serviceOf((await client.send(new sdk.CreateServiceCommand(input))).service ?? {}),
          { repeatable: true, look: own },
        );
        return Object.keys(answer.tags).length > 0 ? answer : { ...answer, tags };
      } catch (error) {
        // The answer of an earlier call was lost and AWS no longer takes the replay for one: what is there is ours.
        const made = isNotIdempotent(error) ? await own() : undefined;
        if (made !== undefined) return made;
        throw error;
      }
    },

    async updateService(cluster, service, change) {
      const { sdk, client } = await load();
      const input = requestOf<UpdateServiceCommandInput>(
        sdk.UpdateServiceRequest$,
        { ...change, cluster, service },
        'ECS UpdateService',
      );
      // A forced deployment is the one update that a second call would repeat.
      const repeatable = change['forceNewDeployment'] !== true;
      const answer = await calls.mutate('ECS UpdateService', () => client.send(new sdk.UpdateServiceCommand(input)), {
        repeatable,
      });
      return serviceOf(answer.service ?? {});
    },

    async deleteService(cluster, service, options) {
      const { sdk, client } = await load();
      try {
        await calls.mutate(
          'ECS DeleteService',
          () => client.send(new sdk.DeleteServiceCommand({ cluster, service, force: options.force })),
          { repeatable: true },
        );
      } catch (error) {
        if (isAbsent(error) || isNotActive(error)) return;
        throw error;
      }
    },
  };
}

async function sdk(): Promise<EcsModule> {
  return await import('@aws-sdk/client-ecs');
}

function token(nextToken: string | undefined): { nextToken?: string } {
  return nextToken === undefined ? {} : { nextToken };
}

async function pages<T>(
  page: (nextToken: string | undefined) => Promise<{ items: readonly T[]; nextToken: string | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  let nextToken: string | undefined;
  for (let count = 0; count < MAX_PAGES; count++) {
    const answer = await page(nextToken);
    all.push(...answer.items);
    // A page may be short although more follow: only a missing token is the end.
    if (answer.nextToken === undefined || answer.nextToken === '') return all;
    nextToken = answer.nextToken;
  }
  throw new OutriderError('aws-rejected', `AWS gave more than ${MAX_PAGES} pages of a list`);
}

function batches<T>(items: readonly T[], size: number): T[][] {
  const result: T[][] = [];
  for (let start = 0; start < items.length; start += size) result.push(items.slice(start, start + size));
  return result;
}

/** Our tags and those of the author; where both name a key, ours holds. */
function tagList(ours: Readonly<Record<string, string>>, authors: unknown): JsonObject[] {
  const given: Tag[] = Array.isArray(authors) ? authors : [];
  const all = { ...tagsOf(given), ...ours };
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
