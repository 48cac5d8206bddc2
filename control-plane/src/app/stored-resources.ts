import { OutriderError } from '@outrider/shared/errors.ts';
import { type Environment, environmentSchema } from '@outrider/shared/model/environment.ts';
import { type Infrastructure, infrastructureSchema } from '@outrider/shared/model/infrastructure.ts';
import type { Resource } from '@outrider/shared/model/resource.ts';
import { type Service, serviceSchema } from '@outrider/shared/model/service.ts';
import { type Workflow, workflowSchema } from '@outrider/shared/model/workflow.ts';
import { didYouMean, listed } from '@outrider/shared/nearest.ts';
import type { z } from 'zod';
import { type StoredResources, storedResources } from '../documents/checks/catalog.ts';
import type { ApplicationResources } from '../domain/planning/find-resources.ts';
import type { ResourceKind, ResourceRef, ResourceStore, StoredResource } from './ports.ts';

/** Resources of one kind that an application may have, as far as they are looked at. */
const RESOURCES_LIMIT = 10_000;
/** Names that are read to find the nearest ones to a name that is missing. */
const NAMES_LIMIT = 1_000;

/** A stored workflow as the present version reads it. @throws not-found, document-invalid */
export async function loadWorkflow(
  store: ResourceStore,
  application: string,
  name: string,
): Promise<{ readonly workflow: Workflow; readonly version: number }> {
  const ref: ResourceRef = { kind: 'Workflow', application, name };
  const stored = await store.getResource(ref);
  if (stored === undefined) throw await noSuchResource(store, ref);
  return { workflow: parsed(workflowSchema, stored), version: stored.version };
}

/** Everything in these applications that other resources refer to. @throws document-invalid */
export async function loadApplications(
  store: ResourceStore,
  applications: ReadonlySet<string>,
): Promise<StoredResources> {
  const found: Resource[] = [];
  for (const application of applications) {
    for (const [kind, schema] of REFERRED_TO) {
      const stored = await store.listResources(kind, { application, limit: RESOURCES_LIMIT });
      found.push(...stored.map((resource) => parsed<Resource>(schema, resource)));
    }
  }
  return storedResources(found);
}

const REFERRED_TO = [
  ['Environment', environmentSchema],
  ['Service', serviceSchema],
  ['Infrastructure', infrastructureSchema],
] as const;

/** What a workflow refers to. Where something is missing, all of its kind are read, so that the nearest can be named. */
export async function loadReferenced(store: ResourceStore, workflow: Workflow): Promise<ApplicationResources> {
  const { application } = workflow.metadata;
  const { environment, phases } = workflow.spec;
  const load = <Found>(kind: ResourceKind, names: readonly string[], schema: z.ZodType<Found>) =>
    loadNamed(store, application, kind, new Set(names), schema);
  const [environments, services, infrastructures] = await Promise.all([
    load<Environment>('Environment', [environment], environmentSchema),
    load<Service>(
      'Service',
      phases.map((phase) => phase.service),
      serviceSchema,
    ),
    load<Infrastructure>(
      'Infrastructure',
      phases.map((phase) => phase.infrastructure),
      infrastructureSchema,
    ),
  ]);
  return { environments, services, infrastructures };
}

async function loadNamed<Found>(
  store: ResourceStore,
  application: string,
  kind: ResourceKind,
  names: ReadonlySet<string>,
  schema: z.ZodType<Found>,
): Promise<ReadonlyMap<string, Found>> {
  const stored = await Promise.all([...names].map((name) => store.getResource({ kind, application, name })));
  const found = stored.filter((resource) => resource !== undefined);
  const all =
    found.length === names.size ? found : await store.listResources(kind, { application, limit: NAMES_LIMIT });
  return new Map(all.map((resource) => [resource.name, parsed(schema, resource)]));
}

/** What was valid when it was stored may not be so for a later version of this program. */
function parsed<Found>(schema: z.ZodType<Found>, stored: StoredResource): Found {
  const result = schema.safeParse(stored.document);
  if (result.success) return result.data;
  throw new OutriderError('document-invalid', `The stored ${refText(stored)} is not valid any more`, {
    problems: result.error.issues.map((issue) => ({
      message: issue.message,
      pointer: issue.path.map((key) => `/${String(key)}`).join(''),
    })),
    hint: 'Apply it again; the problems say what this version asks for.',
  });
}

/** `not-found`, with the names that come near, or all there are. */
export async function noSuchResource(store: ResourceStore, ref: ResourceRef): Promise<OutriderError> {
  const { kind, application, name } = ref;
  const here = await store.listResources(kind, { application, limit: NAMES_LIMIT });
  const names = here.map((resource) => resource.name);
  if (names.length > 0) {
    const hint = didYouMean(name, names) ?? `The application has ${listed(names, 'and')}.`;
    return new OutriderError('not-found', `There is no ${refText(ref)}`, { hint });
  }
  const elsewhere = await store.listResources(kind, { limit: NAMES_LIMIT });
  const there = elsewhere.filter((resource) => resource.name === name).map((resource) => resource.application);
  const hint =
    there.length > 0
      ? `It is in the application ${listed(there, 'and')}: name it, as in ${there[0]}/${name}.`
      : `The application "${application}" has none: apply one first.`;
  return new OutriderError('not-found', `There is no ${refText(ref)}`, { hint });
}

export function refText(ref: ResourceRef): string {
  return `${ref.kind.toLowerCase()} "${ref.name}" in the application "${ref.application}"`;
}
