// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface LogGap {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'offset'?: (number | string | Long);
  'droppedLines'?: (number | string | Long);
  'droppedBytes'?: (number | string | Long);
  'at'?: (_google_protobuf_Timestamp | null);
}

export interface LogGap__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'offset'?: (string);
  'droppedLines'?: (string);
  'droppedBytes'?: (string);
  'at'?: (_google_protobuf_Timestamp__Output);
}
