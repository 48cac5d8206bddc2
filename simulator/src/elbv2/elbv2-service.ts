import { MODELS } from '../validation/models.ts';
import { AwsError } from '../wire/aws-error.ts';
import { operationMap, type ServiceDefinition } from '../wire/service-definition.ts';
import { listenerOperations } from './listeners.ts';
import { loadBalancerOperations } from './load-balancers.ts';
import { ruleOperations } from './rules.ts';
import { targetGroupOperations } from './target-groups.ts';
import { targetOperations } from './targets.ts';

export const ELBV2: ServiceDefinition = {
  name: 'elbv2',
  model: MODELS.elbv2,
  protocol: { kind: 'query', namespace: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/' },
  operations: operationMap([
    ...loadBalancerOperations,
    ...targetGroupOperations,
    ...listenerOperations,
    ...ruleOperations,
    ...targetOperations,
  ]),
  sharedQuota: 'elb all',
  throttled: { code: 'Throttling', message: 'Rate exceeded' },
  malformed: (message) => new AwsError('ValidationError', message),
  invalid: (_operation, _violations, message) => new AwsError('ValidationError', message),
};
