import { type ErrorCode, OutriderError } from '@outrider/shared/errors.ts';
import type { JsonObject } from '@outrider/shared/json.ts';

/**
 * What an error of AWS means for a caller that might try again:
 * - `throttled`: nothing was done; the same call may go out again later.
 * - `unclear`: it may or may not have been done; look before calling again.
 * - `concurrent`: another change is under way; nothing was done.
 * - `consistency`: AWS does not yet see what was made a moment ago; nothing was done.
 * - `absent`: what was to be changed or removed is not there.
 * - `final`: calling again changes nothing.
 */
export type AwsErrorClass = 'throttled' | 'unclear' | 'concurrent' | 'consistency' | 'absent' | 'final';

const THROTTLES = new Set([
  'ThrottlingException',
  'Throttling',
  'ThrottledException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'SlowDown',
  'PriorRequestNotComplete',
]);
const UNCLEAR = new Set([
  'ServerException',
  'InternalServiceException',
  'InternalFailure',
  'InternalError',
  'InternalServerError',
  'ServiceUnavailable',
  'ServiceUnavailableException',
  'HealthUnavailable',
  'HealthUnavailableException',
  'RequestTimeout',
  'TimeoutError',
]);
const NETWORK = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
]);
const DENIED = new Set([
  'AccessDeniedException',
  'AccessDenied',
  'UnauthorizedOperation',
  'OptInRequired',
  'OperationNotPermitted',
]);
const CREDENTIALS = new Set([
  'ExpiredTokenException',
  'ExpiredToken',
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'IncompleteSignature',
  'MissingAuthenticationTokenException',
  'AuthFailure',
  'CredentialsProviderError',
  'RequestExpired',
]);
const ABSENT = new Set([
  'ServiceNotFoundException',
  'ObjectNotFoundException',
  'TargetGroupNotFoundException',
  'LoadBalancerNotFoundException',
]);
/** Texts of errors that pass by themselves soon after something was made or removed (aws-facts §2.8). */
const CONSISTENCY_TEXTS = [
  /verify that the ECS service role being passed has the proper permissions/,
  /does not have an associated load balancer/,
  /Unable to assume the service linked role/,
  /Unable to Start a service that is still Draining/,
  /ECS was unable to assume the role .* that was provided for this task/,
  /No scalable target registered/i,
];
const NOT_AUTHORIZED = /is not authorized to perform: ([\w-]+:\w+)(?: on resource: (\S+))?/;
const NOT_IDEMPOTENT = /Creation of service was not idempotent/;

/** AWS's answer to an error, in our words. The only place that knows the names of AWS's exceptions. */
export function convertAwsError(thrown: unknown, operation: string): OutriderError {
  if (thrown instanceof OutriderError) return thrown;
  const facts = factsOf(thrown);
  const kind = classify(facts);
  const { code, hint } = meaning(facts, kind, operation);
  const data: JsonObject = {
    operation,
    awsCode: facts.name,
    awsClass: kind,
    ...(facts.requestId === undefined ? {} : { requestId: facts.requestId }),
    ...(NOT_IDEMPOTENT.test(facts.message) ? { notIdempotent: true } : {}),
  };
  const message = `${operation}: ${facts.message}`;
  return new OutriderError(code, message, { data, cause: thrown, ...(hint === undefined ? {} : { hint }) });
}

export function awsErrorClass(error: OutriderError): AwsErrorClass | undefined {
  const value = error.data['awsClass'];
  return value === 'throttled' ||
    value === 'unclear' ||
    value === 'concurrent' ||
    value === 'consistency' ||
    value === 'absent' ||
    value === 'final'
    ? value
    : undefined;
}

/** CreateService was refused because a service of this name exists that was made with other parameters. */
export function isNotIdempotent(error: unknown): boolean {
  return error instanceof OutriderError && error.data['notIdempotent'] === true;
}

/** The thing is not there: for reads and for removals that is an answer, not a failure. */
export function isAbsent(error: unknown): boolean {
  return error instanceof OutriderError && awsErrorClass(error) === 'absent';
}

/** The service is DRAINING or INACTIVE already. */
export function isNotActive(error: unknown): boolean {
  return error instanceof OutriderError && error.data['awsCode'] === 'ServiceNotActiveException';
}

