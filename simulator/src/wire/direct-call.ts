import { SERVICES } from '../services.ts';
import { checkInput, MalformedInput, violationMessage } from '../validation/check-input.ts';
import type { ServiceName } from '../validation/models.ts';
import type { World } from '../world/world.ts';
import { AwsError } from './aws-error.ts';
import { encodeResult } from './encode.ts';
import type { Operation } from './operation.ts';
import type { QuotaName, Quotas } from './quotas.ts';
import { toSdk } from './sdk-shape.ts';
import type { ServiceDefinition } from './service-definition.ts';

export interface DirectContext {
  readonly world: World;
  /** Undefined when quotas are switched off. */
  readonly quotas: Quotas | undefined;
}

/** An operation of a service, found once and called often. */
export interface DirectOperation {
  readonly service: ServiceDefinition;
  readonly operation: Operation;
}

const BY_NAME: ReadonlyMap<ServiceName, ServiceDefinition> = new Map(
  SERVICES.map((service) => [service.name, service]),
);

/** Throws RangeError for what the simulator does not speak. */
export function directOperation(serviceName: ServiceName, operationName: string): DirectOperation {
  const service = BY_NAME.get(serviceName);
  const operation = service?.operations.get(operationName);
  if (service === undefined || operation === undefined) {
    throw new RangeError(`The simulator does not know ${serviceName}:${operationName}`);
  }
  return { service, operation };
}

/**
 * Calls an operation in this process, without HTTP, signature or text: quotas, the input's shape and the operation itself are
 * as on the wire, faults of calls (throttle, lost-response …) are the caller's to play. The world must be at the present.
 * Input and answer are as an SDK client's: the answer is a copy that the world does not change any more.
 * @throws AwsError as AWS refuses
 */
export function callDirectly(context: DirectContext, { service, operation }: DirectOperation, input: object): object {
  if (context.quotas?.take(quotasOf(service, operation), context.world.now) === false) throw throttledBy(service);
  const checked = checkedInput(service, operation, input);
  const output = operation.run({ world: context.world, accessKeyId: '' }, checked);
  if (operation.mutates) context.world.changed();
  const shape = service.model.operations.get(operation.name)?.output;
  const answer = shape === undefined ? {} : toSdk(service.model, shape, output);
  return typeof answer === 'object' && answer !== null ? answer : {};
}

/** The same for services whose callers read XML (EC2): the answer's text. */
export function callForXml(context: DirectContext, { service, operation }: DirectOperation, input: object): string {
  if (context.quotas?.take(quotasOf(service, operation), context.world.now) === false) throw throttledBy(service);
  const output = operation.run({ world: context.world, accessKeyId: '' }, checkedInput(service, operation, input));
  return encodeResult(service, operation, output, context.world.requestId()).body;
}

/** How the service refuses what comes too fast. */
export function throttledBy(service: ServiceDefinition): AwsError {
  const { code, message } = service.throttled;
  return new AwsError(code, message, service.protocol.kind === 'ec2' ? 503 : 400);
}

/** How the service says that it has failed itself. */
export function serverErrorOf(service: ServiceDefinition): AwsError {
  return new AwsError(
    SERVER_ERRORS.get(service.name) ?? 'InternalError',
    'Service Unavailable. Please try again later.',
    500,
  );
}

const SERVER_ERRORS: ReadonlyMap<ServiceName, string> = new Map([
  ['ecs', 'ServerException'],
  ['autoscaling', 'InternalServiceException'],
]);

function checkedInput(service: ServiceDefinition, operation: Operation, input: object): object {
  const shape = service.model.operations.get(operation.name)?.input ?? '';
  try {
    const { value, violations } = checkInput(service.model, shape, input);
    if (violations.length === 0 && typeof value === 'object' && value !== null) return value;
    throw service.invalid(operation.name, violations, violationMessage(violations));
  } catch (error) {
    if (error instanceof MalformedInput) throw service.malformed(error.message);
    throw error;
  }
}

function quotasOf(service: ServiceDefinition, operation: Operation): QuotaName[] {
  return service.sharedQuota === undefined ? [operation.quota] : [service.sharedQuota, operation.quota];
}
