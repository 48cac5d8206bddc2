// Original file: proto/outrider/delegate/v1/delegate.proto

import type { ServiceCounts as _outrider_delegate_v1_ServiceCounts, ServiceCounts__Output as _outrider_delegate_v1_ServiceCounts__Output } from '../../../outrider/delegate/v1/ServiceCounts.ts';
import type { Long } from '@grpc/proto-loader';

export interface Progress {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'services'?: (_outrider_delegate_v1_ServiceCounts)[];
}

export interface Progress__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'services'?: (_outrider_delegate_v1_ServiceCounts__Output)[];
}
