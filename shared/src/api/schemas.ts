import { z } from 'zod';
import { isErrorCode } from '../errors.ts';
import type { Json } from '../json.ts';

/**
 * The shapes of the API (contract.md §4), once: handlers answer them, clients read with them, /openapi.json prints
 * them. Fields may be added; none is renamed or removed within /v1.
 */

/** What a key may do, from least to most. */
export const ROLES = ['viewer', 'operator', 'admin'] as const;

/** Schemas with a name become components of the OpenAPI document. */
export const components = z.registry<{ id: string; description?: string }>();

/** Gives a schema its name among the components. */
export function named<Schema extends z.ZodType>(id: string, schema: Schema, description?: string): Schema {
  components.add(schema, description === undefined ? { id } : { id, description });
  return schema;
}

export const time = z.iso.datetime().describe('RFC 3339, UTC');
/** Any JSON; what arrives was parsed from JSON, so that there is nothing to check. */
const jsonValue = z.custom<Json>(() => true);
const jsonObject = z.record(z.string(), jsonValue);
const texts = z.record(z.string(), z.string());

export const problem = named(
  'Problem',
  z.object({
    type: z.string().describe('Path of a page about the code'),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().describe('What happened and why'),
    instance: z.string(),
    code: z.string().refine(isErrorCode),
    hint: z.string().describe('What to do next'),
    retryable: z.boolean().describe('Whether the same request may succeed later'),
    requestId: z.string(),
    errors: z
      .array(
        z.object({
          detail: z.string(),
          hint: z.string().optional(),
          pointer: z.string().optional().describe('JSON pointer into the document'),
          file: z.string().optional(),
          line: z.number().int().optional(),
          column: z.number().int().optional(),
          excerpt: z
            .object({ text: z.string(), offset: z.number().int(), length: z.number().int() })
            .optional()
            .describe('The line that it stands in, and the part of it that is meant'),
        }),
      )
      .optional(),
    data: jsonObject.optional(),
  }),
  'RFC 9457. Every answer from 400 on has this shape.',
);
export type ProblemDocument = z.infer<typeof problem>;

// ------------------------------------------------------------------------------------------------ resources

export const RESOURCE_KINDS = ['Service', 'Environment', 'Infrastructure', 'Workflow'] as const;
const kind = z.enum(RESOURCE_KINDS);
const metadata = z.looseObject({ name: z.string(), application: z.string(), description: z.string().optional() });

export const resource = named(
  'Resource',
  z.object({
    apiVersion: z.string(),
    kind,
    metadata,
    spec: jsonObject,
    status: z
      .object({ version: z.number().int(), updatedAt: time, updatedBy: z.string() })
      .describe('Read only; left out or ignored in a PUT'),
  }),
  'A resource as it was applied, and which version of it this is.',
);
export type ResourceBody = z.infer<typeof resource>;

export const givenResource = named(
  'GivenResource',
  resource.partial({ status: true }),
  'A resource to store; `outrider schema` prints the JSON Schema of each kind.',
);

export const resourceList = named(
  'ResourceList',
  z.object({ items: z.array(resource), nextCursor: z.string().nullable() }),
);

export const documentFiles = named(
  'DocumentFiles',
  z.strictObject({
    files: z
      .array(z.strictObject({ name: z.string().min(1).max(1_024), text: z.string() }))
      .min(1)
      .max(200)
      .describe('YAML or JSON, one or more documents each; problems name the file'),
    attachments: z
      .array(z.strictObject({ name: z.string().min(1).max(1_024), text: z.string() }))
      .max(200)
      .default([])
      .describe('Files that taskDefinitionFile names, by their path from where `files` have theirs'),
  }),
  'Several documents at once: all of them are stored, or none.',
);

const resourceRef = z.object({ kind, application: z.string(), name: z.string() });
export const applied = named(
  'Applied',
  z.object({
    items: z.array(
      resourceRef.extend({
        version: z.number().int(),
        outcome: z.enum(['created', 'changed', 'unchanged']),
      }),
    ),
  }),
);
export type AppliedBody = z.infer<typeof applied>;
export const validated = named(
  'Validated',
  z.object({ items: z.array(resourceRef) }),
  'The documents are valid: what they hold.',
);

// ------------------------------------------------------------------------------------------------ executions

