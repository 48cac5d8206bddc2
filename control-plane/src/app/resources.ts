import { OutriderError, type Problem } from '@outrider/shared/errors.ts';
import { isJsonObject, type JsonObject, parseJsonObject } from '@outrider/shared/json.ts';
import { listed } from '@outrider/shared/nearest.ts';
import { checkReferences } from '../documents/checks/references.ts';
import type { ReferenceProblem } from '../documents/checks/report.ts';
import type { Clock, ResourceKind, ResourceRef, ResourceStore, StoredResource } from './ports.ts';
import type { AppliedResource, GivenResource, ResourcePage, Resources, ResourceView } from './resources-port.ts';
import { SerialQueues } from './serial-queues.ts';
import { loadApplications, noSuchResource, refText } from './stored-resources.ts';
import { timeText } from './views.ts';

export interface ResourcesDependencies {
  readonly store: ResourceStore;
  readonly clock: Clock;
}

/** Changes that may wait for each other. */
const WAITING_CHANGES = 1_000;
/** Resources that are looked at to see that none uses what is to be deleted. */
const USERS_LIMIT = 10_000;
const PAGE_LIMIT = 200;

export function createResources({ store, clock }: ResourcesDependencies): Resources {
  // One after the other: what one change refers to must not be deleted by another meanwhile.
  const changes = new SerialQueues(WAITING_CHANGES);
  return {
    apply: (given, by) => changes.run('resources', () => apply(store, given, by, clock.now())),
    validate: async (given) => (await problemsOf(store, given)).map(withoutCode),
    async get(ref, version) {
      const stored = await store.getResource(ref, version);
      if (stored !== undefined) return viewOf(stored);
      const newest = version === undefined ? undefined : await store.getResource(ref);
      if (newest === undefined) throw await noSuchResource(store, ref);
      throw new OutriderError('not-found', `The ${refText(ref)} has no version ${version}`, {
        hint: `Its newest is version ${newest.version}.`,
      });
    },
    list: (kind, options) => list(store, kind, options),
    delete: (ref, ifVersion) => changes.run('resources', () => remove(store, ref, ifVersion)),
  };
}

/** Each resource is held against those given with it and those stored in the same applications. */
async function problemsOf(store: ResourceStore, given: readonly GivenResource[]): Promise<readonly ReferenceProblem[]> {
  const applications = new Set(given.map(({ resource }) => resource.metadata.application));
  return checkReferences(given, await loadApplications(store, applications));
}

async function apply(
  store: ResourceStore,
  given: readonly GivenResource[],
  by: string,
  atMs: number,
): Promise<readonly AppliedResource[]> {
  const problems = await problemsOf(store, given);
  const [first] = problems;
  if (first !== undefined) {
    const onlyReferences = problems.every((problem) => problem.code === 'reference-missing');
    const message = problems.length === 1 ? first.message : `${problems.length} problems, and nothing was stored`;
    throw new OutriderError(onlyReferences ? 'reference-missing' : 'document-invalid', message, {
      problems: problems.map(withoutCode),
      ...(problems.length === 1 && first.hint !== undefined ? { hint: first.hint } : {}),
    });
  }
  const puts = given.map(({ resource, ifVersion }) => ({
    kind: resource.kind,
    application: resource.metadata.application,
    name: resource.metadata.name,
    document: documentOf(resource),
    ...(ifVersion === undefined ? {} : { ifVersion }),
  }));
  const outcome = await store.putResources(puts, by, atMs);
  if (outcome.kind === 'conflict') throw conflict(outcome.current, outcome.current.version);
  return outcome.results.map(({ changed, ...result }) => ({
    ...result,
    outcome: !changed ? 'unchanged' : result.version === 1 ? 'created' : 'changed',
  }));
}

/** The resource as JSON: what is not given is not there. */
function documentOf(resource: object): JsonObject {
  const document = parseJsonObject(JSON.stringify(resource));
  if (document === undefined) throw new OutriderError('internal', 'A resource is no JSON object');
  return document;
}

