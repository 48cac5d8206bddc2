import type { JsonObject } from './json.ts';

/** One row of the table of errors: what the code means at each border. */
interface ErrorKind {
  /** Status of the problem+json answer. */
  readonly httpStatus: number;
  /** Exit code of the command line (contract.md §1). */
  readonly exitCode: number;
  /** Whether the same request may succeed later without a change. */
  readonly retryable: boolean;
  readonly title: string;
  /** What to do next, where the error itself does not say it better. */
  readonly hint: string;
}

/** Every error that leaves a process of ours, by code. Closed: a new failure gets a row here or uses an existing one. */
export const ERRORS = {
  'document-invalid': row(422, 1, false, 'The document is not valid', 'Mend the places named and try again.'),
  'document-too-large': row(413, 1, false, 'The document is too large', 'Split it; one document may have 1 MiB.'),
  'request-invalid': row(400, 1, false, 'The request is not valid', 'See /openapi.json for the shape.'),
  'method-not-allowed': row(405, 1, false, 'This path does not know the method', 'See the Allow header.'),
  'media-type-unsupported': row(415, 1, false, 'The body has a type that is not understood', 'Send JSON or YAML.'),
  'not-found': row(404, 1, false, 'There is no such thing', 'List what there is: `outrider get KIND`.'),
  'reference-missing': row(
    422,
    1,
    false,
    'Something that is referred to does not exist',
    'Apply it first, or mend the name.',
  ),
  'expression-unresolved': row(422, 1, false, 'An expression does not resolve', 'Use one of the names listed.'),
  'version-conflict': row(412, 1, false, 'It was changed meanwhile', 'Read it again and repeat the change.'),
  'precondition-required': row(
    428,
    1,
    false,
    'It exists already, and the request does not say which version it replaces',
    'Read it, and send its ETag as If-Match.',
  ),
  'not-ready': row(503, 1, true, 'The control plane is not ready', 'Wait a moment; its log says what is missing.'),
  overloaded: row(503, 1, true, 'The control plane is at one of its limits', 'Try again in a moment.'),
  'in-use': row(409, 1, false, 'It is still in use', 'Remove what uses it first.'),
  'idempotency-key-reused': row(422, 1, false, 'The idempotency key was used for another request', 'Use a new key.'),
  'not-allowed-now': row(
    409,
    1,
    false,
    'That is not possible in the present state',
    'See `outrider show` for the state.',
  ),
  'execution-running': row(409, 1, true, 'Another execution runs there', 'Wait for it, or abort it.'),
  'queue-full': row(
    409,
    1,
    true,
    'Too many executions wait there',
    'Wait until some have ended, or abort those that nobody needs.',
  ),
  'no-eligible-delegate': row(409, 1, true, 'No delegate can do this', 'Start a delegate that has the tags named.'),
  'delegate-lost': row(503, 1, true, 'No delegate finished the step', 'See `outrider delegates list`.'),
  'not-authenticated': row(401, 4, false, 'Not logged in', 'Set OUTRIDER_API_KEY.'),
  'not-permitted': row(403, 4, false, 'Not allowed', 'Ask an admin for a key with the role named.'),
  'join-refused': row(403, 4, false, 'The delegate may not join', 'Make a new join token: `outrider tokens create`.'),
  'protocol-version': row(409, 1, false, 'The versions do not fit', 'Upgrade the older side.'),
  'configuration-invalid': row(500, 2, false, 'The configuration is not valid', 'Mend the variable named.'),
  'store-locked': row(
    500,
    1,
    true,
    'The store is in use by another process',
    'Stop the other one, or use another file.',
  ),
  'store-failed': row(500, 1, true, 'The store does not answer', 'See the log of the control plane and its disk.'),
  unreachable: row(503, 1, true, 'The control plane does not answer', 'See that it runs and OUTRIDER_URL is right.'),
  'step-input-invalid': row(422, 1, false, 'The step cannot run with this input', 'Mend the field named.'),
  'step-failed': row(500, 1, false, 'The step failed', 'See `outrider logs`.'),
  'step-timed-out': row(500, 1, false, 'The step took too long', 'See what it waited for in its log.'),
  'steady-state-timeout': row(500, 1, false, 'The service did not become steady in time', 'See the events in the log.'),
  'image-pull-failed': row(
    500,
    1,
    false,
    'The image cannot be pulled',
    'Check the image, its tag and the rights to pull it.',
  ),
  'container-exited': row(500, 1, false, 'The container exits', "See the container's own log and its exit code."),
  'task-start-failed': row(500, 1, false, 'The tasks cannot start', 'See why they stop.'),
  'out-of-memory': row(500, 1, false, 'The container needs more memory than it has', 'Raise its memory.'),
  'health-check-failed': row(
    500,
    1,
    false,
    'The tasks are not healthy',
    'Check path, port, security group, grace period.',
  ),
  'secret-unavailable': row(
    500,
    1,
    false,
    'A secret cannot be read',
    'Check the execution role and the VPC endpoints.',
  ),
  'placement-failed': row(
    500,
    1,
    false,
    'ECS finds no place for the tasks',
    'Add capacity or lower what a task reserves.',
  ),
  'capacity-unavailable': row(500, 1, true, 'There is no capacity now', 'Try again later, or in other zones.'),
  'network-interface-failed': row(
    500,
    1,
    false,
    'No network interface can be made',
    'Check the subnets and the ENI limits.',
  ),
  'quota-exceeded': row(
    500,
    1,
    false,
    'A quota of the AWS account is used up',
    'Raise the quota or remove what is not needed.',
  ),
  'aws-access-denied': row(
    500,
    1,
    false,
    "The delegate's role may not do this",
    'Allow the action named for its role.',
  ),
  'aws-throttled': row(500, 1, true, 'AWS throttles this account', 'Wait; see which other tools call the same API.'),
  'aws-rejected': row(500, 1, false, 'AWS refuses the request', "AWS's own words say why."),
  'aws-unavailable': row(500, 1, true, 'AWS does not answer', 'Check the network path and the VPC endpoints.'),
  'deployment-failed': row(500, 1, false, 'ECS marked the deployment as failed', 'See the stopped tasks in the log.'),
  'check-failed': row(
    500,
    1,
    false,
    'A check of the deployment failed',
    'Look at what was checked: the answer is in the log.',
  ),
  'script-failed': row(500, 1, false, 'The script failed', 'See what it wrote, in the log of the step.'),
  'service-missing': row(500, 1, false, 'The ECS service does not exist', 'Check the name and the cluster.'),
  interfered: row(500, 1, false, 'Somebody else changed the service meanwhile', 'Find out who, then run again.'),
  aborted: row(409, 6, false, 'Aborted', 'It was asked for.'),
  internal: row(500, 1, false, 'Something unexpected happened', 'Please report it with the log of the control plane.'),
} as const satisfies Record<string, ErrorKind>;

