import { givenResource, resource, resourceList } from '@outrider/shared/api/schemas.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { canonicalJson, parseJsonObject } from '@outrider/shared/json.ts';
import { DEFAULT_APPLICATION } from '@outrider/shared/model/common.ts';
import { keyOf, keyText, type Resource } from '@outrider/shared/model/resource.ts';
import { z } from 'zod';
import type { ResourceKind, ResourceRef } from '../../app/ports.ts';
import type { Resources, ResourceView } from '../../app/resources-port.ts';
import { readDocuments } from '../../documents/read-documents.ts';
import { documentFile } from '../document-input.ts';
import { etagOf, preconditionOf } from '../etag.ts';
import type { HttpDependencies } from '../ports.ts';
import { defineRoute, documentBody, type Route } from '../route.ts';
import { nextLink, pageQuery } from './paging.ts';

const COLLECTIONS = [
  { kind: 'Service', path: 'services' },
  { kind: 'Environment', path: 'environments' },
  { kind: 'Infrastructure', path: 'infrastructures' },
  { kind: 'Workflow', path: 'workflows' },
] as const satisfies readonly { kind: ResourceKind; path: string }[];

const applicationQuery = z.string().min(1).max(128).optional().describe('Left out: `default`');
const nameParams = z.strictObject({ name: z.string().min(1).max(128) });

/** Services, environments, infrastructures and workflows: the same routes for each. */
export function resourceRoutes(dependencies: HttpDependencies): Route[] {
  return COLLECTIONS.flatMap(({ kind, path }) => [
    listRoute(dependencies, kind, path),
    getRoute(dependencies, kind, path),
    putRoute(dependencies, kind, path),
    deleteRoute(dependencies, kind, path),
  ]);
}

function listRoute({ resources }: HttpDependencies, kind: ResourceKind, path: string): Route {
  return defineRoute({
    method: 'GET',
    path: `/v1/${path}`,
    operationId: `list${kind}s`,
    tag: 'Resources',
    summary: `Lists ${path} by application and name`,
    permission: 'read',
    params: z.strictObject({}),
    query: z.strictObject({
      ...pageQuery,
      application: z.string().min(1).max(128).optional().describe('Left out: of all applications'),
    }),
    answers: [{ status: 200, description: 'A page of them', schema: resourceList }],
    async handle({ query }) {
      const page = await resources.list(kind, query);
      const headers = nextLink(`/v1/${path}`, query, page.nextCursor);
      return {
        kind: 'json',
        status: 200,
        body: { items: page.items.map(resourceBody), nextCursor: page.nextCursor },
        headers,
      };
    },
  });
}

function getRoute({ resources }: HttpDependencies, kind: ResourceKind, path: string): Route {
  return defineRoute({
    method: 'GET',
    path: `/v1/${path}/{name}`,
    operationId: `get${kind}`,
    tag: 'Resources',
    summary: `Reads one of the ${path}`,
    permission: 'read',
    params: nameParams,
    query: z.strictObject({
      application: applicationQuery,
      version: z.coerce.number().int().min(1).optional().describe('Left out: the newest'),
    }),
    answers: [
      { status: 200, description: 'The resource', schema: resource, headers: { ETag: 'Its version, for If-Match' } },
    ],
    async handle({ params, query }) {
      const view = await resources.get(refOf(kind, params.name, query.application), query.version);
      return { kind: 'json', status: 200, body: resourceBody(view), headers: { etag: etagOf(view.version) } };
    },
  });
}