export const EXECUTION_STATUSES = [
  'queued',
  'running',
  'waiting',
  'paused',
  'succeeded',
  'failed',
  'aborted',
  'rejected',
] as const;
export const STEP_STATUSES = [
  'pending',
  'queued',
  'running',
  'waiting',
  'paused',
  'succeeded',
  'failed',
  'skipped',
  'aborted',
] as const;

export const failure = named(
  'Failure',
  z.object({
    code: z.string(),
    message: z.string(),
    hint: z.string(),
    evidence: z.array(z.string()).describe("AWS's own words and the facts behind the verdict"),
    failureType: z.string().describe('What failure strategies match on'),
  }),
);

export const serviceCounts = z.object({
  service: z.string(),
  role: z.enum(['new', 'old']),
  desired: z.number().int(),
  running: z.number().int(),
  pending: z.number().int(),
});
export type ServiceCountsBody = z.infer<typeof serviceCounts>;

export const step = named(
  'Step',
  z.object({
    id: z.string(),
    name: z.string(),
    type: z.string(),
    section: z.string(),
    status: z.enum(STEP_STATUSES),
    attempt: z.number().int().describe('0 before the first attempt'),
    delegate: z.string().optional(),
    startedAt: time.nullable(),
    endedAt: time.nullable(),
    because: z
      .string()
      .optional()
      .describe('Why it was skipped, is held or being stopped, or is taken for what it was not'),
    intervention: z
      .object({ until: time, afterTimeout: z.enum(['rollback-workflow', 'ignore', 'end']) })
      .optional()
      .describe('While it waits for a person: until when, and what follows if nobody has answered by then'),
    ignored: z.boolean().optional().describe('It failed, and the execution went on as if it had not'),
    counts: z.array(serviceCounts).optional().describe('What its services run now, while it runs'),
    output: jsonObject.optional(),
    failure: failure.optional(),
  }),
);
export type StepBody = z.infer<typeof step>;

export const phase = named(
  'Phase',
  z.object({
    name: z.string(),
    status: z.enum(['pending', 'running', 'succeeded', 'failed', 'aborted', 'skipped']),
    rollback: z.boolean(),
    service: z.string(),
    infrastructure: z.string(),
    startedAt: time.nullable(),
    endedAt: time.nullable(),
    steps: z.array(step),
  }),
);
export type PhaseBody = z.infer<typeof phase>;

const executionHead = z.object({
  id: z.string(),
  workflow: z.string(),
  application: z.string(),
  status: z.enum(EXECUTION_STATUSES),
  rollback: z.enum(['none', 'running', 'succeeded', 'failed']),
  currentPhase: z.string().nullable(),
  startedAt: time,
  endedAt: time.nullable(),
  startedBy: z.string(),
  reason: z.string(),
  artifacts: texts.describe('Image by service'),
  variables: jsonObject,
  failure: failure.optional(),
});

export const executionSummary = named('ExecutionSummary', executionHead);
export type ExecutionSummaryBody = z.infer<typeof executionSummary>;

export const execution = named(
  'Execution',
  executionHead.extend({
    seq: z.number().int().describe('Of the newest event that this answer knows'),
    environment: z.string(),
    workflowVersion: z.number().int(),
    notes: z.array(z.string()).describe('What the planner remarked'),
    waitsFor: z
      .array(z.object({ executionId: z.string(), workflow: z.string(), resource: z.string() }))
      .optional()
      .describe('While it is queued: the executions that must end first, and the SERVICE@INFRASTRUCTURE they are at'),
    pause: z
      .object({ by: z.string(), reason: z.string(), at: time })
      .optional()
      .describe('While it is held: what runs goes on to its end, and nothing begins'),
    stopping: z.object({ because: z.string() }).optional().describe('While it is stopped or rolled back'),
    phases: z.array(phase).describe('As they run: forward phases, then rollback phases'),
  }),
);
export type ExecutionBody = z.infer<typeof execution>;

export const executionList = named(
  'ExecutionList',
  z.object({ items: z.array(executionSummary), nextCursor: z.string().nullable() }),
);

export const startExecution = named(
  'StartExecution',
  z.strictObject({
    workflow: z.string().min(1).max(128),
    application: z.string().min(1).max(128).optional(),
    artifacts: texts.default({}).describe('IMAGE by service: `repo[:tag][@digest]`, `:tag` or `@digest`'),
    variables: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).default({}),
    reason: z.string().max(1_000).default(''),
  }),
);

export const abortExecution = named(
  'AbortExecution',
  z.strictObject({
    rollback: z.boolean().default(true).describe('Roll back what was deployed'),
    reason: z.string().max(1_000).default(''),
  }),
);
export const rollbackExecution = named(
  'RollbackExecution',
  z.strictObject({ reason: z.string().max(1_000).default('') }),
);

