import { z } from 'zod';
import { apiVersion, metadata, resourceName, variableName, variableValue, variableValues } from './common.ts';
import { failureStrategies, STEPS_PER_SECTION_LIMIT, stepEntry } from './step.ts';

export const WORKFLOW_TYPES = ['BASIC', 'CANARY', 'BLUE_GREEN', 'ROLLING'] as const;
export type WorkflowType = (typeof WORKFLOW_TYPES)[number];

/** What becomes of a run while another one is at the same service and infrastructure. */
export const CONCURRENCIES = ['reject', 'queue', 'supersede'] as const;
export type Concurrency = (typeof CONCURRENCIES)[number];
export const DEFAULT_CONCURRENCY: Concurrency = 'reject';

export const VARIABLE_TYPES = ['text', 'number', 'email', 'boolean'] as const;
export type VariableType = (typeof VARIABLE_TYPES)[number];

/** Phases run one after the other; more than this is a mistake. */
export const PHASES_LIMIT = 50;

export const workflowVariable = z.strictObject({
  name: variableName.describe('Expressions read it as `${workflow.variables.NAME}`.'),
  type: z.enum(VARIABLE_TYPES).describe('What a run may give.').default('text'),
  description: z.string().max(1_024).describe('What it is for; shown in the run form.').optional(),
  default: variableValue.describe('Value of runs that give none; text may hold expressions.').optional(),
  required: z.boolean().describe('A run without a value is refused, unless there is a default.').default(false),
  allowedValues: z.array(variableValue).min(1).max(200).describe('A run must give one of these.').optional(),
  fixed: z.boolean().describe('Runs cannot change it; it needs a default.').default(false),
});
export type WorkflowVariable = z.infer<typeof workflowVariable>;

const section = z.array(stepEntry).max(STEPS_PER_SECTION_LIMIT);

/** The sections of a phase in the order in which they run; one left out is empty. */
export const sections = z
  .strictObject({
    'Setup Container': section.describe('Makes what the phase needs.').optional(),
    'Deploy Containers': section.describe('Brings the new version up.').optional(),
    'Verify Service': section.describe('Looks whether it works.').optional(),
    'Wrap Up': section.describe('Tidies up.').optional(),
  })
  .meta({ id: 'Sections', description: 'Steps by section.' });
export type Sections = z.infer<typeof sections>;

export const phase = z.strictObject({
  name: resourceName.describe('Unique in the workflow.'),
  service: resourceName.describe('The Service it deploys.'),
  infrastructure: resourceName.describe('The Infrastructure it deploys to.'),
  serviceVariableOverrides: variableValues
    .describe("Values that stand in for the service's variables in this phase.")
    .default({}),
  sections: sections.describe('Steps by section; left out: the usual ones.').optional(),
  rollback: sections.describe('Steps that undo the phase; left out: the usual ones; {}: none.').optional(),
  failureStrategies: failureStrategies.optional(),
});
export type Phase = z.infer<typeof phase>;

export const workflowSpec = z.strictObject({
  type: z.enum(WORKFLOW_TYPES).describe('How the new version comes: at once, in shares, beside the old one, in place.'),
  environment: resourceName.describe('The Environment it deploys to.'),
  concurrency: z
    .enum(CONCURRENCIES)
    .describe(
      'A run while another one is at the same service and infrastructure: is refused (reject), waits for its turn (queue), or stops and rolls back the other one (supersede); left out: reject.',
    )
    .optional(),
  variables: z.array(workflowVariable).max(200).describe('What a run may give.').default([]),
  phases: z.array(phase).min(1).max(PHASES_LIMIT).describe('Run one after the other.'),
  failureStrategies: failureStrategies
    .describe('What to do when a step fails and neither step nor phase says so; left out: rollback-workflow.')
    .optional(),
});

/** How services are deployed: phases of steps, and how they are undone. */
export const workflowSchema = z
  .strictObject({
    apiVersion,
    kind: z.literal('Workflow').describe('What this document describes.'),
    metadata: metadata.describe('Name and application.'),
    spec: workflowSpec.describe('Phases and variables.'),
  })
  .describe('How services are deployed: phases of steps, and how they are undone.');
export type Workflow = z.infer<typeof workflowSchema>;
