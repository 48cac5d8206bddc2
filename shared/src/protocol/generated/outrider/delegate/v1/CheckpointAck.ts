// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Long } from '@grpc/proto-loader';

export interface CheckpointAck {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'sequence'?: (number | string | Long);
}

export interface CheckpointAck__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'sequence'?: (string);
}
