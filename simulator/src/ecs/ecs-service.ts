import { MODELS } from '../validation/models.ts';
import { AwsError, clientException, invalidParameter } from '../wire/aws-error.ts';
import { operationMap, type ServiceDefinition } from '../wire/service-definition.ts';
import { changeServiceOperations } from './change-services.ts';
import { clusterOperations } from './clusters.ts';
import { containerInstanceOperations } from './container-instances.ts';
import { createServiceOperations } from './create-service.ts';
import { readServiceOperations } from './read-services.ts';
import { runTaskOperations } from './run-task.ts';
import { tagOperations } from './tags.ts';
import { taskDefinitionOperations } from './task-definitions.ts';
import { taskOperations } from './tasks.ts';

/** Missing members that ECS names in its own words. */
const OWN_WORDS: ReadonlyMap<string, () => AwsError> = new Map([
  ['DescribeServices services', () => invalidParameter('Services cannot be empty.')],
  ['DescribeTasks tasks', () => invalidParameter('Tasks cannot be empty.')],
  ['DescribeContainerInstances containerInstances', () => invalidParameter('Container instance cannot be empty.')],
  ['RegisterTaskDefinition family', () => clientException('Family can not be blank.')],
  ['RegisterTaskDefinition containerDefinitions', () => clientException('Container list cannot be empty.')],
  ['RunTask taskDefinition', () => clientException('TaskDefinition can not be blank.')],
  ['CreateService serviceName', () => invalidParameter('Service name can not be blank.')],
  ['UpdateService service', () => invalidParameter('Service name can not be blank.')],
  ['DeleteService service', () => invalidParameter('Service name can not be blank.')],
]);

export const ECS: ServiceDefinition = {
  name: 'ecs',
  model: MODELS.ecs,
  protocol: { kind: 'json', targetPrefix: 'AmazonEC2ContainerServiceV20141113' },
  operations: operationMap([
    ...clusterOperations,
    ...taskDefinitionOperations,
    ...createServiceOperations,
    ...changeServiceOperations,
    ...readServiceOperations,
    ...taskOperations,
    ...runTaskOperations,
    ...containerInstanceOperations,
    ...tagOperations,
  ]),
  throttled: { code: 'ThrottlingException', message: 'Rate exceeded' },
  malformed: (message) => new AwsError('SerializationException', message),
  invalid: (operation, violations, message) => {
    const missing = violations.find((violation) => violation.kind === 'required');
    const own = missing === undefined ? undefined : OWN_WORDS.get(`${operation} ${missing.path}`);
    if (own !== undefined) return own();
    return operation.endsWith('TaskDefinition') ? clientException(message) : invalidParameter(message);
  },
};
