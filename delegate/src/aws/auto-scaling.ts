import type {
  PutScalingPolicyCommandInput,
  PutScheduledActionCommandInput,
  RegisterScalableTargetCommandInput,
} from '@aws-sdk/client-application-auto-scaling';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import { textOf } from '../json.ts';
import type { AccountClients } from './clients.ts';
import { isAbsent } from './errors.ts';
import type { AutoScaling, ServiceAutoScaling } from './ports.ts';
import { requestOf } from './request-shape.ts';
import type { Calls } from './retry.ts';
import { autoScalingSdk } from './sdk.ts';
import { toJsonObject } from './to-json.ts';

const DIMENSION = 'ecs:service:DesiredCount';
const NAMESPACE = 'ecs';
const RESOURCE_IDS_MAX = 50;
const MAX_PAGES = 100;

/** Application Auto Scaling over the SDK, for the desired counts of ECS services. */
export function createAutoScaling(clients: AccountClients, calls: Calls): AutoScaling {
  return { describe: createDescribe(clients, calls), ...createMutations(clients, calls) };
}

export function resourceIdOf(cluster: string, service: string): string {
  return `service/${cluster.slice(cluster.lastIndexOf('/') + 1)}/${service}`;
}

function createDescribe(clients: AccountClients, calls: Calls): AutoScaling['describe'] {
  return async (cluster, services) => {
    const found: ServiceAutoScaling[] = [];
    for (let start = 0; start < services.length; start += RESOURCE_IDS_MAX) {
      const batch = services.slice(start, start + RESOURCE_IDS_MAX);
      const ids = new Map(batch.map((service) => [resourceIdOf(cluster, service), service]));
      for (const target of await scalableTargets(clients, calls, [...ids.keys()])) {
        const resourceId = textOf(target['ResourceId']);
        const service = ids.get(resourceId);
        if (service === undefined) continue;
        found.push({
          service,
          resourceId,
          scalableTarget: target,
          scalingPolicies: await scalingPolicies(clients, calls, resourceId),
          scheduledActions: await scheduledActions(clients, calls, resourceId),
        });
      }
    }
    return found;
  };
}

async function scalableTargets(clients: AccountClients, calls: Calls, ids: string[]): Promise<JsonObject[]> {
  const sdk = await autoScalingSdk();
  const client = await clients.autoScaling('read');
  return await pages(async (token) => {
    const answer = await calls.read('AutoScaling DescribeScalableTargets', (options) =>
      client.send(
        new sdk.DescribeScalableTargetsCommand({
          ServiceNamespace: NAMESPACE,
          ScalableDimension: DIMENSION,
          ResourceIds: ids,
          ...token,
        }),
        options,
      ),
    );
    return { items: answer.ScalableTargets ?? [], next: answer.NextToken };
  });
}

async function scalingPolicies(clients: AccountClients, calls: Calls, resourceId: string): Promise<JsonObject[]> {
  const sdk = await autoScalingSdk();
  const client = await clients.autoScaling('read');
  return await pages(async (token) => {
    const answer = await calls.read('AutoScaling DescribeScalingPolicies', (options) =>
      client.send(new sdk.DescribeScalingPoliciesCommand({ ...scope(resourceId), ...token }), options),
    );
    return { items: answer.ScalingPolicies ?? [], next: answer.NextToken };
  });
}

async function scheduledActions(clients: AccountClients, calls: Calls, resourceId: string): Promise<JsonObject[]> {
  const sdk = await autoScalingSdk();
  const client = await clients.autoScaling('read');
  return await pages(async (token) => {
    const answer = await calls.read('AutoScaling DescribeScheduledActions', (options) =>
      client.send(new sdk.DescribeScheduledActionsCommand({ ...scope(resourceId), ...token }), options),
    );
    return { items: answer.ScheduledActions ?? [], next: answer.NextToken };
  });
}

