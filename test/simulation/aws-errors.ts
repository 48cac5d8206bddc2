import { CALL_TIMEOUT_MS } from '@outrider/delegate/aws/clients.ts';
import type { ServiceName } from '@outrider/simulator/validation/models.ts';
import type { AwsError } from '@outrider/simulator/wire/aws-error.ts';

/** From the moment a request is sent to the moment at which its caller has given it up. */
export const CALL_DEADLINE_MS = CALL_TIMEOUT_MS;

/** A refusal of AWS as the SDK throws it: named after its code, with the HTTP status and the id of the request. */
export function sdkError(service: ServiceName, error: AwsError): Error {
  return Object.assign(new Error(error.message), {
    name: service === 'elbv2' && !UNMODELLED.has(error.code) ? `${error.code}Exception` : error.code,
    $fault: error.status < 500 ? 'client' : 'server',
    $metadata: { httpStatusCode: error.status, requestId: '00000000-0000-4000-8000-000000000000', attempts: 1 },
    ...error.details,
  });
}

/** Elastic Load Balancing's codes lack the ending that the SDK's names of its modelled errors have. */
const UNMODELLED = new Set(['ValidationError', 'Throttling', 'InternalError', 'InternalFailure']);

export function connectionReset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
}

export function timedOut(): Error {
  return Object.assign(new Error(`Request did not complete within ${CALL_DEADLINE_MS} ms`), { name: 'TimeoutError' });
}

/** Whether the SDK tries a read again after it. */
export function isRetried(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'TimeoutError' || ('code' in error && error.code === 'ECONNRESET')) return true;
  if (/^(?:Throttling|ThrottlingException|RequestLimitExceeded)$/.test(error.name)) return true;
  return '$fault' in error && error.$fault === 'server';
}
