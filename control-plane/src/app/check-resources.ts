import type { Problem } from '@outrider/shared/errors.ts';
import type { Environment } from '@outrider/shared/model/environment.ts';
import type { Infrastructure } from '@outrider/shared/model/infrastructure.ts';
import type { Resource } from '@outrider/shared/model/resource.ts';
import type { Service } from '@outrider/shared/model/service.ts';
import type { Workflow } from '@outrider/shared/model/workflow.ts';
import { didYouMean, listed } from '@outrider/shared/nearest.ts';
import { type ApplicationResources, findResources } from '../domain/planning/find-resources.ts';
import { outlinePhases } from '../domain/planning/outline.ts';
import type { PlanProblem } from '../domain/planning/problems.ts';
import { checkStructure } from '../domain/planning/structure.ts';
import type { ResourceStore } from './ports.ts';
import type { GivenResource } from './resources-port.ts';
import { loadReferenced, refText } from './stored-resources.ts';

/** What is wrong with resources that are valid in themselves: with what they refer to, and with each other. */
export async function checkResources(
  store: ResourceStore,
  given: readonly GivenResource[],
): Promise<readonly PlanProblem[]> {
  const problems: PlanProblem[] = [];
  const seen = new Set<string>();
  for (const { resource, placeOf } of given) {
    const key = [resource.kind, resource.metadata.application, resource.metadata.name].join('\n');
    const found = await problemsOf(store, resource, given);
    if (seen.has(key)) found.unshift(givenTwice(resource));
    seen.add(key);
    problems.push(...found.map((problem) => placed(problem, placeOf)));
  }
  return problems;
}

async function problemsOf(
  store: ResourceStore,
  resource: Resource,
  given: readonly GivenResource[],
): Promise<PlanProblem[]> {
  if (resource.kind === 'Infrastructure') return await checkInfrastructure(store, resource, given);
  if (resource.kind !== 'Workflow') return [];
  const resources = withGiven(await loadReferenced(store, resource), resource, given);
  const found = findResources(resource, resources);
  return [...found.problems, ...checkStructure(resource, outlinePhases(resource, found.phases))];
}

async function checkInfrastructure(
  store: ResourceStore,
  resource: Infrastructure,
  given: readonly GivenResource[],
): Promise<PlanProblem[]> {
  const { application } = resource.metadata;
  const name = resource.spec.environment;
  const isGiven = given.some(
    (other) =>
      other.resource.kind === 'Environment' &&
      other.resource.metadata.application === application &&
      other.resource.metadata.name === name,
  );
  if (isGiven || (await store.getResource({ kind: 'Environment', application, name })) !== undefined) return [];
  const stored = await store.listResources('Environment', { application, limit: 1_000 });
  const names = stored.map((environment) => environment.name);
  const there = names.length === 0 ? 'it has none yet: apply it first' : `it has ${listed(names, 'and')}`;
  return [
    {
      code: 'reference-missing',
      message: `the application "${application}" has no environment "${name}"`,
      hint: didYouMean(name, names) ?? there,
      pointer: '/spec/environment',
    },
  ];
}

/** What is given counts before what is stored: it will be stored with the rest. */
function withGiven(
  stored: ApplicationResources,
  workflow: Workflow,
  given: readonly GivenResource[],
): ApplicationResources {
  const environments = new Map<string, Environment>(stored.environments);
  const services = new Map<string, Service>(stored.services);
  const infrastructures = new Map<string, Infrastructure>(stored.infrastructures);
  for (const { resource } of given) {
    const { application, name } = resource.metadata;
    if (application !== workflow.metadata.application) continue;
    if (resource.kind === 'Environment') environments.set(name, resource);
    if (resource.kind === 'Service') services.set(name, resource);
    if (resource.kind === 'Infrastructure') infrastructures.set(name, resource);
  }
  return { environments, services, infrastructures };
}

function givenTwice(resource: Resource): PlanProblem {
  const { application, name } = resource.metadata;
  const what = refText({ kind: resource.kind, application, name });
  return {
    code: 'document-invalid',
    message: `the ${what} is given twice`,
    hint: 'keep one of them, or name them differently',
    pointer: '/metadata/name',
  };
}

function placed<Found extends Problem>(problem: Found, placeOf: GivenResource['placeOf']): Found {
  const place = problem.pointer === undefined ? undefined : placeOf?.(problem.pointer);
  return place === undefined ? problem : { ...problem, place };
}
