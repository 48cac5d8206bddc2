// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Long } from '@grpc/proto-loader';

export interface LogGap {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'offset'?: (number | string | Long);
  'droppedLines'?: (number | string | Long);
  'droppedBytes'?: (number | string | Long);
}

export interface LogGap__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'offset'?: (string);
  'droppedLines'?: (string);
  'droppedBytes'?: (string);
}
