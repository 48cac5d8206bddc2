import { type ErrorCode, FAILURE_TYPES, type Failure, type FailureType, isErrorCode } from '../../errors.ts';
import type { ControlRequest, ControlRequest__Output } from '../generated/outrider/delegate/v1/ControlRequest.ts';
import type { Failure__Output, Failure as WireFailure } from '../generated/outrider/delegate/v1/Failure.ts';
import type { Hello, Hello__Output } from '../generated/outrider/delegate/v1/Hello.ts';
import type { Result, Result__Output } from '../generated/outrider/delegate/v1/Result.ts';
import type {
  ServiceCounts__Output,
  ServiceCounts as WireCounts,
} from '../generated/outrider/delegate/v1/ServiceCounts.ts';
import type { DelegateMessage, ServiceCounts, TaskOutcome, TaskPhase } from '../messages.ts';
import { EVIDENCE_KEPT, FACTS_MAX_BYTES, OUTPUT_MAX_BYTES } from '../timings.ts';
import {
  jsonObject,
  long,
  name,
  present,
  taskRef,
  tasks,
  text,
  uint,
  word,
  words,
  writeJson,
  writeLong,
  writeTaskRef,
  writeUint,
} from './fields.ts';

/** ControlRequest ↔ DelegateMessage. */

const PHASES = {
  accepted: 'TASK_PHASE_ACCEPTED',
  running: 'TASK_PHASE_RUNNING',
  finished: 'TASK_PHASE_FINISHED',
} as const satisfies Record<TaskPhase, string>;

const ROLES = {
  new: 'SERVICE_ROLE_NEW',
  old: 'SERVICE_ROLE_OLD',
} as const satisfies Record<ServiceCounts['role'], string>;

const OUTCOMES = {
  succeeded: 'OUTCOME_SUCCEEDED',
  failed: 'OUTCOME_FAILED',
  stopped: 'OUTCOME_STOPPED',
} as const satisfies Record<TaskOutcome['outcome'], string>;

export function writeDelegateMessage(message: DelegateMessage): ControlRequest {
  switch (message.kind) {
    case 'hello':
      return { hello: writeHello(message) };
    case 'accept':
      return { accept: writeTaskRef(message) };
    case 'reject':
      return { reject: { ...writeTaskRef(message), code: message.code, message: message.message } };
    case 'heartbeat':
      return {
        heartbeat: {
          sequence: writeLong(message.sequence),
          running: message.running.map(writeTaskRef),
          slotsFree: writeUint(message.slotsFree),
        },
      };
    case 'checkpoint':
      return {
        checkpoint: {
          ...writeTaskRef(message),
          sequence: writeLong(message.sequence),
          factsJson: writeJson(message.facts),
        },
      };
    case 'progress':
      return { progress: { ...writeTaskRef(message), services: message.services.map(writeCounts) } };
    case 'result':
      return { result: writeResult(message) };
    case 'draining':
      return { draining: { reason: message.reason } };
  }
}

/** Undefined: an arm that this code does not know. Throws InvalidField. */
export function readDelegateMessage(wire: ControlRequest__Output): DelegateMessage | undefined {
  switch (wire.message) {
    case 'hello':
      return readHello(present(wire.hello, 'hello'));
    case 'accept':
      return { kind: 'accept', ...taskRef(present(wire.accept, 'accept')) };
    case 'reject': {
      const reject = present(wire.reject, 'reject');
      return { kind: 'reject', ...taskRef(reject), code: words(reject.code), message: words(reject.message) };
    }
    case 'heartbeat': {
      const heartbeat = present(wire.heartbeat, 'heartbeat');
      return {
        kind: 'heartbeat',
        sequence: long(heartbeat.sequence, 'sequence'),
        running: tasks(heartbeat.running, 'running').map(taskRef),
        slotsFree: uint(heartbeat.slotsFree),
      };
    }
    case 'checkpoint': {
      const checkpoint = present(wire.checkpoint, 'checkpoint');
      return {
        kind: 'checkpoint',
        ...taskRef(checkpoint),
        sequence: long(checkpoint.sequence, 'sequence'),
        facts: jsonObject(checkpoint.factsJson, FACTS_MAX_BYTES, 'facts_json'),
      };
    }
    case 'progress': {
      const progress = present(wire.progress, 'progress');
      return { kind: 'progress', ...taskRef(progress), services: (progress.services ?? []).map(readCounts) };
    }
    case 'result':
      return readResult(present(wire.result, 'result'));
    case 'draining':
      return { kind: 'draining', reason: words(wire.draining?.reason) };
    case undefined:
      return undefined;
  }
}

