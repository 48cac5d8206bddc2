// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface RenewResponse {
  'generation'?: (number | string | Long);
  'expiresAt'?: (_google_protobuf_Timestamp | null);
}

export interface RenewResponse__Output {
  'generation'?: (string);
  'expiresAt'?: (_google_protobuf_Timestamp__Output);
}
