// Original file: proto/reticle/session/v1/session.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CloseSessionRequest__Input as _reticle_session_v1_CloseSessionRequest__Input, CloseSessionRequest as _reticle_session_v1_CloseSessionRequest } from '../../../reticle/session/v1/CloseSessionRequest.ts';
import type { CloseSessionResponse__Input as _reticle_session_v1_CloseSessionResponse__Input, CloseSessionResponse as _reticle_session_v1_CloseSessionResponse } from '../../../reticle/session/v1/CloseSessionResponse.ts';
import type { ConverseRequest__Input as _reticle_session_v1_ConverseRequest__Input, ConverseRequest as _reticle_session_v1_ConverseRequest } from '../../../reticle/session/v1/ConverseRequest.ts';
import type { ConverseResponse__Input as _reticle_session_v1_ConverseResponse__Input, ConverseResponse as _reticle_session_v1_ConverseResponse } from '../../../reticle/session/v1/ConverseResponse.ts';
import type { CreateSessionRequest__Input as _reticle_session_v1_CreateSessionRequest__Input, CreateSessionRequest as _reticle_session_v1_CreateSessionRequest } from '../../../reticle/session/v1/CreateSessionRequest.ts';
import type { CreateSessionResponse__Input as _reticle_session_v1_CreateSessionResponse__Input, CreateSessionResponse as _reticle_session_v1_CreateSessionResponse } from '../../../reticle/session/v1/CreateSessionResponse.ts';
import type { GetSessionRequest__Input as _reticle_session_v1_GetSessionRequest__Input, GetSessionRequest as _reticle_session_v1_GetSessionRequest } from '../../../reticle/session/v1/GetSessionRequest.ts';
import type { GetSessionResponse__Input as _reticle_session_v1_GetSessionResponse__Input, GetSessionResponse as _reticle_session_v1_GetSessionResponse } from '../../../reticle/session/v1/GetSessionResponse.ts';
import type { ReplayTurnRequest__Input as _reticle_session_v1_ReplayTurnRequest__Input, ReplayTurnRequest as _reticle_session_v1_ReplayTurnRequest } from '../../../reticle/session/v1/ReplayTurnRequest.ts';
import type { ReplayTurnResponse__Input as _reticle_session_v1_ReplayTurnResponse__Input, ReplayTurnResponse as _reticle_session_v1_ReplayTurnResponse } from '../../../reticle/session/v1/ReplayTurnResponse.ts';
import type { SignalTurnRequest__Input as _reticle_session_v1_SignalTurnRequest__Input, SignalTurnRequest as _reticle_session_v1_SignalTurnRequest } from '../../../reticle/session/v1/SignalTurnRequest.ts';
import type { SignalTurnResponse__Input as _reticle_session_v1_SignalTurnResponse__Input, SignalTurnResponse as _reticle_session_v1_SignalTurnResponse } from '../../../reticle/session/v1/SignalTurnResponse.ts';
import type { WarmSessionRequest__Input as _reticle_session_v1_WarmSessionRequest__Input, WarmSessionRequest as _reticle_session_v1_WarmSessionRequest } from '../../../reticle/session/v1/WarmSessionRequest.ts';
import type { WarmSessionResponse__Input as _reticle_session_v1_WarmSessionResponse__Input, WarmSessionResponse as _reticle_session_v1_WarmSessionResponse } from '../../../reticle/session/v1/WarmSessionResponse.ts';

export interface SessionServiceClient extends grpc.Client {
  CloseSession(argument: _reticle_session_v1_CloseSessionRequest__Input, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_CloseSessionResponse>): grpc.ClientUnaryCall;
  CloseSession(argument: _reticle_session_v1_CloseSessionRequest__Input, metadata: grpc.Metadata, callback: grpc.requestCallback<_reticle_session_v1_CloseSessionResponse>): grpc.ClientUnaryCall;
  CloseSession(argument: _reticle_session_v1_CloseSessionRequest__Input, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_CloseSessionResponse>): grpc.ClientUnaryCall;
  CloseSession(argument: _reticle_session_v1_CloseSessionRequest__Input, callback: grpc.requestCallback<_reticle_session_v1_CloseSessionResponse>): grpc.ClientUnaryCall;
  closeSession(argument: _reticle_session_v1_CloseSessionRequest__Input, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_CloseSessionResponse>): grpc.ClientUnaryCall;
  closeSession(argument: _reticle_session_v1_CloseSessionRequest__Input, metadata: grpc.Metadata, callback: grpc.requestCallback<_reticle_session_v1_CloseSessionResponse>): grpc.ClientUnaryCall;
  closeSession(argument: _reticle_session_v1_CloseSessionRequest__Input, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_CloseSessionResponse>): grpc.ClientUnaryCall;
  closeSession(argument: _reticle_session_v1_CloseSessionRequest__Input, callback: grpc.requestCallback<_reticle_session_v1_CloseSessionResponse>): grpc.ClientUnaryCall;
  
