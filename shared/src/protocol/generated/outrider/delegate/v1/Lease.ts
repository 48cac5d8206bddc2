// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Long } from '@grpc/proto-loader';

export interface Lease {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'ttlMs'?: (number);
}

export interface Lease__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'ttlMs'?: (number);
}
