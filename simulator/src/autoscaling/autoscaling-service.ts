import { MODELS } from '../validation/models.ts';
import { AwsError } from '../wire/aws-error.ts';
import { operationMap, type ServiceDefinition } from '../wire/service-definition.ts';
import { scalableTargetOperations } from './scalable-targets.ts';
import { scalingPolicyOperations } from './scaling-policies.ts';
import { scheduledActionOperations } from './scheduled-actions.ts';

export const AUTOSCALING: ServiceDefinition = {
  name: 'autoscaling',
  model: MODELS.autoscaling,
  protocol: { kind: 'json', targetPrefix: 'AnyScaleFrontendService' },
  operations: operationMap([...scalableTargetOperations, ...scalingPolicyOperations, ...scheduledActionOperations]),
  throttled: { code: 'ThrottlingException', message: 'Rate exceeded' },
  malformed: (message) => new AwsError('SerializationException', message),
  invalid: (_operation, _violations, message) => new AwsError('ValidationException', message),
};