function putRoute({ resources }: HttpDependencies, kind: ResourceKind, path: string): Route {
  return defineRoute({
    method: 'PUT',
    path: `/v1/${path}/{name}`,
    operationId: `put${kind}`,
    tag: 'Resources',
    summary: `Creates or replaces one of the ${path}`,
    description:
      'Without a precondition it creates the resource, or leaves it as it is when nothing differs. To change what is ' +
      'there, send its ETag as If-Match, or `If-Match: *` to replace any version.',
    permission: 'operate',
    requestHeaders: {
      'If-Match': 'ETag of the version that is replaced, or *',
      'If-None-Match': '* to create and never replace',
    },
    params: nameParams,
    query: z.strictObject({ application: applicationQuery }),
    body: { kind: 'documents', schema: documentBody, describedBy: givenResource },
    answers: [
      { status: 200, description: 'It is stored', schema: resource, headers: { ETag: 'Its version' } },
      { status: 201, description: 'It was created', schema: resource, headers: { ETag: 'Its version' } },
    ],
    async handle({ params, query, body, header, actor }) {
      const ref = refOf(kind, params.name, query.application);
      const [given, ...more] = readDocuments([documentFile(body, ref)], undefined);
      if (given === undefined || more.length > 0) {
        throw new OutriderError(
          'request-invalid',
          `The body holds ${given === undefined ? 'no resource' : 'several resources'}`,
          {
            hint: 'A PUT takes exactly one; POST /v1/apply takes several.',
          },
        );
      }
      requireSame(ref, given.resource);
      const said = preconditionOf(header('if-match'), header('if-none-match'));
      const ifVersion = said.kind === 'unsaid' ? await impliedVersion(resources, ref, given.resource) : said.ifVersion;
      const [applied] = await resources.apply([{ ...given, ifVersion }], actor.name);
      const view = await resources.get(ref);
      const status = applied?.outcome === 'created' ? 201 : 200;
      return { kind: 'json', status, body: resourceBody(view), headers: { etag: etagOf(view.version) } };
    },
  });
}

function deleteRoute({ resources }: HttpDependencies, kind: ResourceKind, path: string): Route {
  return defineRoute({
    method: 'DELETE',
    path: `/v1/${path}/{name}`,
    operationId: `delete${kind}`,
    tag: 'Resources',
    summary: `Deletes one of the ${path}`,
    description: 'What is still referred to is not deleted. Running executions go on with what they began with.',
    permission: 'operate',
    requestHeaders: { 'If-Match': 'ETag of the version that is deleted; left out: any' },
    params: nameParams,
    query: z.strictObject({ application: applicationQuery }),
    answers: [{ status: 204, description: 'It is deleted' }],
    async handle({ params, query, header }) {
      const said = preconditionOf(header('if-match'), undefined);
      await resources.delete(
        refOf(kind, params.name, query.application),
        said.kind === 'unsaid' ? undefined : said.ifVersion,
      );
      return { kind: 'empty', status: 204 };
    },
  });
}

/** What a PUT that names no version may do: create, or repeat what is there. */
async function impliedVersion(resources: Resources, ref: ResourceRef, given: Resource): Promise<number> {
  const current = await resources.get(ref).catch((thrown: unknown) => {
    if (thrown instanceof OutriderError && thrown.code === 'not-found') return undefined;
    throw thrown;
  });
  if (current === undefined) return 0;
  const same = parseJsonObject(JSON.stringify(given));
  if (same !== undefined && canonicalJson(same) === canonicalJson(current.document)) return current.version;
  throw new OutriderError(
    'precondition-required',
    `${keyText(ref)} exists in version ${current.version}, by ${current.updatedBy} at ${current.updatedAt}`,
    { data: { version: current.version, updatedAt: current.updatedAt, updatedBy: current.updatedBy } },
  );
}

function requireSame(ref: ResourceRef, given: Resource): void {
  const found = keyOf(given);
  if (found.kind === ref.kind && found.name === ref.name && found.application === ref.application) return;
  throw new OutriderError('request-invalid', `The address says ${keyText(ref)}, the body ${keyText(found)}`, {
    hint: 'Both must name the same; the application stands in ?application=.',
  });
}

function refOf(kind: ResourceKind, name: string, application: string | undefined): ResourceRef {
  return { kind, name, application: application ?? DEFAULT_APPLICATION };
}

function resourceBody({ document, version, updatedAt, updatedBy }: ResourceView): unknown {
  return { ...document, status: { version, updatedAt, updatedBy } };
}