function createMutations(clients: AccountClients, calls: Calls): Omit<AutoScaling, 'describe'> {
  const load = async () => ({
    sdk: await autoScalingSdk(),
    client: await clients.autoScaling('mutation'),
  });
  const repeatable = { repeatable: true } as const;
  /** Right after a target was registered AWS may not know it yet. */
  const afterRegister = { repeatable: true, absentPasses: true } as const;
  return {
    async registerScalableTarget(cluster, service, target) {
      const { sdk, client } = await load();
      const operation = 'AutoScaling RegisterScalableTarget';
      const request = { ...target, ...scope(resourceIdOf(cluster, service)) };
      const input = requestOf<RegisterScalableTargetCommandInput>(
        sdk.RegisterScalableTargetRequest$,
        request,
        operation,
      );
      await calls.mutate(operation, () => client.send(new sdk.RegisterScalableTargetCommand(input)), repeatable);
    },

    async deregisterScalableTarget(cluster, service) {
      const { sdk, client } = await load();
      const input = scope(resourceIdOf(cluster, service));
      await absentIsDone(
        calls.mutate(
          'AutoScaling DeregisterScalableTarget',
          () => client.send(new sdk.DeregisterScalableTargetCommand(input)),
          repeatable,
        ),
      );
    },

    async putScalingPolicy(cluster, service, policy) {
      const { sdk, client } = await load();
      const operation = 'AutoScaling PutScalingPolicy';
      const request = { ...policy, ...scope(resourceIdOf(cluster, service)) };
      const input = requestOf<PutScalingPolicyCommandInput>(sdk.PutScalingPolicyRequest$, request, operation);
      await calls.mutate(operation, () => client.send(new sdk.PutScalingPolicyCommand(input)), afterRegister);
    },

    async deleteScalingPolicy(cluster, service, policyName) {
      const { sdk, client } = await load();
      const input = { ...scope(resourceIdOf(cluster, service)), PolicyName: policyName };
      await absentIsDone(
        calls.mutate(
          'AutoScaling DeleteScalingPolicy',
          () => client.send(new sdk.DeleteScalingPolicyCommand(input)),
          repeatable,
        ),
      );
    },

    async putScheduledAction(cluster, service, action) {
      const { sdk, client } = await load();
      const operation = 'AutoScaling PutScheduledAction';
      const { StartTime, EndTime, ...rest } = action;
      const request = { ...rest, ...scope(resourceIdOf(cluster, service)) };
      const input = requestOf<PutScheduledActionCommandInput>(sdk.PutScheduledActionRequest$, request, operation);
      const dated = { ...input, ...dateMember('StartTime', StartTime), ...dateMember('EndTime', EndTime) };
      await calls.mutate(operation, () => client.send(new sdk.PutScheduledActionCommand(dated)), afterRegister);
    },
  };
}

function scope(ResourceId: string) {
  return { ServiceNamespace: NAMESPACE, ResourceId, ScalableDimension: DIMENSION } as const;
}

/** The SDK wants dates as Date; a snapshot carries them as ISO text. */
function dateMember(name: 'StartTime' | 'EndTime', value: unknown): { StartTime?: Date; EndTime?: Date } {
  return typeof value === 'string' ? { [name]: new Date(value) } : {};
}

async function absentIsDone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

async function pages(
  page: (token: { NextToken?: string }) => Promise<{ items: readonly object[]; next: string | undefined }>,
): Promise<JsonObject[]> {
  const all: JsonObject[] = [];
  let token: { NextToken?: string } = {};
  for (let count = 0; count < MAX_PAGES; count++) {
    const answer = await page(token);
    all.push(...answer.items.map(toJsonObject));
    if (answer.next === undefined || answer.next === '') return all;
    token = { NextToken: answer.next };
  }
  throw new OutriderError('aws-rejected', `AWS gave more than ${MAX_PAGES} pages of a list`);
}
