import type * as EcsSdk from '@aws-sdk/client-ecs';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { AccountClients } from './clients.ts';
import { createEcsMutations } from './ecs-mutations.ts';
import { serviceOf, taskDefinitionOf, taskOf } from './ecs-shapes.ts';
import { isAbsent } from './errors.ts';
import type { ContainerInstance, Ecs, EcsService, EcsTask, TaskDefinition } from './ports.ts';
import type { Calls } from './retry.ts';
import { ecsSdk } from './sdk.ts';

const DESCRIBE_SERVICES_MAX = 10;
const DESCRIBE_TASKS_MAX = 100;
/** Pages of any list; more is a defect of AWS or of us, and would never end. */
const MAX_PAGES = 1_000;

/** ECS over the SDK. */
export function createEcs(clients: AccountClients, calls: Calls): Ecs {
  const reading: Reading = {
    calls,
    load: async () => ({ sdk: await ecsSdk(), client: await clients.ecs('read') }),
  };
  const services = serviceReads(reading);
  return {
    ...services,
    ...taskReads(reading),
    ...definitionReads(reading),
    ...createEcsMutations(clients, calls, services),
  };
}

interface Reading {
  readonly calls: Calls;
  readonly load: () => Promise<{
    readonly sdk: typeof EcsSdk;
    readonly client: Awaited<ReturnType<AccountClients['ecs']>>;
  }>;
}

function serviceReads({ load, calls }: Reading): Pick<Ecs, 'describeServices' | 'describeService' | 'listServices'> {
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
  return {
    describeServices,
    describeService: async (cluster, service) => (await describeServices(cluster, [service]))[0],
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
  };
}

function taskReads({
  load,
  calls,
}: Reading): Pick<
  Ecs,
  'listTasks' | 'listFamilyTasks' | 'describeTasks' | 'describeContainerInstances' | 'listContainerInstances'
> {
  const list = async (filter: { cluster: string; desiredStatus: 'RUNNING' | 'STOPPED' } & Record<string, string>) => {
    const { sdk, client } = await load();
    return await pages(async (nextToken) => {
      const input = { ...filter, maxResults: 100, ...token(nextToken) };
      const answer = await calls.read('ECS ListTasks', (options) =>
        client.send(new sdk.ListTasksCommand(input), options),
      );
      return { items: answer.taskArns ?? [], nextToken: answer.nextToken };
    });
  };
  return {
    listFamilyTasks: async (cluster, family, desiredStatus) => await list({ cluster, family, desiredStatus }),

    async listTasks(cluster, serviceName, desiredStatus) {
      try {
        return await list({ cluster, serviceName, desiredStatus });
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

    async describeContainerInstances(cluster, containerInstances) {
      const { sdk, client } = await load();
      const found = new Map<string, ContainerInstance>();
      for (const batch of batches([...new Set(containerInstances)], DESCRIBE_TASKS_MAX)) {
        const answer = await calls.read('ECS DescribeContainerInstances', (options) =>
          client.send(new sdk.DescribeContainerInstancesCommand({ cluster, containerInstances: batch }), options),
        );
        for (const instance of answer.containerInstances ?? []) {
          const { containerInstanceArn, ec2InstanceId, registeredResources } = instance;
          if (containerInstanceArn === undefined || ec2InstanceId === undefined) continue;
          const resource = (name: string) => registeredResources?.find((one) => one.name === name)?.integerValue;
          found.set(containerInstanceArn, { ec2InstanceId, cpu: resource('CPU'), memoryMiB: resource('MEMORY') });
        }
      }
      return found;
    },

    async listContainerInstances(cluster) {
      const { sdk, client } = await load();
      return await pages(async (nextToken) => {
        const input = { cluster, status: 'ACTIVE', maxResults: 100, ...token(nextToken) } as const;
        const answer = await calls.read('ECS ListContainerInstances', (options) =>
          client.send(new sdk.ListContainerInstancesCommand(input), options),
        );
        return { items: answer.containerInstanceArns ?? [], nextToken: answer.nextToken };
      });
    },
  };
}

function definitionReads({ load, calls }: Reading): Pick<Ecs, 'describeTaskDefinition' | 'findTaskDefinitions'> {
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
    describeTaskDefinition,
    async findTaskDefinitions(family, tag, limit) {
      const { sdk, client } = await load();
      const input = { familyPrefix: family, sort: 'DESC', maxResults: limit } as const;
      const answer = await calls.read('ECS ListTaskDefinitions', (options) =>
        client.send(new sdk.ListTaskDefinitionsCommand(input), options),
      );
      const found: TaskDefinition[] = [];
      for (const arn of (answer.taskDefinitionArns ?? []).slice(0, limit)) {
        const definition = await describeTaskDefinition(arn);
        if (definition?.tags[tag.key] === tag.value) found.push(definition);
      }
      return found;
    },
  };
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
