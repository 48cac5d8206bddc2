// Original file: proto/outrider/delegate/v1/delegate.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ControlRequest as _outrider_delegate_v1_ControlRequest, ControlRequest__Output as _outrider_delegate_v1_ControlRequest__Output } from '../../../outrider/delegate/v1/ControlRequest.ts';
import type { ControlResponse as _outrider_delegate_v1_ControlResponse, ControlResponse__Output as _outrider_delegate_v1_ControlResponse__Output } from '../../../outrider/delegate/v1/ControlResponse.ts';
import type { JoinRequest as _outrider_delegate_v1_JoinRequest, JoinRequest__Output as _outrider_delegate_v1_JoinRequest__Output } from '../../../outrider/delegate/v1/JoinRequest.ts';
import type { JoinResponse as _outrider_delegate_v1_JoinResponse, JoinResponse__Output as _outrider_delegate_v1_JoinResponse__Output } from '../../../outrider/delegate/v1/JoinResponse.ts';
import type { LogsRequest as _outrider_delegate_v1_LogsRequest, LogsRequest__Output as _outrider_delegate_v1_LogsRequest__Output } from '../../../outrider/delegate/v1/LogsRequest.ts';
import type { LogsResponse as _outrider_delegate_v1_LogsResponse, LogsResponse__Output as _outrider_delegate_v1_LogsResponse__Output } from '../../../outrider/delegate/v1/LogsResponse.ts';
import type { PollRequest as _outrider_delegate_v1_PollRequest, PollRequest__Output as _outrider_delegate_v1_PollRequest__Output } from '../../../outrider/delegate/v1/PollRequest.ts';
import type { PollResponse as _outrider_delegate_v1_PollResponse, PollResponse__Output as _outrider_delegate_v1_PollResponse__Output } from '../../../outrider/delegate/v1/PollResponse.ts';
import type { RenewRequest as _outrider_delegate_v1_RenewRequest, RenewRequest__Output as _outrider_delegate_v1_RenewRequest__Output } from '../../../outrider/delegate/v1/RenewRequest.ts';
import type { RenewResponse as _outrider_delegate_v1_RenewResponse, RenewResponse__Output as _outrider_delegate_v1_RenewResponse__Output } from '../../../outrider/delegate/v1/RenewResponse.ts';