  Converse(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_reticle_session_v1_ConverseRequest__Input, _reticle_session_v1_ConverseResponse>;
  Converse(options?: grpc.CallOptions): grpc.ClientDuplexStream<_reticle_session_v1_ConverseRequest__Input, _reticle_session_v1_ConverseResponse>;
  converse(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_reticle_session_v1_ConverseRequest__Input, _reticle_session_v1_ConverseResponse>;
  converse(options?: grpc.CallOptions): grpc.ClientDuplexStream<_reticle_session_v1_ConverseRequest__Input, _reticle_session_v1_ConverseResponse>;
  
  CreateSession(argument: _reticle_session_v1_CreateSessionRequest__Input, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_CreateSessionResponse>): grpc.ClientUnaryCall;
  CreateSession(argument: _reticle_session_v1_CreateSessionRequest__Input, metadata: grpc.Metadata, callback: grpc.requestCallback<_reticle_session_v1_CreateSessionResponse>): grpc.ClientUnaryCall;
  CreateSession(argument: _reticle_session_v1_CreateSessionRequest__Input, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_CreateSessionResponse>): grpc.ClientUnaryCall;
  CreateSession(argument: _reticle_session_v1_CreateSessionRequest__Input, callback: grpc.requestCallback<_reticle_session_v1_CreateSessionResponse>): grpc.ClientUnaryCall;
  createSession(argument: _reticle_session_v1_CreateSessionRequest__Input, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_CreateSessionResponse>): grpc.ClientUnaryCall;
  createSession(argument: _reticle_session_v1_CreateSessionRequest__Input, metadata: grpc.Metadata, callback: grpc.requestCallback<_reticle_session_v1_CreateSessionResponse>): grpc.ClientUnaryCall;
  createSession(argument: _reticle_session_v1_CreateSessionRequest__Input, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_CreateSessionResponse>): grpc.ClientUnaryCall;
  createSession(argument: _reticle_session_v1_CreateSessionRequest__Input, callback: grpc.requestCallback<_reticle_session_v1_CreateSessionResponse>): grpc.ClientUnaryCall;
  
  GetSession(argument: _reticle_session_v1_GetSessionRequest__Input, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_GetSessionResponse>): grpc.ClientUnaryCall;
  GetSession(argument: _reticle_session_v1_GetSessionRequest__Input, metadata: grpc.Metadata, callback: grpc.requestCallback<_reticle_session_v1_GetSessionResponse>): grpc.ClientUnaryCall;
  GetSession(argument: _reticle_session_v1_GetSessionRequest__Input, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_GetSessionResponse>): grpc.ClientUnaryCall;
  GetSession(argument: _reticle_session_v1_GetSessionRequest__Input, callback: grpc.requestCallback<_reticle_session_v1_GetSessionResponse>): grpc.ClientUnaryCall;
  getSession(argument: _reticle_session_v1_GetSessionRequest__Input, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_GetSessionResponse>): grpc.ClientUnaryCall;
  getSession(argument: _reticle_session_v1_GetSessionRequest__Input, metadata: grpc.Metadata, callback: grpc.requestCallback<_reticle_session_v1_GetSessionResponse>): grpc.ClientUnaryCall;
  getSession(argument: _reticle_session_v1_GetSessionRequest__Input, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_GetSessionResponse>): grpc.ClientUnaryCall;
  getSession(argument: _reticle_session_v1_GetSessionRequest__Input, callback: grpc.requestCallback<_reticle_session_v1_GetSessionResponse>): grpc.ClientUnaryCall;
  
  ReplayTurn(argument: _reticle_session_v1_ReplayTurnRequest__Input, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_reticle_session_v1_ReplayTurnResponse>;
  ReplayTurn(argument: _reticle_session_v1_ReplayTurnRequest__Input, options?: grpc.CallOptions): grpc.ClientReadableStream<_reticle_session_v1_ReplayTurnResponse>;
  replayTurn(argument: _reticle_session_v1_ReplayTurnRequest__Input, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_reticle_session_v1_ReplayTurnResponse>;
  replayTurn(argument: _reticle_session_v1_ReplayTurnRequest__Input, options?: grpc.CallOptions): grpc.ClientReadableStream<_reticle_session_v1_ReplayTurnResponse>;
  
  SignalTurn(argument: _reticle_session_v1_SignalTurnRequest__Input, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  SignalTurn(argument: _reticle_session_v1_SignalTurnRequest__Input, metadata: grpc.Metadata, callback: grpc.requestCallback<_reticle_session_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  SignalTurn(argument: _reticle_session_v1_SignalTurnRequest__Input, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  SignalTurn(argument: _reticle_session_v1_SignalTurnRequest__Input, callback: grpc.requestCallback<_reticle_session_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  signalTurn(argument: _reticle_session_v1_SignalTurnRequest__Input, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  signalTurn(argument: _reticle_session_v1_SignalTurnRequest__Input, metadata: grpc.Metadata, callback: grpc.requestCallback<_reticle_session_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  signalTurn(argument: _reticle_session_v1_SignalTurnRequest__Input, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  signalTurn(argument: _reticle_session_v1_SignalTurnRequest__Input, callback: grpc.requestCallback<_reticle_session_v1_SignalTurnResponse>): grpc.ClientUnaryCall;
  
  WarmSession(argument: _reticle_session_v1_WarmSessionRequest__Input, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_WarmSessionResponse>): grpc.ClientUnaryCall;
  WarmSession(argument: _reticle_session_v1_WarmSessionRequest__Input, metadata: grpc.Metadata, callback: grpc.requestCallback<_reticle_session_v1_WarmSessionResponse>): grpc.ClientUnaryCall;
  WarmSession(argument: _reticle_session_v1_WarmSessionRequest__Input, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_WarmSessionResponse>): grpc.ClientUnaryCall;
  WarmSession(argument: _reticle_session_v1_WarmSessionRequest__Input, callback: grpc.requestCallback<_reticle_session_v1_WarmSessionResponse>): grpc.ClientUnaryCall;
  warmSession(argument: _reticle_session_v1_WarmSessionRequest__Input, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_WarmSessionResponse>): grpc.ClientUnaryCall;
  warmSession(argument: _reticle_session_v1_WarmSessionRequest__Input, metadata: grpc.Metadata, callback: grpc.requestCallback<_reticle_session_v1_WarmSessionResponse>): grpc.ClientUnaryCall;
  warmSession(argument: _reticle_session_v1_WarmSessionRequest__Input, options: grpc.CallOptions, callback: grpc.requestCallback<_reticle_session_v1_WarmSessionResponse>): grpc.ClientUnaryCall;
  warmSession(argument: _reticle_session_v1_WarmSessionRequest__Input, callback: grpc.requestCallback<_reticle_session_v1_WarmSessionResponse>): grpc.ClientUnaryCall;
  
}

export interface SessionServiceHandlers extends grpc.UntypedServiceImplementation {
  CloseSession: grpc.handleUnaryCall<_reticle_session_v1_CloseSessionRequest, _reticle_session_v1_CloseSessionResponse__Input>;
  
  Converse: grpc.handleBidiStreamingCall<_reticle_session_v1_ConverseRequest, _reticle_session_v1_ConverseResponse__Input>;
  
  CreateSession: grpc.handleUnaryCall<_reticle_session_v1_CreateSessionRequest, _reticle_session_v1_CreateSessionResponse__Input>;
  
  GetSession: grpc.handleUnaryCall<_reticle_session_v1_GetSessionRequest, _reticle_session_v1_GetSessionResponse__Input>;
  
  ReplayTurn: grpc.handleServerStreamingCall<_reticle_session_v1_ReplayTurnRequest, _reticle_session_v1_ReplayTurnResponse__Input>;
  
  SignalTurn: grpc.handleUnaryCall<_reticle_session_v1_SignalTurnRequest, _reticle_session_v1_SignalTurnResponse__Input>;
  
  WarmSession: grpc.handleUnaryCall<_reticle_session_v1_WarmSessionRequest, _reticle_session_v1_WarmSessionResponse__Input>;
  
}

export interface SessionServiceDefinition extends grpc.ServiceDefinition {
  CloseSession: MethodDefinition<_reticle_session_v1_CloseSessionRequest__Input, _reticle_session_v1_CloseSessionResponse__Input, _reticle_session_v1_CloseSessionRequest, _reticle_session_v1_CloseSessionResponse>
  Converse: MethodDefinition<_reticle_session_v1_ConverseRequest__Input, _reticle_session_v1_ConverseResponse__Input, _reticle_session_v1_ConverseRequest, _reticle_session_v1_ConverseResponse>
  CreateSession: MethodDefinition<_reticle_session_v1_CreateSessionRequest__Input, _reticle_session_v1_CreateSessionResponse__Input, _reticle_session_v1_CreateSessionRequest, _reticle_session_v1_CreateSessionResponse>
  GetSession: MethodDefinition<_reticle_session_v1_GetSessionRequest__Input, _reticle_session_v1_GetSessionResponse__Input, _reticle_session_v1_GetSessionRequest, _reticle_session_v1_GetSessionResponse>
  ReplayTurn: MethodDefinition<_reticle_session_v1_ReplayTurnRequest__Input, _reticle_session_v1_ReplayTurnResponse__Input, _reticle_session_v1_ReplayTurnRequest, _reticle_session_v1_ReplayTurnResponse>
  SignalTurn: MethodDefinition<_reticle_session_v1_SignalTurnRequest__Input, _reticle_session_v1_SignalTurnResponse__Input, _reticle_session_v1_SignalTurnRequest, _reticle_session_v1_SignalTurnResponse>
  WarmSession: MethodDefinition<_reticle_session_v1_WarmSessionRequest__Input, _reticle_session_v1_WarmSessionResponse__Input, _reticle_session_v1_WarmSessionRequest, _reticle_session_v1_WarmSessionResponse>
}
