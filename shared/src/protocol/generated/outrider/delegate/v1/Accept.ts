// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Long } from '@grpc/proto-loader';

export interface Accept {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
}

export interface Accept__Output {
  'taskId'?: (string);
  'epoch'?: (string);
}