function writeHello(hello: DelegateMessage & { kind: 'hello' }): Hello {
  return {
    delegateName: hello.delegateName,
    instanceId: hello.instanceId,
    protocolMin: writeUint(hello.protocolMin),
    protocolMax: writeUint(hello.protocolMax),
    version: hello.version,
    tags: [...hello.tags],
    stepTypes: [...hello.stepTypes],
    slots: writeUint(hello.slots),
    inventory: hello.inventory.map((item) => ({
      ...writeTaskRef(item),
      phase: PHASES[item.phase],
      logOffset: writeLong(item.logOffset),
      resultSha256: item.resultSha256,
      ...(item.checkpointSequence === undefined ? {} : { checkpointSequence: writeLong(item.checkpointSequence) }),
    })),
    region: hello.region,
  };
}

function readHello(hello: Hello__Output): DelegateMessage {
  return {
    kind: 'hello',
    delegateName: name(hello.delegateName, 'delegate_name'),
    instanceId: name(hello.instanceId, 'instance_id'),
    protocolMin: uint(hello.protocolMin),
    protocolMax: uint(hello.protocolMax),
    version: text(hello.version),
    tags: hello.tags ?? [],
    stepTypes: hello.stepTypes ?? [],
    slots: uint(hello.slots),
    inventory: tasks(hello.inventory, 'inventory').map((item) => ({
      ...taskRef(item),
      phase: word(PHASES, item.phase, 'phase'),
      logOffset: long(item.logOffset, 'log_offset'),
      resultSha256: text(item.resultSha256),
      ...(item.checkpointSequence === undefined
        ? {}
        : { checkpointSequence: long(item.checkpointSequence, 'checkpoint_sequence') }),
    })),
    region: text(hello.region),
  };
}

function writeCounts(counts: ServiceCounts): WireCounts {
  return {
    service: counts.service,
    role: ROLES[counts.role],
    desired: writeUint(counts.desired),
    running: writeUint(counts.running),
    pending: writeUint(counts.pending),
  };
}

function readCounts(counts: ServiceCounts__Output): ServiceCounts {
  return {
    service: words(counts.service),
    role: word(ROLES, counts.role, 'role'),
    desired: uint(counts.desired),
    running: uint(counts.running),
    pending: uint(counts.pending),
  };
}

function writeResult(message: DelegateMessage & { kind: 'result' }): Result {
  const { result } = message;
  return {
    ...writeTaskRef(message),
    outcome: OUTCOMES[result.outcome],
    logBytes: writeLong(message.logBytes),
    logSha256: message.logSha256,
    logFrom: writeLong(message.logFrom),
    ...(result.outcome === 'succeeded' ? { outputJson: writeJson(result.output) } : {}),
    ...(result.outcome === 'failed' ? { failure: writeFailure(result.failure) } : {}),
    ...(result.outcome === 'stopped' ? { failure: { code: 'aborted', message: result.message } } : {}),
  };
}

function readResult(wire: Result__Output): DelegateMessage {
  return {
    kind: 'result',
    ...taskRef(wire),
    result: readOutcome(wire),
    logBytes: long(wire.logBytes, 'log_bytes'),
    logSha256: text(wire.logSha256),
    logFrom: long(wire.logFrom, 'log_from'),
  };
}

function readOutcome(wire: Result__Output): TaskOutcome {
  const outcome = word(OUTCOMES, wire.outcome, 'outcome');
  switch (outcome) {
    case 'succeeded':
      return { outcome, output: jsonObject(wire.outputJson, OUTPUT_MAX_BYTES, 'output_json') };
    case 'failed':
      return { outcome, failure: readFailure(present(wire.failure, 'failure')) };
    case 'stopped':
      return { outcome, message: words(wire.failure?.message) };
  }
}

function writeFailure(failure: Failure): WireFailure {
  return {
    code: failure.code,
    message: failure.message,
    hint: failure.hint,
    evidence: [...failure.evidence],
    failureType: failure.failureType,
  };
}

/** A code or type that a newer delegate knows and we do not still tells the operator its words. */
function readFailure(wire: Failure__Output): Failure {
  const code: ErrorCode = wire.code !== undefined && isErrorCode(wire.code) ? wire.code : 'step-failed';
  const failureType: FailureType = FAILURE_TYPES.find((type) => type === wire.failureType) ?? 'application';
  return {
    code,
    message: words(wire.message),
    hint: words(wire.hint),
    evidence: (wire.evidence ?? []).slice(0, EVIDENCE_KEPT).map(words),
    failureType,
  };
}
