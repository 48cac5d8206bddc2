// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Directive as _outrider_delegate_v1_Directive, Directive__Output as _outrider_delegate_v1_Directive__Output } from '../../../outrider/delegate/v1/Directive.ts';

export interface Welcome {
  'sessionId'?: (string);
  'protocol'?: (number);
  'leaseTtlMs'?: (number);
  'heartbeatMs'?: (number);
  'serverTime'?: (_google_protobuf_Timestamp | null);
  'directives'?: (_outrider_delegate_v1_Directive)[];
}

export interface Welcome__Output {
  'sessionId'?: (string);
  'protocol'?: (number);
  'leaseTtlMs'?: (number);
  'heartbeatMs'?: (number);
  'serverTime'?: (_google_protobuf_Timestamp__Output);
  'directives'?: (_outrider_delegate_v1_Directive__Output)[];
}