export const interruptExecution = named(
  'InterruptExecution',
  z.strictObject({ reason: z.string().max(1_000).default('').describe('Why; kept in the history') }),
);

export const event = named(
  'Event',
  z.looseObject({ seq: z.number().int(), at: time, type: z.string() }),
  'What happened, with fields of its type. `seq` counts from 1 without holes.',
);
export type EventBody = z.infer<typeof event>;

export const eventPage = named(
  'EventPage',
  z.object({
    events: z.array(event),
    ended: z.boolean().describe('No event will follow the ones here'),
  }),
);

export const logLine = named(
  'LogLine',
  z.object({
    attempt: z.number().int(),
    seq: z.number().int().describe('Counts from 1 within the attempt'),
    at: time,
    level: z.enum(['INFO', 'WARN', 'ERROR']),
    text: z.string(),
  }),
);
export type LogLineBody = z.infer<typeof logLine>;

export const logPage = named(
  'LogPage',
  z.object({
    lines: z.array(logLine),
    next: z.string().describe('Send it as `after` to read on'),
    ended: z.boolean().describe('No line will follow the ones here'),
  }),
);

// ------------------------------------------------------------------------------------------------ fleet and keys

export const delegate = named(
  'Delegate',
  z.object({
    name: z.string(),
    connected: z.boolean(),
    draining: z.boolean(),
    tags: z.array(z.string()),
    stepTypes: z.array(z.string()),
    version: z.string(),
    region: z.string(),
    slots: z.number().int(),
    busy: z.number().int(),
    instances: z.number().int(),
    transport: z
      .enum(['streams', 'polling'])
      .nullable()
      .describe(
        'How it reaches the control plane; polling: its network does not let streams live. null: not connected',
      ),
    lastSeenAt: time,
    lock: z
      .object({ at: time, because: z.string() })
      .nullable()
      .describe('Why nobody is let in under this name, until an operator unlocks it'),
    copySeenAt: time
      .nullable()
      .describe('When a second machine last wanted to come in with the credential of one that is connected'),
  }),
);
export type DelegateBody = z.infer<typeof delegate>;
export const delegateList = named('DelegateList', z.object({ items: z.array(delegate) }));

export const joinToken = named(
  'JoinToken',
  z.object({
    id: z.string(),
    delegateName: z.string().nullable().describe('The only delegate that may use it; null: any'),
    usesLeft: z.number().int().nullable().describe('null: any number'),
    createdAt: time,
    createdBy: z.string(),
    expiresAt: time,
    revokedAt: time.nullable(),
  }),
);
export type JoinTokenBody = z.infer<typeof joinToken>;
export const newJoinToken = named('NewJoinToken', joinToken.extend({ token: z.string().describe('Shown this once') }));
export const joinTokenList = named('JoinTokenList', z.object({ items: z.array(joinToken) }));
export const createJoinToken = named(
  'CreateJoinToken',
  z.strictObject({
    delegateName: z.string().min(1).max(128).nullable().default(null),
    uses: z.number().int().min(1).max(10_000).nullable().default(1).describe('null: any number, for one delegate name'),
    expiresInSeconds: z.number().int().min(60).max(31_536_000).default(86_400),
  }),
);

const role = z.enum(ROLES);
export const apiKey = named(
  'ApiKey',
  z.object({
    id: z.string(),
    name: z.string(),
    role,
    createdAt: time,
    createdBy: z.string(),
    expiresAt: time.nullable(),
    revokedAt: time.nullable(),
    lastUsedAt: time.nullable(),
  }),
);
export type ApiKeyBody = z.infer<typeof apiKey>;
export const newApiKey = named('NewApiKey', apiKey.extend({ key: z.string().describe('Shown this once') }));
export const apiKeyList = named('ApiKeyList', z.object({ items: z.array(apiKey) }));
export const createApiKey = named(
  'CreateApiKey',
  z.strictObject({
    name: z.string().regex(/^[A-Za-z0-9 _.@-]{1,128}$/),
    role: role.default('viewer'),
    expiresInSeconds: z.number().int().min(60).max(315_360_000).nullable().default(7_776_000),
  }),
);

export const health = named(
  'Health',
  z.object({
    status: z.literal('ok'),
    version: z.string(),
    checks: z.record(z.string(), z.string()).optional(),
  }),
);
