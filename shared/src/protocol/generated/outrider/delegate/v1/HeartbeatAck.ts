// Original file: proto/outrider/delegate/v1/delegate.proto

import type { TaskRef as _outrider_delegate_v1_TaskRef, TaskRef__Output as _outrider_delegate_v1_TaskRef__Output } from '../../../outrider/delegate/v1/TaskRef.ts';
import type { Long } from '@grpc/proto-loader';

export interface HeartbeatAck {
  'sequence'?: (number | string | Long);
  'extended'?: (_outrider_delegate_v1_TaskRef)[];
  'lost'?: (_outrider_delegate_v1_TaskRef)[];
}

export interface HeartbeatAck__Output {
  'sequence'?: (string);
  'extended'?: (_outrider_delegate_v1_TaskRef__Output)[];
  'lost'?: (_outrider_delegate_v1_TaskRef__Output)[];
}
