// Original file: proto/outrider/delegate/v1/delegate.proto

import type { TaskPhase as _outrider_delegate_v1_TaskPhase, TaskPhase__Output as _outrider_delegate_v1_TaskPhase__Output } from '../../../outrider/delegate/v1/TaskPhase.ts';
import type { Long } from '@grpc/proto-loader';

export interface InventoryItem {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'phase'?: (_outrider_delegate_v1_TaskPhase);
  'logOffset'?: (number | string | Long);
  'resultSha256'?: (string);
  'checkpointSequence'?: (number | string | Long);
  '_checkpointSequence'?: "checkpointSequence";
}

export interface InventoryItem__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'phase'?: (_outrider_delegate_v1_TaskPhase__Output);
  'logOffset'?: (string);
  'resultSha256'?: (string);
  'checkpointSequence'?: (string);
  '_checkpointSequence'?: "checkpointSequence";
}
