import { components, problem } from '@outrider/shared/api/schemas.ts';
import { z } from 'zod';
import type { Route, RouteAnswerSpec } from './route.ts';

type Members = Record<string, unknown>;

/** The API as OpenAPI 3.1, made from the route table and the schemas that requests are checked with. */
export function openApiDocument(routes: readonly Route[], version: string): Members {
  const paths: Record<string, Members> = {};
  for (const route of routes) {
    if (route.hidden === true) continue;
    const path = (paths[route.path] ??= {});
    path[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Outrider',
      version,
      description:
        'Deploys to Amazon ECS from inside your own network. Every answer from 400 on is application/problem+json.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }],
    tags: [...new Set(routes.filter((route) => route.hidden !== true).map((route) => route.tag))].map((name) => ({
      name,
    })),
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: '`ok_…`; none is asked for in insecure loopback mode' },
      },
      responses: {
        Problem: { description: 'Why not', content: { 'application/problem+json': { schema: reference(problem) } } },
      },
      schemas: componentSchemas(),
    },
  };
}

function operation(route: Route): Members {
  const { operationId, tag, summary, description, permission, body } = route;
  const answers = route.answers.map((answer) => [String(answer.status), answerObject(answer)]);
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(permission === 'public' ? { security: [] } : { 'x-permission': permission }),
    parameters: parameters(route),
    ...(body === undefined ? {} : { requestBody: requestBody(body) }),
    responses: { ...Object.fromEntries(answers), default: { $ref: '#/components/responses/Problem' } },
  };
}

function requestBody(body: NonNullable<Route['body']>): Members {
  if (body.kind === 'json') {
    const content = { 'application/json': { schema: reference(body.schema) } };
    return { required: body.mayBeEmpty !== true, content };
  }
  const content = {
    'application/yaml': { schema: { type: 'string', description: 'One or more YAML documents' } },
    'application/json': { schema: reference(body.describedBy) },
  };
  return { required: true, content };
}

function parameters(route: Route): Members[] {
  const headers = Object.entries({
    ...route.requestHeaders,
    ...(route.takesIdempotencyKey === true ? { 'Idempotency-Key': 'Same key, same request, same answer' } : {}),
  });
  return [
    ...members(route.params).map(([name, schema]) => ({ name, in: 'path', required: true, schema })),
    ...members(route.query).map(([name, schema]) => ({ name, in: 'query', schema })),
    ...headers
      .filter(([name]) => name !== 'Accept')
      .map(([name, description]) => ({ name, in: 'header', description, schema: { type: 'string' } })),
  ];
}

function members(schema: z.ZodObject): [string, unknown][] {
  const { properties } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties ?? {});
}

function answerObject(answer: RouteAnswerSpec): Members {
  const content: Members = {};
  if (answer.schema !== undefined) content['application/json'] = { schema: reference(answer.schema) };
  for (const type of answer.contentTypes ?? []) content[type] = { schema: { type: 'string' } };
  const headers = Object.entries(answer.headers ?? {}).map(([name, description]) => [
    name,
    { description, schema: { type: 'string' } },
  ]);
  return {
    description: answer.description,
    ...(headers.length === 0 ? {} : { headers: Object.fromEntries(headers) }),
    ...(Object.keys(content).length === 0 ? {} : { content }),
  };
}

function reference(schema: z.ZodType): Members {
  const id = components.get(schema)?.id;
  if (id === undefined) throw new TypeError('A schema of a body or an answer has no name among the components');
  return { $ref: `#/components/schemas/${id}` };
}

function componentSchemas(): Members {
  const { schemas } = z.toJSONSchema(components, {
    io: 'input',
    unrepresentable: 'any',
    uri: (id) => `#/components/schemas/${id}`,
  });
  const bare: Members = {};
  for (const [id, { $schema: _schema, $id: _id, ...schema }] of Object.entries(schemas)) bare[id] = schema;
  return bare;
}
