import { z } from 'zod';
import { environmentSchema } from './environment.ts';
import { infrastructureSchema } from './infrastructure.ts';
import { serviceSchema } from './service.ts';
import { workflowSchema } from './workflow.ts';

/** The schema of each kind of resource. */
export const RESOURCE_SCHEMAS = {
  Service: serviceSchema,
  Environment: environmentSchema,
  Infrastructure: infrastructureSchema,
  Workflow: workflowSchema,
} as const;

export type Kind = keyof typeof RESOURCE_SCHEMAS;
export const KINDS = ['Service', 'Environment', 'Infrastructure', 'Workflow'] as const satisfies readonly Kind[];

export function isKind(value: unknown): value is Kind {
  return typeof value === 'string' && Object.hasOwn(RESOURCE_SCHEMAS, value);
}

/** Any resource; `kind` tells which. */
export const resourceSchema = z.discriminatedUnion('kind', [
  serviceSchema,
  environmentSchema,
  infrastructureSchema,
  workflowSchema,
]);
export type Resource = z.infer<typeof resourceSchema>;
export type ResourceOf<K extends Kind> = z.infer<(typeof RESOURCE_SCHEMAS)[K]>;

/** What makes a resource one and the same: names are unique per kind and application. */
export interface ResourceKey {
  readonly kind: Kind;
  readonly application: string;
  readonly name: string;
}

export function keyOf(resource: Resource): ResourceKey {
  return { kind: resource.kind, application: resource.metadata.application, name: resource.metadata.name };
}

/** `Service ECS/Example Default_Replica`, as messages write it. */
export function keyText(key: ResourceKey): string {
  return `${key.kind} ${key.application}/${key.name}`;
}
