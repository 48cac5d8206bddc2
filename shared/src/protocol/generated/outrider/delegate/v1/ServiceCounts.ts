// Original file: proto/outrider/delegate/v1/delegate.proto

import type { ServiceRole as _outrider_delegate_v1_ServiceRole, ServiceRole__Output as _outrider_delegate_v1_ServiceRole__Output } from '../../../outrider/delegate/v1/ServiceRole.ts';

export interface ServiceCounts {
  'service'?: (string);
  'role'?: (_outrider_delegate_v1_ServiceRole);
  'desired'?: (number);
  'running'?: (number);
  'pending'?: (number);
}

export interface ServiceCounts__Output {
  'service'?: (string);
  'role'?: (_outrider_delegate_v1_ServiceRole__Output);
  'desired'?: (number);
  'running'?: (number);
  'pending'?: (number);
}
