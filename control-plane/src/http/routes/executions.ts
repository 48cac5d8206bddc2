import {
  abortExecution,
  EXECUTION_STATUSES,
  execution,
  executionList,
  interruptExecution,
  rollbackExecution,
  startExecution,
} from '@outrider/shared/api/schemas.ts';
import { z } from 'zod';
import type { HttpDependencies } from '../ports.ts';
import { defineRoute, type Route } from '../route.ts';
import { nextLink, pageQuery } from './paging.ts';

export const executionParams = z.strictObject({ id: z.string().min(1).max(128) });

/** Starting, reading and stopping executions. */
export function executionRoutes(dependencies: HttpDependencies): Route[] {
  return [
    startRoute(dependencies),
    listRoute(dependencies),
    getRoute(dependencies),
    ...stopRoutes(dependencies),
    ...holdRoutes(dependencies),
    ...answerRoutes(dependencies),
  ];
}

function startRoute({ executions }: HttpDependencies): Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/executions',
    operationId: 'startExecution',
    tag: 'Executions',
    summary: 'Runs a workflow',
    description:
      'With an Idempotency-Key the same request starts one execution, however often it is sent; keys are kept for 24 hours.',
    permission: 'operate',
    takesIdempotencyKey: true,
    params: z.strictObject({}),
    query: z.strictObject({}),
    body: { kind: 'json', schema: startExecution },
    answers: [
      {
        status: 201,
        description: 'It runs; or it is queued, and `waitsFor` says behind whom',
        schema: execution,
        headers: { Location: 'Where to read it', 'Idempotency-Replayed': '`true`: an earlier request started it' },
      },
    ],
    async handle({ body, actor, idempotencyKey }) {
      const started = await executions.start({ ...body, idempotencyKey }, actor);
      return {
        kind: 'json',
        status: 201,
        body: started.execution,
        headers: {
          location: `/v1/executions/${started.execution.id}`,
          ...(started.replayed ? { 'idempotency-replayed': 'true' } : {}),
        },
      };
    },
  });
}

const statusList = z
  .string()
  .max(200)
  .transform((text) => text.split(','))
  .pipe(z.array(z.enum(EXECUTION_STATUSES)))
  .describe(`One or several, separated by commas: ${EXECUTION_STATUSES.join(', ')}`);

function listRoute({ executions }: HttpDependencies): Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/executions',
    operationId: 'listExecutions',
    tag: 'Executions',
    summary: 'Lists executions, newest first',
    permission: 'read',
    params: z.strictObject({}),
    query: z.strictObject({
      ...pageQuery,
      status: statusList.optional(),
      application: z.string().min(1).max(128).optional(),
      workflow: z.string().min(1).max(128).optional(),
    }),
    answers: [{ status: 200, description: 'A page of them', schema: executionList }],
    async handle({ query }) {
      const { status, ...rest } = query;
      const page = await executions.list({ ...rest, statuses: status });
      const headers = nextLink('/v1/executions', query, page.nextCursor);
      return { kind: 'json', status: 200, body: page, headers };
    },
  });
}

function getRoute({ executions }: HttpDependencies): Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/executions/{id}',
    operationId: 'getExecution',
    tag: 'Executions',
    summary: 'Reads an execution with its phases and steps',
    permission: 'read',
    params: executionParams,
    query: z.strictObject({}),
    answers: [{ status: 200, description: 'The execution', schema: execution }],
    async handle({ params }) {
      return { kind: 'json', status: 200, body: await executions.get(params.id) };
    },
  });
}

function stopRoutes({ executions }: HttpDependencies): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/executions/{id}/abort',
      operationId: 'abortExecution',
      tag: 'Executions',
      summary: 'Stops an execution, and by default rolls back what it deployed',
      permission: 'operate',
      params: executionParams,
      query: z.strictObject({}),
      body: { kind: 'json', schema: abortExecution, mayBeEmpty: true },
      answers: [{ status: 200, description: 'The execution as it is now: it is being stopped', schema: execution }],
      async handle({ params, body, actor }) {
        return { kind: 'json', status: 200, body: await executions.abort(params.id, body, actor) };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/executions/{id}/rollback',
      operationId: 'rollbackExecution',
      tag: 'Executions',
      summary: 'Stops an execution and rolls back what it deployed; it ends as failed',
      permission: 'operate',
      params: executionParams,
      query: z.strictObject({}),
      body: { kind: 'json', schema: rollbackExecution, mayBeEmpty: true },
      answers: [{ status: 200, description: 'The execution as it is now', schema: execution }],
      async handle({ params, body, actor }) {
        return { kind: 'json', status: 200, body: await executions.rollback(params.id, body, actor) };
      },
    }),
  ];
}

function holdRoutes({ executions }: HttpDependencies): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/executions/{id}/pause',
      operationId: 'pauseExecution',
      tag: 'Executions',
      summary: 'Holds an execution: what runs goes on to its end, and nothing begins',
      permission: 'operate',
      params: executionParams,
      query: z.strictObject({}),
      body: { kind: 'json', schema: interruptExecution, mayBeEmpty: true },
      answers: [
        {
          status: 200,
          description: 'The execution as it is now: `running` while a step runs on, then `paused`',
          schema: execution,
        },
      ],
      async handle({ params, body, actor }) {
        return { kind: 'json', status: 200, body: await executions.pause(params.id, body, actor) };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/executions/{id}/resume',
      operationId: 'resumeExecution',
      tag: 'Executions',
      summary: 'Lets an execution that is held go on',
      permission: 'operate',
      params: executionParams,
      query: z.strictObject({}),
      body: { kind: 'json', schema: interruptExecution, mayBeEmpty: true },
      answers: [{ status: 200, description: 'The execution as it is now', schema: execution }],
      async handle({ params, body, actor }) {
        return { kind: 'json', status: 200, body: await executions.resume(params.id, body, actor) };
      },
    }),
  ];
}

const ANSWERS = [
  { answer: 'retry', operationId: 'retryStep', summary: 'Runs a failed step again that waits for a person' },
  { answer: 'ignore', operationId: 'ignoreStep', summary: 'Goes on as if a failed step had succeeded' },
  { answer: 'mark-success', operationId: 'markStepSuccess', summary: 'Takes a failed step for a success' },
] as const;

function answerRoutes({ executions }: HttpDependencies): Route[] {
  return ANSWERS.map(({ answer, operationId, summary }) =>
    defineRoute({
      method: 'POST',
      path: `/v1/executions/{id}/steps/{step}/${answer}`,
      operationId,
      tag: 'Executions',
      summary,
      description: 'Only while the step waits for a person: its failure strategy is `manual-intervention`.',
      permission: 'operate',
      params: executionParams.extend({ step: z.string().min(1).max(300) }),
      query: z.strictObject({}),
      body: { kind: 'json', schema: interruptExecution, mayBeEmpty: true },
      answers: [{ status: 200, description: 'The execution as it is now', schema: execution }],
      async handle({ params, body, actor }) {
        const view = await executions.answer(params.id, params.step, { answer, reason: body.reason }, actor);
        return { kind: 'json', status: 200, body: view };
      },
    }),
  );
}
