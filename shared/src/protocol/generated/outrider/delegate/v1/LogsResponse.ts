// Original file: proto/outrider/delegate/v1/delegate.proto

import type { LogsOpened as _outrider_delegate_v1_LogsOpened, LogsOpened__Output as _outrider_delegate_v1_LogsOpened__Output } from '../../../outrider/delegate/v1/LogsOpened.ts';
import type { LogAck as _outrider_delegate_v1_LogAck, LogAck__Output as _outrider_delegate_v1_LogAck__Output } from '../../../outrider/delegate/v1/LogAck.ts';
import type { LogRefused as _outrider_delegate_v1_LogRefused, LogRefused__Output as _outrider_delegate_v1_LogRefused__Output } from '../../../outrider/delegate/v1/LogRefused.ts';

export interface LogsResponse {
  'opened'?: (_outrider_delegate_v1_LogsOpened | null);
  'ack'?: (_outrider_delegate_v1_LogAck | null);
  'refused'?: (_outrider_delegate_v1_LogRefused | null);
  'message'?: "opened"|"ack"|"refused";
}

export interface LogsResponse__Output {
  'opened'?: (_outrider_delegate_v1_LogsOpened__Output);
  'ack'?: (_outrider_delegate_v1_LogAck__Output);
  'refused'?: (_outrider_delegate_v1_LogRefused__Output);
  'message'?: "opened"|"ack"|"refused";
}
