// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Hello as _outrider_delegate_v1_Hello, Hello__Output as _outrider_delegate_v1_Hello__Output } from '../../../outrider/delegate/v1/Hello.ts';
import type { Accept as _outrider_delegate_v1_Accept, Accept__Output as _outrider_delegate_v1_Accept__Output } from '../../../outrider/delegate/v1/Accept.ts';
import type { Reject as _outrider_delegate_v1_Reject, Reject__Output as _outrider_delegate_v1_Reject__Output } from '../../../outrider/delegate/v1/Reject.ts';
import type { Heartbeat as _outrider_delegate_v1_Heartbeat, Heartbeat__Output as _outrider_delegate_v1_Heartbeat__Output } from '../../../outrider/delegate/v1/Heartbeat.ts';
import type { Checkpoint as _outrider_delegate_v1_Checkpoint, Checkpoint__Output as _outrider_delegate_v1_Checkpoint__Output } from '../../../outrider/delegate/v1/Checkpoint.ts';
import type { Progress as _outrider_delegate_v1_Progress, Progress__Output as _outrider_delegate_v1_Progress__Output } from '../../../outrider/delegate/v1/Progress.ts';
import type { Result as _outrider_delegate_v1_Result, Result__Output as _outrider_delegate_v1_Result__Output } from '../../../outrider/delegate/v1/Result.ts';
import type { Draining as _outrider_delegate_v1_Draining, Draining__Output as _outrider_delegate_v1_Draining__Output } from '../../../outrider/delegate/v1/Draining.ts';

export interface ControlRequest {
  'hello'?: (_outrider_delegate_v1_Hello | null);
  'accept'?: (_outrider_delegate_v1_Accept | null);
  'reject'?: (_outrider_delegate_v1_Reject | null);
  'heartbeat'?: (_outrider_delegate_v1_Heartbeat | null);
  'checkpoint'?: (_outrider_delegate_v1_Checkpoint | null);
  'progress'?: (_outrider_delegate_v1_Progress | null);
  'result'?: (_outrider_delegate_v1_Result | null);
  'draining'?: (_outrider_delegate_v1_Draining | null);
  'message'?: "hello"|"accept"|"reject"|"heartbeat"|"checkpoint"|"progress"|"result"|"draining";
}

export interface ControlRequest__Output {
  'hello'?: (_outrider_delegate_v1_Hello__Output);
  'accept'?: (_outrider_delegate_v1_Accept__Output);
  'reject'?: (_outrider_delegate_v1_Reject__Output);
  'heartbeat'?: (_outrider_delegate_v1_Heartbeat__Output);
  'checkpoint'?: (_outrider_delegate_v1_Checkpoint__Output);
  'progress'?: (_outrider_delegate_v1_Progress__Output);
  'result'?: (_outrider_delegate_v1_Result__Output);
  'draining'?: (_outrider_delegate_v1_Draining__Output);
  'message'?: "hello"|"accept"|"reject"|"heartbeat"|"checkpoint"|"progress"|"result"|"draining";
}
