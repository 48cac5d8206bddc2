// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Long } from '@grpc/proto-loader';

export interface LogAck {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'durableOffset'?: (number | string | Long);
}

export interface LogAck__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'durableOffset'?: (string);
}