async function list(
  store: ResourceStore,
  kind: ResourceKind,
  options: Parameters<Resources['list']>[1],
): Promise<ResourcePage> {
  const { application, cursor } = options;
  const limit = Math.max(1, Math.min(Math.trunc(options.limit) || 1, PAGE_LIMIT));
  const found = await store.listResources(kind, {
    ...(application === undefined ? {} : { application }),
    ...(cursor === undefined ? {} : { after: placeOf(kind, cursor) }),
    limit: limit + 1,
  });
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return {
    items: items.map(viewOf),
    nextCursor: found.length > limit && last !== undefined ? cursorAfter(last) : null,
  };
}

function cursorAfter({ application, name }: ResourceRef): string {
  return Buffer.from(JSON.stringify({ application, name })).toString('base64url');
}

function placeOf(kind: ResourceKind, cursor: string): ResourceRef {
  const value = parseJsonObject(Buffer.from(cursor, 'base64url').toString('utf8'));
  const { application, name } = value ?? {};
  if (typeof application !== 'string' || typeof name !== 'string') {
    throw new OutriderError('request-invalid', 'The cursor is none of ours', { hint: 'Use nextCursor of a page.' });
  }
  return { kind, application, name };
}

async function remove(store: ResourceStore, ref: ResourceRef, ifVersion: number | undefined): Promise<void> {
  const stored = await store.getResource(ref);
  if (stored === undefined) throw await noSuchResource(store, ref);
  const users = await usersOf(store, ref);
  if (users.length > 0) {
    throw new OutriderError('in-use', `The ${refText(ref)} is used by ${listed(users.map(nameOf), 'and')}`, {
      hint: 'Change or delete what uses it first.',
      data: { usedBy: users.map(({ kind, application, name }) => ({ kind, application, name })) },
    });
  }
  const outcome = await store.deleteResource(ref, ifVersion);
  if (outcome.kind === 'not-found') throw await noSuchResource(store, ref);
  if (outcome.kind === 'conflict') throw conflict(ref, outcome.version);
}

/** Resources that refer to this one. Executions do not: they carry their own copy of the definitions. */
async function usersOf(store: ResourceStore, ref: ResourceRef): Promise<readonly StoredResource[]> {
  const { application } = ref;
  const users: StoredResource[] = [];
  for (const kind of ['Infrastructure', 'Workflow'] as const) {
    const candidates = await store.listResources(kind, { application, limit: USERS_LIMIT });
    users.push(...candidates.filter((candidate) => refersTo(candidate.document, ref)));
  }
  return users;
}

function refersTo(document: JsonObject, ref: ResourceRef): boolean {
  const spec = document['spec'];
  if (!isJsonObject(spec)) return false;
  if (ref.kind === 'Environment') return spec['environment'] === ref.name;
  const field = ref.kind === 'Service' ? 'service' : 'infrastructure';
  const phases = spec['phases'];
  if (ref.kind === 'Workflow' || !Array.isArray(phases)) return false;
  return phases.some((phase) => isJsonObject(phase) && phase[field] === ref.name);
}

function viewOf({ kind, application, name, version, updatedAtMs, updatedBy, document }: StoredResource): ResourceView {
  return { kind, application, name, version, updatedAt: timeText(updatedAtMs), updatedBy, document };
}

function conflict(ref: ResourceRef, version: number): OutriderError {
  const now = version === 0 ? 'it does not exist' : `it is at version ${version}`;
  return new OutriderError('version-conflict', `The ${refText(ref)} was changed meanwhile: ${now}`, {
    data: { currentVersion: version },
  });
}

function nameOf(resource: StoredResource): string {
  return `${resource.kind.toLowerCase()} ${resource.name}`;
}

function withoutCode({ code: _code, ...problem }: ReferenceProblem): Problem {
  return problem;
}
