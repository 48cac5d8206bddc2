import type { Violation } from '../validation/check-input.ts';
import type { ServiceModel } from '../validation/model.ts';
import type { ServiceName } from '../validation/models.ts';
import type { AwsError } from './aws-error.ts';
import type { Operation } from './operation.ts';
import type { QuotaName } from './quotas.ts';

/** One AWS service: its protocol, its operations and how it words refusals. */
export interface ServiceDefinition {
  readonly name: ServiceName;
  readonly model: ServiceModel;
  readonly protocol:
    | { readonly kind: 'json'; readonly targetPrefix: string }
    | { readonly kind: 'query'; readonly namespace: string }
    | { readonly kind: 'ec2'; readonly namespace: string };
  readonly operations: ReadonlyMap<string, Operation>;
  /** The bucket that each call draws from beside its own. */
  readonly sharedQuota?: QuotaName;
  readonly throttled: { readonly code: string; readonly message: string };
  malformed(message: string): AwsError;
  invalid(operation: string, violations: readonly Violation[], message: string): AwsError;
}

export function operationMap(operations: readonly Operation[]): ReadonlyMap<string, Operation> {
  return new Map(operations.map((operation) => [operation.name, operation]));
}