interface ErrorFacts {
  readonly name: string;
  readonly message: string;
  readonly status: number | undefined;
  readonly networkCode: string | undefined;
  readonly requestId: string | undefined;
}

function factsOf(thrown: unknown): ErrorFacts {
  if (!(thrown instanceof Error)) {
    return {
      name: 'UnknownError',
      message: String(thrown),
      status: undefined,
      networkCode: undefined,
      requestId: undefined,
    };
  }
  const metadata = '$metadata' in thrown && typeof thrown.$metadata === 'object' ? thrown.$metadata : null;
  const status = metadata !== null && 'httpStatusCode' in metadata ? metadata.httpStatusCode : undefined;
  const requestId = metadata !== null && 'requestId' in metadata ? metadata.requestId : undefined;
  const code = 'code' in thrown ? thrown.code : causeCode(thrown.cause);
  return {
    name: thrown.name,
    message: messageOf(thrown),
    status: typeof status === 'number' ? status : undefined,
    networkCode: typeof code === 'string' ? code : undefined,
    requestId: typeof requestId === 'string' ? requestId : undefined,
  };
}

/** A connection that fails over several addresses is an AggregateError without a text of its own. */
function messageOf(thrown: Error): string {
  if (thrown.message !== '') return thrown.message;
  const inner = thrown instanceof AggregateError ? thrown.errors.find((error) => error instanceof Error) : undefined;
  return inner?.message ?? thrown.name;
}

function causeCode(cause: unknown): unknown {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
}

function classify(facts: ErrorFacts): AwsErrorClass {
  if (THROTTLES.has(facts.name) || facts.status === 429 || /^Rate exceeded/i.test(facts.message)) return 'throttled';
  if (facts.name === 'ConcurrentUpdateException' || facts.name === 'ConflictException') return 'concurrent';
  if (CONSISTENCY_TEXTS.some((text) => text.test(facts.message))) return 'consistency';
  if (ABSENT.has(facts.name)) return 'absent';
  if (UNCLEAR.has(facts.name) || (facts.status ?? 0) >= 500) return 'unclear';
  if (facts.networkCode !== undefined && NETWORK.has(facts.networkCode)) return 'unclear';
  // An answer that is no answer of AWS (a proxy's page): what became of the request is not known.
  if (facts.name === 'SyntaxError' || facts.name === 'AbortError') return 'unclear';
  return 'final';
}

function meaning(facts: ErrorFacts, kind: AwsErrorClass, operation: string): { code: ErrorCode; hint?: string } {
  if (kind === 'throttled') return { code: 'aws-throttled' };
  if (kind === 'unclear') return { code: 'aws-unavailable' };
  const denied = NOT_AUTHORIZED.exec(facts.message);
  if (denied !== null && !CREDENTIALS.has(facts.name)) {
    // AWS names what is missing: for roles of tasks that is iam:PassRole, whatever was called.
    const [, action = actionOf(operation), resource] = denied;
    const where = resource === undefined || resource === '*' ? '' : ` on ${resource}`;
    return { code: 'aws-access-denied', hint: `Allow ${action}${where} for the delegate's role.` };
  }
  if (CREDENTIALS.has(facts.name)) {
    return { code: 'aws-access-denied', hint: "Check the delegate's AWS credentials, its role and its clock." };
  }
  if (DENIED.has(facts.name))
    return { code: 'aws-access-denied', hint: `Allow ${actionOf(operation)} for the delegate's role.` };
  if (facts.name === 'LimitExceededException') return { code: 'quota-exceeded' };
  if (facts.name === 'ServiceNotFoundException') return { code: 'service-missing' };
  if (facts.name === 'ClusterNotFoundException') {
    return { code: 'aws-rejected', hint: 'Check the cluster and the region of the Infrastructure.' };
  }
  return { code: 'aws-rejected' };
}

/** `ECS CreateService` → `ecs:CreateService`, as IAM policies spell it. */
function actionOf(operation: string): string {
  const [service = '', name = ''] = operation.split(' ');
  const prefixes: Record<string, string> = {
    ECS: 'ecs',
    AutoScaling: 'application-autoscaling',
    ELB: 'elasticloadbalancing',
    EC2: 'ec2',
  };
  return `${prefixes[service] ?? service.toLowerCase()}:${name}`;
}
