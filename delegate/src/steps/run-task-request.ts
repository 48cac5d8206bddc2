import type { Json, JsonObject } from '@outrider/shared/json.ts';
import type { StepInput } from '@outrider/shared/steps/define.ts';
import type { RenderedWith } from '@outrider/shared/steps/index.ts';
import { networkConfiguration, setLaunchType } from './service-request.ts';

/** AWS's RunTask request without cluster, token and tags. The infrastructure says where tasks run, as for services. */
export function runTaskRequest(options: {
  readonly taskDefinitionArn: string;
  readonly definition: JsonObject;
  readonly input: Pick<StepInput<RenderedWith<'ecs-run-task'>, unknown>, 'with' | 'target' | 'service'>;
  readonly startedBy: string;
}): JsonObject {
  const { taskDefinitionArn, definition, input, startedBy } = options;
  const { with: given, target, service } = input;
  const request: Record<string, Json> = {
    taskDefinition: taskDefinitionArn,
    count: given.count ?? 1,
    propagateTags: 'TASK_DEFINITION',
    startedBy,
  };
  setLaunchType(request, target);
  const { serviceDefinition } = service;
  const network = networkConfiguration({ taskDefinition: definition, serviceDefinition }, target);
  if (network !== undefined) request['networkConfiguration'] = network;
  if (given.overrides !== undefined) request['overrides'] = given.overrides;
  return request;
}