export interface DelegateServiceClient extends grpc.Client {
  Control(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_outrider_delegate_v1_ControlRequest, _outrider_delegate_v1_ControlResponse__Output>;
  Control(options?: grpc.CallOptions): grpc.ClientDuplexStream<_outrider_delegate_v1_ControlRequest, _outrider_delegate_v1_ControlResponse__Output>;
  control(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_outrider_delegate_v1_ControlRequest, _outrider_delegate_v1_ControlResponse__Output>;
  control(options?: grpc.CallOptions): grpc.ClientDuplexStream<_outrider_delegate_v1_ControlRequest, _outrider_delegate_v1_ControlResponse__Output>;
  
  Join(argument: _outrider_delegate_v1_JoinRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_outrider_delegate_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  Join(argument: _outrider_delegate_v1_JoinRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_outrider_delegate_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  Join(argument: _outrider_delegate_v1_JoinRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_outrider_delegate_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  Join(argument: _outrider_delegate_v1_JoinRequest, callback: grpc.requestCallback<_outrider_delegate_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  join(argument: _outrider_delegate_v1_JoinRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_outrider_delegate_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  join(argument: _outrider_delegate_v1_JoinRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_outrider_delegate_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  join(argument: _outrider_delegate_v1_JoinRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_outrider_delegate_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  join(argument: _outrider_delegate_v1_JoinRequest, callback: grpc.requestCallback<_outrider_delegate_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  
  Logs(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_outrider_delegate_v1_LogsRequest, _outrider_delegate_v1_LogsResponse__Output>;
  Logs(options?: grpc.CallOptions): grpc.ClientDuplexStream<_outrider_delegate_v1_LogsRequest, _outrider_delegate_v1_LogsResponse__Output>;
  logs(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_outrider_delegate_v1_LogsRequest, _outrider_delegate_v1_LogsResponse__Output>;
  logs(options?: grpc.CallOptions): grpc.ClientDuplexStream<_outrider_delegate_v1_LogsRequest, _outrider_delegate_v1_LogsResponse__Output>;
  
  Poll(argument: _outrider_delegate_v1_PollRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_outrider_delegate_v1_PollResponse__Output>): grpc.ClientUnaryCall;
  Poll(argument: _outrider_delegate_v1_PollRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_outrider_delegate_v1_PollResponse__Output>): grpc.ClientUnaryCall;
  Poll(argument: _outrider_delegate_v1_PollRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_outrider_delegate_v1_PollResponse__Output>): grpc.ClientUnaryCall;
  Poll(argument: _outrider_delegate_v1_PollRequest, callback: grpc.requestCallback<_outrider_delegate_v1_PollResponse__Output>): grpc.ClientUnaryCall;
  poll(argument: _outrider_delegate_v1_PollRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_outrider_delegate_v1_PollResponse__Output>): grpc.ClientUnaryCall;
  poll(argument: _outrider_delegate_v1_PollRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_outrider_delegate_v1_PollResponse__Output>): grpc.ClientUnaryCall;
  poll(argument: _outrider_delegate_v1_PollRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_outrider_delegate_v1_PollResponse__Output>): grpc.ClientUnaryCall;
  poll(argument: _outrider_delegate_v1_PollRequest, callback: grpc.requestCallback<_outrider_delegate_v1_PollResponse__Output>): grpc.ClientUnaryCall;
  
  Renew(argument: _outrider_delegate_v1_RenewRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_outrider_delegate_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  Renew(argument: _outrider_delegate_v1_RenewRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_outrider_delegate_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  Renew(argument: _outrider_delegate_v1_RenewRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_outrider_delegate_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  Renew(argument: _outrider_delegate_v1_RenewRequest, callback: grpc.requestCallback<_outrider_delegate_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  renew(argument: _outrider_delegate_v1_RenewRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_outrider_delegate_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  renew(argument: _outrider_delegate_v1_RenewRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_outrider_delegate_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  renew(argument: _outrider_delegate_v1_RenewRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_outrider_delegate_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  renew(argument: _outrider_delegate_v1_RenewRequest, callback: grpc.requestCallback<_outrider_delegate_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface DelegateServiceHandlers extends grpc.UntypedServiceImplementation {
  Control: grpc.handleBidiStreamingCall<_outrider_delegate_v1_ControlRequest__Output, _outrider_delegate_v1_ControlResponse>;
  
  Join: grpc.handleUnaryCall<_outrider_delegate_v1_JoinRequest__Output, _outrider_delegate_v1_JoinResponse>;
  
  Logs: grpc.handleBidiStreamingCall<_outrider_delegate_v1_LogsRequest__Output, _outrider_delegate_v1_LogsResponse>;
  
  Poll: grpc.handleUnaryCall<_outrider_delegate_v1_PollRequest__Output, _outrider_delegate_v1_PollResponse>;
  
  Renew: grpc.handleUnaryCall<_outrider_delegate_v1_RenewRequest__Output, _outrider_delegate_v1_RenewResponse>;
  
}

export interface DelegateServiceDefinition extends grpc.ServiceDefinition {
  Control: MethodDefinition<_outrider_delegate_v1_ControlRequest, _outrider_delegate_v1_ControlResponse, _outrider_delegate_v1_ControlRequest__Output, _outrider_delegate_v1_ControlResponse__Output>
  Join: MethodDefinition<_outrider_delegate_v1_JoinRequest, _outrider_delegate_v1_JoinResponse, _outrider_delegate_v1_JoinRequest__Output, _outrider_delegate_v1_JoinResponse__Output>
  Logs: MethodDefinition<_outrider_delegate_v1_LogsRequest, _outrider_delegate_v1_LogsResponse, _outrider_delegate_v1_LogsRequest__Output, _outrider_delegate_v1_LogsResponse__Output>
  Poll: MethodDefinition<_outrider_delegate_v1_PollRequest, _outrider_delegate_v1_PollResponse, _outrider_delegate_v1_PollRequest__Output, _outrider_delegate_v1_PollResponse__Output>
  Renew: MethodDefinition<_outrider_delegate_v1_RenewRequest, _outrider_delegate_v1_RenewResponse, _outrider_delegate_v1_RenewRequest__Output, _outrider_delegate_v1_RenewResponse__Output>
}
