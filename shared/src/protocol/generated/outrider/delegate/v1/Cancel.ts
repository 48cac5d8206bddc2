// Original file: proto/outrider/delegate/v1/delegate.proto

import type { CancelReason as _outrider_delegate_v1_CancelReason, CancelReason__Output as _outrider_delegate_v1_CancelReason__Output } from '../../../outrider/delegate/v1/CancelReason.ts';
import type { Long } from '@grpc/proto-loader';

export interface Cancel {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'reason'?: (_outrider_delegate_v1_CancelReason);
  'message'?: (string);
}

export interface Cancel__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'reason'?: (_outrider_delegate_v1_CancelReason__Output);
  'message'?: (string);
}
