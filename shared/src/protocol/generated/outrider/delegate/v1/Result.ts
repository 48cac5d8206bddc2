// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Outcome as _outrider_delegate_v1_Outcome, Outcome__Output as _outrider_delegate_v1_Outcome__Output } from '../../../outrider/delegate/v1/Outcome.ts';
import type { Failure as _outrider_delegate_v1_Failure, Failure__Output as _outrider_delegate_v1_Failure__Output } from '../../../outrider/delegate/v1/Failure.ts';
import type { Long } from '@grpc/proto-loader';

export interface Result {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'outcome'?: (_outrider_delegate_v1_Outcome);
  'outputJson'?: (Buffer | Uint8Array | string);
  'failure'?: (_outrider_delegate_v1_Failure | null);
  'logBytes'?: (number | string | Long);
  'logSha256'?: (string);
  'logFrom'?: (number | string | Long);
}

export interface Result__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'outcome'?: (_outrider_delegate_v1_Outcome__Output);
  'outputJson'?: (Buffer);
  'failure'?: (_outrider_delegate_v1_Failure__Output);
  'logBytes'?: (string);
  'logSha256'?: (string);
  'logFrom'?: (string);
}
