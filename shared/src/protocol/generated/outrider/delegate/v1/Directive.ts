// Original file: proto/outrider/delegate/v1/delegate.proto

import type { DirectiveAction as _outrider_delegate_v1_DirectiveAction, DirectiveAction__Output as _outrider_delegate_v1_DirectiveAction__Output } from '../../../outrider/delegate/v1/DirectiveAction.ts';
import type { Long } from '@grpc/proto-loader';

export interface Directive {
  'taskId'?: (string);
  'epoch'?: (number | string | Long);
  'action'?: (_outrider_delegate_v1_DirectiveAction);
  'logOffset'?: (number | string | Long);
}

export interface Directive__Output {
  'taskId'?: (string);
  'epoch'?: (string);
  'action'?: (_outrider_delegate_v1_DirectiveAction__Output);
  'logOffset'?: (string);
}
