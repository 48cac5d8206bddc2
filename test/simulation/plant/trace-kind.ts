import type { ExecutionEvent } from '@outrider/control-plane/domain/execution/events.ts';
import type { OperationName } from '@outrider/control-plane/store/operations.ts';
import type { DelegateMessage, LogMessage, LogReply, ServerMessage } from '@outrider/shared/protocol/messages.ts';
import type { FaultKind, MessageFault } from '../ports.ts';
import type { StoreFault } from './weather.ts';

/** Everything that a trace may speak of: what is not named here cannot be written down. */
export type TraceKind =
  | `event:${ExecutionEvent['type']}`
  | `message:${DelegateMessage['kind'] | ServerMessage['kind']}`
  | `message:log-${LogMessage['kind'] | LogReply['kind']}`
  | `store:${OperationName}`
  /** An operation of AWS that changes something, and one that only looks and that a fault struck. */
  | `aws:${string}`
  | 'aws:read-failed'
  | `fault:${FaultKind}`
  /** A fault that lasts has struck somebody. */
  | `struck:${MessageFault['how'] | StoreFault}`
  | `process:${'control-plane' | 'delegate'}-${'started' | 'ended'}`
  | 'process:control-plane-up'
  | 'process:control-plane-cannot-start'
  | 'process:failed'
  | 'connection:lost'
  | 'greeting:failed'
  | `log:${'warn' | 'error' | 'not-stored'}`
  | `operator:${'asked' | 'answered' | 'refused'}`
  | 'watcher:reconnects';
