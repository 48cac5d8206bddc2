import type { JsonObject } from '@outrider/shared/json.ts';
import { setupOutput } from '@outrider/shared/steps/ecs-service-setup.ts';
import type { FinalService, FinalWorld, HistoryRecord, StoredExecution } from '../plant/record.ts';
import { isOutOfHand } from './mutations.ts';
import { type Finding, groupBy, type Invariant } from './violation.ts';

export const WORLD_AGREES: Invariant = {
  id: 'H11',
  says:
    'AWS is in the end what the execution came to: after a success the new version has all its instances and the old ones none; after a ' +
    'rollback the services that were there are as they were, their auto scaling too, and new versions have no instances; nothing is there ' +
    'twice, and no rollback shrinks the new version before the old one is back. Left out are executions from which a restore took events, and services that were changed last by what was on the wire when its ' +
    'process died.',
  check: (record) => [
    ...thereTwice(record),
    ...shrunkTooEarly(record),
    ...judged(record).flatMap((execution) => disagreements(record, execution)),
  ],
};

const EXECUTION_TAG = 'outrider:execution';
const STEP_TAG = 'outrider:step';
const TASK_DEFINITION_TAG = 'outrider:task-definition';
const FAMILY_TAG = 'outrider:family';
const CANARY = 'Canary';

/** Each step makes one service of a name and one revision of a task definition. */
function thereTwice({ world, rolledBack, mutations }: HistoryRecord): Finding[] {
  // A restore may take back that a step made something, and what is on the wire cannot be seen by who looks.
  if (rolledBack.length > 0 || mutations.some(isOutOfHand)) return [];
  const ours = world.taskDefinitions.filter(({ tags }) => tags[TASK_DEFINITION_TAG] !== undefined);
  const revisions = groupBy(
    ours,
    ({ family, tags }) => `${family} for ${tags[EXECUTION_TAG] ?? ''}/${tags[STEP_TAG] ?? ''}`,
  );
  const made = world.services.filter(({ tags, status }) => tags[STEP_TAG] !== undefined && status === 'ACTIVE');
  const services = groupBy(made, ({ tags }) => `${tags[EXECUTION_TAG] ?? ''}/${tags[STEP_TAG] ?? ''}`);
  return [
    ...twice('revisions of', revisions, ({ arn }) => arn),
    ...twice('services made by', services, ({ name }) => name),
  ];
}

function twice<T>(what: string, groups: ReadonlyMap<string, readonly T[]>, name: (item: T) => string): Finding[] {
  return [...groups].flatMap(([key, items]) =>
    items.length < 2 ? [] : [{ detail: `${items.length} ${what} ${key}: ${items.map(name).join(', ')}`, about: [key] }],
  );
}

/** Weights and capacity come back first: in a rollback nothing shrinks before what was there before has grown. */
function shrunkTooEarly({ mutations, worldBefore }: HistoryRecord): Finding[] {
  const resizes = mutations.filter(
    ({ action, changed, taskId, logical }) =>
      action === 'UpdateService' && changed && /\/r\d+\.\d+\/\d+$/.test(taskId) && logical.includes('desiredCount'),
  );
  return [...groupBy(resizes, ({ taskId, epoch }) => `${taskId} ${epoch}`).values()].flatMap((entries) => {
    const wasThere = (resource: string) => activeService(worldBefore, resource) !== undefined;
    const lastGrowth = entries.findLastIndex(({ resource }) => wasThere(resource));
    const early = entries.slice(0, Math.max(0, lastGrowth)).find(({ resource }) => !wasThere(resource));
    if (early === undefined) return [];
    const detail = `${early.resource} shrank for ${early.taskId} before the old version was back`;
    return [{ detail, about: [early.taskId, early.resource], atMs: early.atMs }];
  });
}

function judged(record: HistoryRecord): readonly StoredExecution[] {
  const takenBack = new Set(record.rolledBack.flatMap(({ executions }) => executions.map((each) => each.executionId)));
  return record.store.executions.filter(({ id, events }) => {
    const ended = events.at(-1)?.event.type === 'execution-finished';
    return ended && !takenBack.has(id);
  });
}

function disagreements(record: HistoryRecord, execution: StoredExecution): Finding[] {
  const end = execution.events.at(-1)?.event;
  if (end?.type !== 'execution-finished') return [];
  const left = resourcesLeftAlone(record, execution.id);
  const wrong: string[] = [];
  if (end.status === 'succeeded') wrong.push(...wrongAfterSuccess(record.world, execution));
  else if (end.rollback === 'succeeded') {
    for (const resource of changedBy(record, execution.id)) {
      if (left.has(resource)) continue;
      wrong.push(...wrongAfterRollback(record, resource), ...wrongScaling(record, resource));
    }
  }
  const how = `${end.status}, rollback ${end.rollback}`;
  return wrong.map((detail) => ({ detail: `${execution.id} (${how}): ${detail}`, about: [execution.id] }));
}

