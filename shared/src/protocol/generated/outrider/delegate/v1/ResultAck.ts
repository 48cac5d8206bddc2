// Original file: proto/outrider/delegate/v1/delegate.proto

import type { ResultStatus as _outrider_delegate_v1_ResultStatus, ResultStatus__Output as _outrider_delegate_v1_ResultStatus__Output } from '../../../outrider/delegate/v1/ResultStatus.ts';
import type { Long } from '@grpc/proto-loader';

export interface ResultAck {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'status'?: (_outrider_delegate_v1_ResultStatus);
  'logOffset'?: (number | string | Long);
}

export interface ResultAck__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'status'?: (_outrider_delegate_v1_ResultStatus__Output);
  'logOffset'?: (string);
}
