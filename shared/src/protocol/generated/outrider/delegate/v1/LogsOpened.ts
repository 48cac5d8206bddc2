// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Long } from '@grpc/proto-loader';

export interface LogsOpened {
  'maxUnacknowledgedBytes'?: (number | string | Long);
}

export interface LogsOpened__Output {
  'maxUnacknowledgedBytes'?: (string);
}
