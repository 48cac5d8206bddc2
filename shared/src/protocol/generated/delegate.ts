import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.ts';
import type { Accept as _outrider_delegate_v1_Accept, Accept__Output as _outrider_delegate_v1_Accept__Output } from './outrider/delegate/v1/Accept.ts';
import type { Cancel as _outrider_delegate_v1_Cancel, Cancel__Output as _outrider_delegate_v1_Cancel__Output } from './outrider/delegate/v1/Cancel.ts';
import type { Checkpoint as _outrider_delegate_v1_Checkpoint, Checkpoint__Output as _outrider_delegate_v1_Checkpoint__Output } from './outrider/delegate/v1/Checkpoint.ts';
import type { CheckpointAck as _outrider_delegate_v1_CheckpointAck, CheckpointAck__Output as _outrider_delegate_v1_CheckpointAck__Output } from './outrider/delegate/v1/CheckpointAck.ts';
import type { ControlRequest as _outrider_delegate_v1_ControlRequest, ControlRequest__Output as _outrider_delegate_v1_ControlRequest__Output } from './outrider/delegate/v1/ControlRequest.ts';
import type { ControlResponse as _outrider_delegate_v1_ControlResponse, ControlResponse__Output as _outrider_delegate_v1_ControlResponse__Output } from './outrider/delegate/v1/ControlResponse.ts';
import type { DelegateServiceClient as _outrider_delegate_v1_DelegateServiceClient, DelegateServiceDefinition as _outrider_delegate_v1_DelegateServiceDefinition } from './outrider/delegate/v1/DelegateService.ts';
import type { Directive as _outrider_delegate_v1_Directive, Directive__Output as _outrider_delegate_v1_Directive__Output } from './outrider/delegate/v1/Directive.ts';
import type { Drain as _outrider_delegate_v1_Drain, Drain__Output as _outrider_delegate_v1_Drain__Output } from './outrider/delegate/v1/Drain.ts';
import type { Draining as _outrider_delegate_v1_Draining, Draining__Output as _outrider_delegate_v1_Draining__Output } from './outrider/delegate/v1/Draining.ts';
import type { Failure as _outrider_delegate_v1_Failure, Failure__Output as _outrider_delegate_v1_Failure__Output } from './outrider/delegate/v1/Failure.ts';
import type { Heartbeat as _outrider_delegate_v1_Heartbeat, Heartbeat__Output as _outrider_delegate_v1_Heartbeat__Output } from './outrider/delegate/v1/Heartbeat.ts';
import type { HeartbeatAck as _outrider_delegate_v1_HeartbeatAck, HeartbeatAck__Output as _outrider_delegate_v1_HeartbeatAck__Output } from './outrider/delegate/v1/HeartbeatAck.ts';
import type { Hello as _outrider_delegate_v1_Hello, Hello__Output as _outrider_delegate_v1_Hello__Output } from './outrider/delegate/v1/Hello.ts';
import type { InventoryItem as _outrider_delegate_v1_InventoryItem, InventoryItem__Output as _outrider_delegate_v1_InventoryItem__Output } from './outrider/delegate/v1/InventoryItem.ts';
import type { JoinRequest as _outrider_delegate_v1_JoinRequest, JoinRequest__Output as _outrider_delegate_v1_JoinRequest__Output } from './outrider/delegate/v1/JoinRequest.ts';
import type { JoinResponse as _outrider_delegate_v1_JoinResponse, JoinResponse__Output as _outrider_delegate_v1_JoinResponse__Output } from './outrider/delegate/v1/JoinResponse.ts';
import type { Lease as _outrider_delegate_v1_Lease, Lease__Output as _outrider_delegate_v1_Lease__Output } from './outrider/delegate/v1/Lease.ts';
import type { LogAck as _outrider_delegate_v1_LogAck, LogAck__Output as _outrider_delegate_v1_LogAck__Output } from './outrider/delegate/v1/LogAck.ts';
import type { LogBatch as _outrider_delegate_v1_LogBatch, LogBatch__Output as _outrider_delegate_v1_LogBatch__Output } from './outrider/delegate/v1/LogBatch.ts';
import type { LogGap as _outrider_delegate_v1_LogGap, LogGap__Output as _outrider_delegate_v1_LogGap__Output } from './outrider/delegate/v1/LogGap.ts';
import type { LogRefused as _outrider_delegate_v1_LogRefused, LogRefused__Output as _outrider_delegate_v1_LogRefused__Output } from './outrider/delegate/v1/LogRefused.ts';
import type { LogsOpened as _outrider_delegate_v1_LogsOpened, LogsOpened__Output as _outrider_delegate_v1_LogsOpened__Output } from './outrider/delegate/v1/LogsOpened.ts';
import type { LogsRequest as _outrider_delegate_v1_LogsRequest, LogsRequest__Output as _outrider_delegate_v1_LogsRequest__Output } from './outrider/delegate/v1/LogsRequest.ts';
import type { LogsResponse as _outrider_delegate_v1_LogsResponse, LogsResponse__Output as _outrider_delegate_v1_LogsResponse__Output } from './outrider/delegate/v1/LogsResponse.ts';
import type { Offer as _outrider_delegate_v1_Offer, Offer__Output as _outrider_delegate_v1_Offer__Output } from './outrider/delegate/v1/Offer.ts';
import type { PollRequest as _outrider_delegate_v1_PollRequest, PollRequest__Output as _outrider_delegate_v1_PollRequest__Output } from './outrider/delegate/v1/PollRequest.ts';
import type { PollResponse as _outrider_delegate_v1_PollResponse, PollResponse__Output as _outrider_delegate_v1_PollResponse__Output } from './outrider/delegate/v1/PollResponse.ts';
import type { Progress as _outrider_delegate_v1_Progress, Progress__Output as _outrider_delegate_v1_Progress__Output } from './outrider/delegate/v1/Progress.ts';
import type { Refused as _outrider_delegate_v1_Refused, Refused__Output as _outrider_delegate_v1_Refused__Output } from './outrider/delegate/v1/Refused.ts';
import type { Reject as _outrider_delegate_v1_Reject, Reject__Output as _outrider_delegate_v1_Reject__Output } from './outrider/delegate/v1/Reject.ts';
import type { RenewRequest as _outrider_delegate_v1_RenewRequest, RenewRequest__Output as _outrider_delegate_v1_RenewRequest__Output } from './outrider/delegate/v1/RenewRequest.ts';
import type { RenewResponse as _outrider_delegate_v1_RenewResponse, RenewResponse__Output as _outrider_delegate_v1_RenewResponse__Output } from './outrider/delegate/v1/RenewResponse.ts';
import type { Result as _outrider_delegate_v1_Result, Result__Output as _outrider_delegate_v1_Result__Output } from './outrider/delegate/v1/Result.ts';
import type { ResultAck as _outrider_delegate_v1_ResultAck, ResultAck__Output as _outrider_delegate_v1_ResultAck__Output } from './outrider/delegate/v1/ResultAck.ts';
import type { ServiceCounts as _outrider_delegate_v1_ServiceCounts, ServiceCounts__Output as _outrider_delegate_v1_ServiceCounts__Output } from './outrider/delegate/v1/ServiceCounts.ts';
import type { TaskRef as _outrider_delegate_v1_TaskRef, TaskRef__Output as _outrider_delegate_v1_TaskRef__Output } from './outrider/delegate/v1/TaskRef.ts';
import type { Welcome as _outrider_delegate_v1_Welcome, Welcome__Output as _outrider_delegate_v1_Welcome__Output } from './outrider/delegate/v1/Welcome.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
    }
  }
  outrider: {
    delegate: {
      v1: {
        Accept: MessageTypeDefinition<_outrider_delegate_v1_Accept, _outrider_delegate_v1_Accept__Output>
        Cancel: MessageTypeDefinition<_outrider_delegate_v1_Cancel, _outrider_delegate_v1_Cancel__Output>
        CancelReason: EnumTypeDefinition
        Checkpoint: MessageTypeDefinition<_outrider_delegate_v1_Checkpoint, _outrider_delegate_v1_Checkpoint__Output>
        CheckpointAck: MessageTypeDefinition<_outrider_delegate_v1_CheckpointAck, _outrider_delegate_v1_CheckpointAck__Output>
        ControlRequest: MessageTypeDefinition<_outrider_delegate_v1_ControlRequest, _outrider_delegate_v1_ControlRequest__Output>
        ControlResponse: MessageTypeDefinition<_outrider_delegate_v1_ControlResponse, _outrider_delegate_v1_ControlResponse__Output>
        DelegateService: SubtypeConstructor<typeof grpc.Client, _outrider_delegate_v1_DelegateServiceClient> & { service: _outrider_delegate_v1_DelegateServiceDefinition }
        Directive: MessageTypeDefinition<_outrider_delegate_v1_Directive, _outrider_delegate_v1_Directive__Output>
        DirectiveAction: EnumTypeDefinition
        Drain: MessageTypeDefinition<_outrider_delegate_v1_Drain, _outrider_delegate_v1_Drain__Output>
        Draining: MessageTypeDefinition<_outrider_delegate_v1_Draining, _outrider_delegate_v1_Draining__Output>
        Failure: MessageTypeDefinition<_outrider_delegate_v1_Failure, _outrider_delegate_v1_Failure__Output>
        Heartbeat: MessageTypeDefinition<_outrider_delegate_v1_Heartbeat, _outrider_delegate_v1_Heartbeat__Output>
        HeartbeatAck: MessageTypeDefinition<_outrider_delegate_v1_HeartbeatAck, _outrider_delegate_v1_HeartbeatAck__Output>
        Hello: MessageTypeDefinition<_outrider_delegate_v1_Hello, _outrider_delegate_v1_Hello__Output>
        InventoryItem: MessageTypeDefinition<_outrider_delegate_v1_InventoryItem, _outrider_delegate_v1_InventoryItem__Output>
        JoinRequest: MessageTypeDefinition<_outrider_delegate_v1_JoinRequest, _outrider_delegate_v1_JoinRequest__Output>
        JoinResponse: MessageTypeDefinition<_outrider_delegate_v1_JoinResponse, _outrider_delegate_v1_JoinResponse__Output>
        Lease: MessageTypeDefinition<_outrider_delegate_v1_Lease, _outrider_delegate_v1_Lease__Output>
        LogAck: MessageTypeDefinition<_outrider_delegate_v1_LogAck, _outrider_delegate_v1_LogAck__Output>
        LogBatch: MessageTypeDefinition<_outrider_delegate_v1_LogBatch, _outrider_delegate_v1_LogBatch__Output>
        LogGap: MessageTypeDefinition<_outrider_delegate_v1_LogGap, _outrider_delegate_v1_LogGap__Output>
        LogRefused: MessageTypeDefinition<_outrider_delegate_v1_LogRefused, _outrider_delegate_v1_LogRefused__Output>
        LogsOpened: MessageTypeDefinition<_outrider_delegate_v1_LogsOpened, _outrider_delegate_v1_LogsOpened__Output>
        LogsRequest: MessageTypeDefinition<_outrider_delegate_v1_LogsRequest, _outrider_delegate_v1_LogsRequest__Output>
        LogsResponse: MessageTypeDefinition<_outrider_delegate_v1_LogsResponse, _outrider_delegate_v1_LogsResponse__Output>
        Offer: MessageTypeDefinition<_outrider_delegate_v1_Offer, _outrider_delegate_v1_Offer__Output>
        Outcome: EnumTypeDefinition
        PollRequest: MessageTypeDefinition<_outrider_delegate_v1_PollRequest, _outrider_delegate_v1_PollRequest__Output>
        PollResponse: MessageTypeDefinition<_outrider_delegate_v1_PollResponse, _outrider_delegate_v1_PollResponse__Output>
        Progress: MessageTypeDefinition<_outrider_delegate_v1_Progress, _outrider_delegate_v1_Progress__Output>
        RefusalCode: EnumTypeDefinition
        Refused: MessageTypeDefinition<_outrider_delegate_v1_Refused, _outrider_delegate_v1_Refused__Output>
        Reject: MessageTypeDefinition<_outrider_delegate_v1_Reject, _outrider_delegate_v1_Reject__Output>
        RenewRequest: MessageTypeDefinition<_outrider_delegate_v1_RenewRequest, _outrider_delegate_v1_RenewRequest__Output>
        RenewResponse: MessageTypeDefinition<_outrider_delegate_v1_RenewResponse, _outrider_delegate_v1_RenewResponse__Output>
        Result: MessageTypeDefinition<_outrider_delegate_v1_Result, _outrider_delegate_v1_Result__Output>
        ResultAck: MessageTypeDefinition<_outrider_delegate_v1_ResultAck, _outrider_delegate_v1_ResultAck__Output>
        ResultStatus: EnumTypeDefinition
        ServiceCounts: MessageTypeDefinition<_outrider_delegate_v1_ServiceCounts, _outrider_delegate_v1_ServiceCounts__Output>
        ServiceRole: EnumTypeDefinition
        TaskPhase: EnumTypeDefinition
        TaskRef: MessageTypeDefinition<_outrider_delegate_v1_TaskRef, _outrider_delegate_v1_TaskRef__Output>
        Welcome: MessageTypeDefinition<_outrider_delegate_v1_Welcome, _outrider_delegate_v1_Welcome__Output>
      }
    }
  }
}

