import { setTimeout as delay } from 'node:timers/promises';
import type { CallLog, CallRecord } from '../control/call-log.ts';
import { checkInput, MalformedInput, violationMessage } from '../validation/check-input.ts';
import type { SimulatedClock } from '../world/clock.ts';
import { type CallFault, matches, type WaitingPoint } from '../world/faults.ts';
import type { World } from '../world/world.ts';
import { AwsError } from './aws-error.ts';
import { type DecodedCall, decode, type RawRequest, Undecodable } from './decode.ts';
import { type EncodedResponse, encodeError, encodeResult } from './encode.ts';
import type { CallInterceptor } from './interceptor.ts';
import type { QuotaName, Quotas } from './quotas.ts';
import type { ServiceDefinition } from './service-definition.ts';

export interface WireContext {
  readonly world: World;
  readonly clock: SimulatedClock;
  readonly services: readonly ServiceDefinition[];
  readonly log: CallLog;
  /** Undefined when quotas are switched off. */
  readonly quotas: Quotas | undefined;
  readonly interceptor?: CallInterceptor | undefined;
}

/** What the server does with the connection. */
export type WireAnswer =
  | { readonly kind: 'respond'; readonly response: EncodedResponse }
  | { readonly kind: 'hang-up' };

const MAX_DELAY_MILLISECONDS = 600_000;

/** Answers one AWS request. Never throws: what goes wrong becomes the service's own error document. */
export async function handleCall(context: WireContext, request: RawRequest, hungUp: AbortSignal): Promise<WireAnswer> {
  const requestId = context.world.requestId();
  let call: DecodedCall;
  try {
    call = decode(context.services, request);
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    return { kind: 'respond', response: encodeError(error.service, error.error, requestId) };
  }
  context.clock.catchUp();
  const startedAt = performance.now();
  const { input, refusal } = inputOf(call);
  const record = context.log.start({
    at: context.world.now,
    service: call.service.name,
    operation: call.operation.name,
    mutates: call.operation.mutates,
    input,
    accessKeyId: call.accessKeyId,
    requestId,
  });
  const answer = await answerCall(context, call, input, refusal, record, hungUp);
  record.milliseconds = Math.round(performance.now() - startedAt);
  if (answer.kind === 'respond' && (await context.interceptor?.answered(record)) === 'drop') return { kind: 'hang-up' };
  return answer;
}

async function answerCall(
  context: WireContext,
  call: DecodedCall,
  input: object,
  refusal: AwsError | undefined,
  record: CallRecord,
  hungUp: AbortSignal,
): Promise<WireAnswer> {
  if ((await context.interceptor?.arrived(record)) === 'drop') return hangUp(record);
  const fault = strike(context.world, call, record.input);
  await slowDown(context, fault, 'request', hungUp);
  if (hungUp.aborted || fault?.fault.kind === 'lost-request') return hangUp(record);
  try {
    if (fault !== undefined) throwFault(call, fault.fault);
    if (context.quotas?.take(quotasOf(call), context.world.now) === false) throw throttled(call);
    if (refusal !== undefined) throw refusal;
    const output = call.operation.run({ world: context.world, accessKeyId: call.accessKeyId }, input);
    const response = encodeResult(call.service, call.operation, output, record.requestId);
    if (call.operation.mutates) {
      context.log.applied(record);
      context.world.changed();
      context.clock.rearm();
    }
    await slowDown(context, fault, 'response', hungUp);
    if (hungUp.aborted || fault?.fault.kind === 'lost-response') return hangUp(record);
    return finish(record, 'ok', '', response);
  } catch (thrown) {
    const error = thrown instanceof AwsError ? thrown : internal(thrown);
    return finish(record, error.code, error.message, encodeError(call.service, error, record.requestId));
  }
}

