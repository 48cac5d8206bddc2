import { z } from 'zod';
import type { Json } from '../json.ts';
import { named, time } from './schemas.ts';

/** The shapes of `/v1/triggers` and `/v1/hooks`. */

/** What arrives was parsed from JSON, so that there is nothing to check. */
const values = z.record(
  z.string(),
  z.custom<Json>(() => true),
);
const artifacts = z.record(z.string(), z.string());
const schedule = z.strictObject({
  cron: z.string().min(1).max(200).describe('Minute, hour, day of the month, month, day of the week'),
  timeZone: z.string().min(1).max(64).default('UTC').describe('A name of the IANA database'),
});
const firing = z.object({
  at: time,
  outcome: z.enum(['started', 'refused', 'missed']),
  executionId: z.string().nullable(),
  because: z.string().nullable(),
});

export const trigger = named(
  'Trigger',
  z.object({
    name: z.string(),
    application: z.string(),
    workflow: z.string(),
    webhook: z.object({ hasToken: z.boolean().describe('Somebody can call it') }).optional(),
    schedule: z.object({ cron: z.string(), timeZone: z.string(), nextAt: time.nullable() }).optional(),
    artifacts,
    variables: values,
    enabled: z.boolean(),
    changedAt: time,
    changedBy: z.string(),
    firings: z.array(firing).describe('The newest 20, oldest first'),
  }),
);
export type TriggerBody = z.infer<typeof trigger>;
export const triggerList = named('TriggerList', z.object({ items: z.array(trigger) }));

export const putTrigger = named(
  'PutTrigger',
  z
    .strictObject({
      workflow: z.string().min(1).max(128).describe('Of the same application'),
      webhook: z.strictObject({}).optional().describe('A caller with a token starts it'),
      schedule: schedule.optional().describe('The clock starts it'),
      artifacts: artifacts.default({}).describe('IMAGE by service name, for every run; callers may add others'),
      variables: values.default({}).describe('For every run; callers may add others'),
      enabled: z.boolean().default(true),
    })
    .refine(({ webhook, schedule: clock }) => (webhook === undefined) !== (clock === undefined), {
      error: 'give either `webhook` or `schedule`',
    }),
);
export const triggerToken = named(
  'TriggerToken',
  z.object({
    token: z.string().describe('`oht_…`, shown this once'),
    path: z.string().describe('Where to POST: whoever knows it can start the workflow'),
  }),
);

export const callTrigger = named(
  'CallTrigger',
  z.strictObject({
    artifacts: artifacts.default({}),
    variables: values.default({}),
    reason: z.string().max(1_024).optional(),
  }),
);
export const triggered = named(
  'Triggered',
  z.object({
    executionId: z.string(),
    status: z.string(),
    path: z.string().describe('Where to read it, with an API key'),
  }),
);
