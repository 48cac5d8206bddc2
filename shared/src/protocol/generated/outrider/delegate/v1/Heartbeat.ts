// Original file: proto/outrider/delegate/v1/delegate.proto

import type { TaskRef as _outrider_delegate_v1_TaskRef, TaskRef__Output as _outrider_delegate_v1_TaskRef__Output } from '../../../outrider/delegate/v1/TaskRef.ts';
import type { Long } from '@grpc/proto-loader';

export interface Heartbeat {
  'sequence'?: (number | string | Long);
  'running'?: (_outrider_delegate_v1_TaskRef)[];
  'slotsFree'?: (number);
}

export interface Heartbeat__Output {
  'sequence'?: (string);
  'running'?: (_outrider_delegate_v1_TaskRef__Output)[];
  'slotsFree'?: (number);
}