/** Decodes and checks the input; a refusal waits until quotas and faults had their turn. */
function inputOf(call: DecodedCall): { input: object; refusal: AwsError | undefined } {
  const shape = call.service.model.operations.get(call.operation.name)?.input ?? '';
  let seen: object = {};
  try {
    const raw = call.readInput();
    if (isObject(raw)) seen = raw;
    const { value, violations } = checkInput(call.service.model, shape, raw);
    if (violations.length === 0 && isObject(value)) return { input: value, refusal: undefined };
    return {
      input: seen,
      refusal: call.service.invalid(call.operation.name, violations, violationMessage(violations)),
    };
  } catch (error) {
    if (!(error instanceof MalformedInput)) throw error;
    return { input: seen, refusal: call.service.malformed(error.message) };
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function strike(world: World, call: DecodedCall, input: string): { id: string; fault: CallFault } | undefined {
  const kinds = ['throttle', 'server-error', 'error', 'lost-response', 'lost-request', 'delay', 'freeze'] as const;
  return world.faults.strike(kinds, (fault) => concerns(fault, call.service.name, call.operation.name, input));
}

/** Whether a fault's operation and resource fit a call. */
export function concerns(fault: CallFault, service: string, operation: string, input: string): boolean {
  const wanted = fault.operation ?? '*';
  const fits = wanted.includes(':') ? matchesWhole(wanted, `${service}:${operation}`) : matchesWhole(wanted, operation);
  return fits && matches(fault.resource, input);
}

function matchesWhole(pattern: string, name: string): boolean {
  return pattern.includes('*') ? matches(pattern, name) : pattern === name;
}

async function slowDown(
  context: WireContext,
  struck: { id: string; fault: CallFault } | undefined,
  point: WaitingPoint,
  hungUp: AbortSignal,
): Promise<void> {
  const fault = struck?.fault;
  if (fault?.kind !== 'delay' && fault?.kind !== 'freeze') return;
  if ((fault.point ?? 'request') !== point) return;
  if (fault.kind === 'delay') {
    const milliseconds = Math.min(Math.max(0, fault.milliseconds), MAX_DELAY_MILLISECONDS);
    // A caller that hangs up ends the wait; the request is then dropped like any other whose caller is gone.
    await delay(milliseconds, undefined, { signal: hungUp }).catch(() => undefined);
  } else if (struck !== undefined) {
    await new Promise<void>((resolve) => {
      context.world.faults.whenRemoved(struck.id, resolve);
      hungUp.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  context.clock.catchUp();
}

function throwFault(call: DecodedCall, fault: CallFault): void {
  if (fault.kind === 'throttle') throw throttled(call);
  if (fault.kind === 'error') throw new AwsError(fault.code, fault.message, fault.status ?? 400);
  if (fault.kind !== 'server-error') return;
  const code =
    call.service.name === 'ecs'
      ? 'ServerException'
      : call.service.name === 'autoscaling'
        ? 'InternalServiceException'
        : 'InternalError';
  throw new AwsError(code, 'Service Unavailable. Please try again later.', fault.status ?? 500);
}

function throttled(call: DecodedCall): AwsError {
  const { code, message } = call.service.throttled;
  return new AwsError(code, message, call.service.protocol.kind === 'ec2' ? 503 : 400);
}

function quotasOf(call: DecodedCall): QuotaName[] {
  const shared = call.service.sharedQuota;
  return shared === undefined ? [call.operation.quota] : [shared, call.operation.quota];
}

/** A defect of the simulator itself: told to the caller as a server error, and to nobody else. */
function internal(thrown: unknown): AwsError {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new AwsError('InternalFailure', `The simulator failed: ${message}`, 500);
}

function hangUp(record: CallRecord): WireAnswer {
  record.outcome = 'connection-lost';
  return { kind: 'hang-up' };
}

function finish(record: CallRecord, outcome: string, message: string, response: EncodedResponse): WireAnswer {
  record.outcome = outcome;
  record.message = message;
  record.status = response.status;
  return { kind: 'respond', response };
}
