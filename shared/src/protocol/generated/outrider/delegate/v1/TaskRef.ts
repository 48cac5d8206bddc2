// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Long } from '@grpc/proto-loader';

export interface TaskRef {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
}

export interface TaskRef__Output {
  'taskId'?: (string);
  'epoch'?: (string);
}
