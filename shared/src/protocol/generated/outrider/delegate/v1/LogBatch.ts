// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Long } from '@grpc/proto-loader';

export interface LogBatch {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'offset'?: (number | string | Long);
  'data'?: (Buffer | Uint8Array | string);
}

export interface LogBatch__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'offset'?: (string);
  'data'?: (Buffer);
}
