import type {
  ContainerDefinition,
  DeregisterTaskDefinitionRequest,
  DescribeTaskDefinitionRequest,
  ListTaskDefinitionFamiliesRequest,
  ListTaskDefinitionsRequest,
  RegisterTaskDefinitionRequest,
  TaskDefinition,
} from '@aws-sdk/client-ecs';
import { clientException, invalidParameter } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import type { TaskDefinitionState } from '../world/state.ts';
import { compact, type Wire } from '../world/wire-types.ts';
import type { World } from '../world/world.ts';
import { checkTags, findTaskDefinition, page } from './arguments.ts';
import { checkTaskDefinition, sizeOf, suitsFargate } from './check-task-definition.ts';

const MODIFY = { mutates: true, quota: 'ecs task definition modify' } as const;
const READ = { mutates: false, quota: 'ecs task definition read' } as const;

export const taskDefinitionOperations = [
  defineOperation(
    'RegisterTaskDefinition',
    MODIFY,
    ({ world, accessKeyId }, input: Wire<RegisterTaskDefinitionRequest>) => {
      checkTaskDefinition(input);
      checkTags(input.tags);
      const registered = register(world, input, accessKeyId);
      return { taskDefinition: registered.definition, tags: registered.tags };
    },
  ),
  defineOperation('DeregisterTaskDefinition', MODIFY, ({ world }, input: Wire<DeregisterTaskDefinitionRequest>) => {
    if (!/:\d+$/.test(input.taskDefinition))
      throw clientException('The specified task definition must include a revision.');
    const found = findTaskDefinition(world.state, input.taskDefinition);
    if (found === undefined) throw clientException('The specified task definition does not exist.');
    found.definition.status = 'INACTIVE';
    found.definition.deregisteredAt ??= world.now;
    return { taskDefinition: found.definition };
  }),
  defineOperation('DescribeTaskDefinition', READ, ({ world }, input: Wire<DescribeTaskDefinitionRequest>) => {
    const found = findTaskDefinition(world.state, input.taskDefinition);
    if (found === undefined) throw clientException('Unable to describe task definition.');
    return { taskDefinition: found.definition, tags: input.include?.includes('TAGS') === true ? found.tags : [] };
  }),
  defineOperation('ListTaskDefinitions', READ, ({ world }, input: Wire<ListTaskDefinitionsRequest>) => {
    const status = input.status ?? 'ACTIVE';
    const arns = Object.values(world.state.taskDefinitions)
      .map(({ definition }) => definition)
      .filter((one) => one.status === status && (input.familyPrefix === undefined || one.family === input.familyPrefix))
      .toSorted(byFamilyAndRevision)
      .map((one) => one.taskDefinitionArn ?? '');
    if (input.sort === 'DESC') arns.reverse();
    const { items, ...rest } = page(arns, input, { usual: 100, most: 100 });
    return { taskDefinitionArns: items, ...rest };
  }),
  defineOperation('ListTaskDefinitionFamilies', READ, ({ world }, input: Wire<ListTaskDefinitionFamiliesRequest>) => {
    const families = new Map<string, boolean>();
    for (const { definition } of Object.values(world.state.taskDefinitions)) {
      const family = definition.family ?? '';
      families.set(family, families.get(family) === true || definition.status === 'ACTIVE');
    }
    const status = input.status ?? 'ALL';
    if (!['ACTIVE', 'INACTIVE', 'ALL'].includes(status)) throw invalidParameter('Invalid status.');
    const names = [...families]
      .filter(([name]) => name.startsWith(input.familyPrefix ?? ''))
      .filter(([, active]) => status === 'ALL' || active === (status === 'ACTIVE'))
      .map(([name]) => name)
      .toSorted();
    const { items, ...rest } = page(names, input, { usual: 100, most: 100 });
    return { families: items, ...rest };
  }),
];

function register(world: World, input: Wire<RegisterTaskDefinitionRequest>, accessKeyId: string): TaskDefinitionState {
  const { state } = world;
  const revision = (state.families[input.family] ?? 0) + 1;
  state.families[input.family] = revision;
  const { tags, ...asked } = input;
  const arn = world.arn('ecs', `task-definition/${input.family}:${revision}`);
  const definition = compact<Wire<TaskDefinition>>({
    ...asked,
    taskDefinitionArn: arn,
    containerDefinitions: input.containerDefinitions.map((container) => withDefaults(container, input.networkMode)),
    revision,
    cpu: sizeOf(input.cpu, 'cpu')?.toString(),
    memory: sizeOf(input.memory, 'memory')?.toString(),
    volumes: input.volumes ?? [],
    status: 'ACTIVE',
    placementConstraints: input.placementConstraints ?? [],
    compatibilities: suitsFargate(input) ? ['EC2', 'FARGATE'] : ['EC2', 'EXTERNAL'],
    registeredAt: world.now,
    registeredBy: state.sessions[accessKeyId] ?? `arn:aws:iam::${state.accountId}:user/simulator`,
  });
  const registered: TaskDefinitionState = { definition, tags: tags ?? [] };
  state.taskDefinitions[arn] = registered;
  return registered;
}

function withDefaults(
  container: Wire<ContainerDefinition>,
  networkMode: string | undefined,
): Wire<ContainerDefinition> {
  return {
    cpu: 0,
    environment: [],
    essential: true,
    mountPoints: [],
    volumesFrom: [],
    systemControls: [],
    ...container,
    portMappings: (container.portMappings ?? []).map((mapping) => ({
      protocol: 'tcp',
      ...mapping,
      hostPort:
        mapping.hostPort ?? (networkMode === 'awsvpc' || networkMode === 'host' ? (mapping.containerPort ?? 0) : 0),
    })),
  };
}

function byFamilyAndRevision(one: Wire<TaskDefinition>, other: Wire<TaskDefinition>): number {
  if (one.family !== other.family) return (one.family ?? '') < (other.family ?? '') ? -1 : 1;
  return (one.revision ?? 0) - (other.revision ?? 0);
}