function changedBy({ mutations }: HistoryRecord, executionId: string): Set<string> {
  const own = mutations.filter(({ taskId, changed }) => changed && taskId.startsWith(`${executionId}/`));
  return new Set(own.map(({ resource }) => resource).filter((resource) => resource.startsWith('service/')));
}

/** Resources whose last change came out of anybody's hand. */
function resourcesLeftAlone({ mutations }: HistoryRecord, executionId: string): Set<string> {
  const left = new Set<string>();
  for (const mutation of mutations) {
    if (!mutation.changed || !mutation.taskId.startsWith(`${executionId}/`)) continue;
    if (isOutOfHand(mutation)) left.add(mutation.resource);
  }
  return left;
}

function wrongAfterSuccess(world: FinalWorld, { events }: StoredExecution): string[] {
  const wrong: string[] = [];
  for (const { event } of events) {
    if (event.type !== 'step-succeeded') continue;
    const setup = setupOutput.safeParse(event.output);
    if (setup.success) {
      const { clusterName, serviceName, family, total, taskDefinitionArn } = setup.data;
      wrong.push(
        ...wrongService(world, clusterName, serviceName, { desired: total, taskDefinition: taskDefinitionArn }),
      );
      const others = world.services.filter((other) => isOlder(other, { clusterName, family, serviceName }));
      wrong.push(...others.map(({ name, desired }) => `the old version ${name} still has ${desired} instances`));
    } else wrong.push(...wrongInPlace(world, event.output));
  }
  return wrong;
}

function isOlder(
  service: FinalService,
  of: { readonly clusterName: string; readonly family: string; readonly serviceName: string },
): boolean {
  const { cluster, name, status, desired, tags } = service;
  return (
    cluster === of.clusterName &&
    tags[FAMILY_TAG] === of.family &&
    name !== of.serviceName &&
    status === 'ACTIVE' &&
    desired > 0
  );
}

/** A service that was updated where it stands, or a daemon; its canary must be gone. */
function wrongInPlace(world: FinalWorld, output: JsonObject): string[] {
  const { clusterName, serviceName, taskDefinitionArn, desired, canaryServiceName } = output;
  if (typeof canaryServiceName === 'string' && canaryServiceName.endsWith(CANARY)) {
    const canary = world.services.find(({ name, status }) => name === canaryServiceName && status === 'ACTIVE');
    return canary === undefined ? [] : [`the canary ${canaryServiceName} is still there`];
  }
  if (typeof clusterName !== 'string' || typeof serviceName !== 'string') return [];
  if (typeof taskDefinitionArn !== 'string') return [];
  const wanted = typeof desired === 'number' ? { desired } : {};
  return wrongService(world, clusterName, serviceName, { ...wanted, taskDefinition: taskDefinitionArn });
}

function wrongService(
  world: FinalWorld,
  cluster: string,
  name: string,
  wanted: { readonly desired?: number; readonly taskDefinition: string },
): string[] {
  const service = world.services.find(
    (each) => each.cluster === cluster && each.name === name && each.status === 'ACTIVE',
  );
  if (service === undefined) return [`${name} is not there`];
  const wrong: string[] = [];
  if (wanted.desired !== undefined && service.desired !== wanted.desired) {
    wrong.push(`${name} has ${service.desired} instances, not ${wanted.desired}`);
  }
  if (service.taskDefinition !== wanted.taskDefinition) wrong.push(`${name} runs ${service.taskDefinition}`);
  return wrong;
}

function wrongAfterRollback({ world, worldBefore }: HistoryRecord, resource: string): string[] {
  const before = activeService(worldBefore, resource);
  const now = activeService(world, resource);
  if (before === undefined)
    return now === undefined || now.desired === 0 ? [] : [`${resource} has ${now.desired} instances`];
  if (now === undefined) return [`${resource} is gone`];
  const wrong: string[] = [];
  if (now.desired !== before.desired)
    wrong.push(`${resource} has ${now.desired} instances, not ${before.desired} as before`);
  if (now.taskDefinition !== before.taskDefinition)
    wrong.push(`${resource} runs ${now.taskDefinition}, not what it ran before`);
  return wrong;
}

function activeService({ services }: FinalWorld, resource: string): FinalService | undefined {
  return services.find(({ cluster, name, status }) => `service/${cluster}/${name}` === resource && status === 'ACTIVE');
}

function wrongScaling({ world, worldBefore }: HistoryRecord, resource: string): string[] {
  const before = scalingOf(worldBefore, resource);
  const now = scalingOf(world, resource);
  return before === now ? [] : [`the auto scaling of ${resource} is ${now}, before it was ${before}`];
}

function scalingOf({ scaling }: FinalWorld, resource: string): string {
  const found = scaling.find(({ resourceId }) => resourceId === resource);
  if (found === undefined) return 'none';
  const { minimum, maximum, suspended, policies } = found;
  return `${minimum}–${maximum}${suspended ? ' suspended' : ''} by ${policies.join(', ')}`;
}
