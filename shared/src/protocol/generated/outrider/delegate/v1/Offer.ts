// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface Offer {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'taskJson'?: (Buffer | Uint8Array | string);
  'deadline'?: (_google_protobuf_Timestamp | null);
  'factsJson'?: (Buffer | Uint8Array | string);
  'logOffset'?: (number | string | Long);
  'acceptWithinMs'?: (number);
  'checkpointSequence'?: (number | string | Long);
  'serverTime'?: (_google_protobuf_Timestamp | null);
}

export interface Offer__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'taskJson'?: (Buffer);
  'deadline'?: (_google_protobuf_Timestamp__Output);
  'factsJson'?: (Buffer);
  'logOffset'?: (string);
  'acceptWithinMs'?: (number);
  'checkpointSequence'?: (string);
  'serverTime'?: (_google_protobuf_Timestamp__Output);
}
