// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Long } from '@grpc/proto-loader';

export interface Reject {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'code'?: (string);
  'message'?: (string);
}

export interface Reject__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'code'?: (string);
  'message'?: (string);
}
