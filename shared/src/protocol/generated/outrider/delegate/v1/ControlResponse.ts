// Original file: proto/outrider/delegate/v1/delegate.proto

import type { Welcome as _outrider_delegate_v1_Welcome, Welcome__Output as _outrider_delegate_v1_Welcome__Output } from '../../../outrider/delegate/v1/Welcome.ts';
import type { Offer as _outrider_delegate_v1_Offer, Offer__Output as _outrider_delegate_v1_Offer__Output } from '../../../outrider/delegate/v1/Offer.ts';
import type { Lease as _outrider_delegate_v1_Lease, Lease__Output as _outrider_delegate_v1_Lease__Output } from '../../../outrider/delegate/v1/Lease.ts';
import type { Refused as _outrider_delegate_v1_Refused, Refused__Output as _outrider_delegate_v1_Refused__Output } from '../../../outrider/delegate/v1/Refused.ts';
import type { HeartbeatAck as _outrider_delegate_v1_HeartbeatAck, HeartbeatAck__Output as _outrider_delegate_v1_HeartbeatAck__Output } from '../../../outrider/delegate/v1/HeartbeatAck.ts';
import type { Cancel as _outrider_delegate_v1_Cancel, Cancel__Output as _outrider_delegate_v1_Cancel__Output } from '../../../outrider/delegate/v1/Cancel.ts';
import type { CheckpointAck as _outrider_delegate_v1_CheckpointAck, CheckpointAck__Output as _outrider_delegate_v1_CheckpointAck__Output } from '../../../outrider/delegate/v1/CheckpointAck.ts';
import type { ResultAck as _outrider_delegate_v1_ResultAck, ResultAck__Output as _outrider_delegate_v1_ResultAck__Output } from '../../../outrider/delegate/v1/ResultAck.ts';
import type { Drain as _outrider_delegate_v1_Drain, Drain__Output as _outrider_delegate_v1_Drain__Output } from '../../../outrider/delegate/v1/Drain.ts';

export interface ControlResponse {
  'welcome'?: (_outrider_delegate_v1_Welcome | null);
  'offer'?: (_outrider_delegate_v1_Offer | null);
  'lease'?: (_outrider_delegate_v1_Lease | null);
  'refused'?: (_outrider_delegate_v1_Refused | null);
  'heartbeatAck'?: (_outrider_delegate_v1_HeartbeatAck | null);
  'cancel'?: (_outrider_delegate_v1_Cancel | null);
  'checkpointAck'?: (_outrider_delegate_v1_CheckpointAck | null);
  'resultAck'?: (_outrider_delegate_v1_ResultAck | null);
  'drain'?: (_outrider_delegate_v1_Drain | null);
  'message'?: "welcome"|"offer"|"lease"|"refused"|"heartbeatAck"|"cancel"|"checkpointAck"|"resultAck"|"drain";
}

export interface ControlResponse__Output {
  'welcome'?: (_outrider_delegate_v1_Welcome__Output);
  'offer'?: (_outrider_delegate_v1_Offer__Output);
  'lease'?: (_outrider_delegate_v1_Lease__Output);
  'refused'?: (_outrider_delegate_v1_Refused__Output);
  'heartbeatAck'?: (_outrider_delegate_v1_HeartbeatAck__Output);
  'cancel'?: (_outrider_delegate_v1_Cancel__Output);
  'checkpointAck'?: (_outrider_delegate_v1_CheckpointAck__Output);
  'resultAck'?: (_outrider_delegate_v1_ResultAck__Output);
  'drain'?: (_outrider_delegate_v1_Drain__Output);
  'message'?: "welcome"|"offer"|"lease"|"refused"|"heartbeatAck"|"cancel"|"checkpointAck"|"resultAck"|"drain";
}
