// Original file: proto/reticle/engine/v1/engine.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { LinkRequest__Input as _reticle_engine_v1_LinkRequest__Input, LinkRequest as _reticle_engine_v1_LinkRequest } from '../../../reticle/engine/v1/LinkRequest.ts';
import type { LinkResponse__Input as _reticle_engine_v1_LinkResponse__Input, LinkResponse as _reticle_engine_v1_LinkResponse } from '../../../reticle/engine/v1/LinkResponse.ts';
import type { SignalTurnRequest__Input as _reticle_engine_v1_SignalTurnRequest__Input, SignalTurnRequest as _reticle_engine_v1_SignalTurnRequest } from '../../../reticle/engine/v1/SignalTurnRequest.ts';
import type { SignalTurnResponse__Input as _reticle_engine_v1_SignalTurnResponse__Input, SignalTurnResponse as _reticle_engine_v1_SignalTurnResponse } from '../../../reticle/engine/v1/SignalTurnResponse.ts';

export interface LinkServiceClient extends grpc.Client {
  Link(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_reticle_engine_v1_LinkRequest__Input, _reticle_engine_v1_LinkResponse>;
  Link(options?: grpc.CallOptions): grpc.ClientDuplexStream<_reticle_engine_v1_LinkRequest__Input, _reticle_engine_v1_LinkResponse>;
  link(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_reticle_engine_v1_LinkRequest__Input, _reticle_engine_v1_LinkResponse>;
  link(options?: grpc.CallOptions): grpc.ClientDuplexStream<_reticle_engine_v1_LinkRequest__Input, _reticle_engine_v1_LinkResponse>;
  
  SignalTurn(argument: _reticle_engine_v1_SignalTurnRequest__Input, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_engine_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  SignalTurn(argument: _reticle_engine_v1_SignalTurnRequest__Input, metadata: grpc.Metadata, callback: grpc.requestCallback<_reticle_engine_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  SignalTurn(argument: _reticle_engine_v1_SignalTurnRequest__Input, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_engine_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  SignalTurn(argument: _reticle_engine_v1_SignalTurnRequest__Input, callback: grpc.requestCallback<_reticle_engine_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  signalTurn(argument: _reticle_engine_v1_SignalTurnRequest__Input, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_engine_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  signalTurn(argument: _reticle_engine_v1_SignalTurnRequest__Input, metadata: grpc.Metadata, callback: grpc.requestCallback<_reticle_engine_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  signalTurn(argument: _reticle_engine_v1_SignalTurnRequest__Input, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_engine_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  signalTurn(argument: _reticle_engine_v1_SignalTurnRequest__Input, callback: grpc.requestCallback<_reticle_engine_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  
}

export interface LinkServiceHandlers extends grpc.UntypedServiceImplementation {
  Link: grpc.handleBidiStreamingCall<_reticle_engine_v1_LinkRequest, _reticle_engine_v1_LinkResponse__Input>;
  
  SignalTurn: grpc.handleUnaryCall<_reticle_engine_v1_SignalTurnRequest, _reticle_engine_v1_SignalTurnResponse__Input>;
  
}

export interface LinkServiceDefinition extends grpc.ServiceDefinition {
  Link: MethodDefinition<_reticle_engine_v1_LinkRequest__Input, _reticle_engine_v1_LinkResponse__Input, _reticle_engine_v1_LinkRequest, _reticle_engine_v1_LinkResponse>
  SignalTurn: MethodDefinition<_reticle_engine_v1_SignalTurnRequest__Input, _reticle_engine_v1_SignalTurnResponse__Input, _reticle_engine_v1_SignalTurnRequest, _reticle_engine_v1_SignalTurnResponse>
}
