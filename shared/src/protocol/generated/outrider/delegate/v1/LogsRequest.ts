// Original file: proto/outrider/delegate/v1/delegate.proto

import type { LogBatch as _outrider_delegate_v1_LogBatch, LogBatch__Output as _outrider_delegate_v1_LogBatch__Output } from '../../../outrider/delegate/v1/LogBatch.ts';
import type { LogGap as _outrider_delegate_v1_LogGap, LogGap__Output as _outrider_delegate_v1_LogGap__Output } from '../../../outrider/delegate/v1/LogGap.ts';

export interface LogsRequest {
  'batch'?: (_outrider_delegate_v1_LogBatch | null);
  'gap'?: (_outrider_delegate_v1_LogGap | null);
  'message'?: "batch"|"gap";
}

export interface LogsRequest__Output {
  'batch'?: (_outrider_delegate_v1_LogBatch__Output);
  'gap'?: (_outrider_delegate_v1_LogGap__Output);
  'message'?: "batch"|"gap";
}
