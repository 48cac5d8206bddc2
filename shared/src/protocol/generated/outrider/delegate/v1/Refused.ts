// Original file: proto/outrider/delegate/v1/delegate.proto

import type { RefusalCode as _outrider_delegate_v1_RefusalCode, RefusalCode__Output as _outrider_delegate_v1_RefusalCode__Output } from '../../../outrider/delegate/v1/RefusalCode.ts';
import type { Long } from '@grpc/proto-loader';

export interface Refused {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'code'?: (_outrider_delegate_v1_RefusalCode);
  'what'?: (string);
  'message'?: (string);
}

export interface Refused__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'code'?: (_outrider_delegate_v1_RefusalCode__Output);
  'what'?: (string);
  'message'?: (string);
}
