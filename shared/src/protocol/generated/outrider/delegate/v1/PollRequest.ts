// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Long } from '@grpc/proto-loader';

export interface PollRequest {
  'sessionId'?: (string);
  'sequence'?: (number | string | Long);
  'control'?: (Buffer | Uint8Array | string)[];
  'logs'?: (Buffer | Uint8Array | string)[];
  'last'?: (boolean);
}

export interface PollRequest__Output {
  'sessionId'?: (string);
  'sequence'?: (string);
  'control'?: (Buffer)[];
  'logs'?: (Buffer)[];
  'last'?: (boolean);
}
