// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Long } from '@grpc/proto-loader';

export interface Checkpoint {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'sequence'?: (number | string | Long);
  'factsJson'?: (Buffer | Uint8Array | string);
}

export interface Checkpoint__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'sequence'?: (string);
  'factsJson'?: (Buffer);
}
