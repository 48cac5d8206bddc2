// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';

export interface JoinResponse {
  'credential'?: (string);
  'expiresAt'?: (_google_protobuf_Timestamp | null);
  'delegateName'?: (string);
  'credentialId'?: (string);
}

export interface JoinResponse__Output {
  'credential'?: (string);
  'expiresAt'?: (_google_protobuf_Timestamp__Output);
  'delegateName'?: (string);
  'credentialId'?: (string);
}