function row(httpStatus: number, exitCode: number, retryable: boolean, title: string, hint: string): ErrorKind {
  return { httpStatus, exitCode, retryable, title, hint };
}

export type ErrorCode = keyof typeof ERRORS;

export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(ERRORS, value);
}

/** A place in a document: lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong with what somebody gave us, and how to mend it. */
export interface Problem {
  /** What is wrong, in one sentence without a full stop. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
  /** Where: a JSON pointer into the document. */
  readonly pointer?: string;
  readonly place?: Place;
  /** The text that it stands in, one line, and the part of it that is meant: offsets in UTF-16 units. */
  readonly excerpt?: { readonly text: string; readonly offset: number; readonly length: number };
}

export interface ErrorDetails {
  readonly hint?: string;
  readonly problems?: readonly Problem[];
  /** Facts for machines: names, ids, limits. Never a secret. */
  readonly data?: JsonObject;
  readonly cause?: unknown;
}

/** The one error class. `message` says what happened and why in words for operators. */
export class OutriderError extends Error {
  override readonly name = 'OutriderError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly problems: readonly Problem[];
  readonly data: JsonObject;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint ?? ERRORS[code].hint;
    this.problems = details.problems ?? [];
    this.data = details.data ?? {};
  }

  /** Turns anything thrown into an OutriderError, once, at a border. What is not ours becomes `internal`. */
  static from(thrown: unknown): OutriderError {
    if (thrown instanceof OutriderError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new OutriderError('internal', message, { cause: thrown });
  }
}

/** What failure strategies match on; `any` in a strategy matches all of them. */
export const FAILURE_TYPES = [
  'application',
  'timeout',
  'authentication',
  'authorization',
  'connectivity',
  'delegate',
  'verification',
  'rejected',
] as const;
export type FailureType = (typeof FAILURE_TYPES)[number];

/** Why a step failed, as the API shows it (contract.md §4). */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  /** AWS's own words and the facts behind the verdict: stop reasons, events, exit codes. At most 20 lines. */
  readonly evidence: readonly string[];
  readonly failureType: FailureType;
}
