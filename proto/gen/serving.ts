import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from './google/protobuf/Duration.ts';
import type { Timestamp__Input as _google_protobuf_Timestamp__Input, Timestamp as _google_protobuf_Timestamp } from './google/protobuf/Timestamp.ts';
import type { Deployment__Input as _reticle_serving_v1_Deployment__Input, Deployment as _reticle_serving_v1_Deployment } from './reticle/serving/v1/Deployment.ts';
import type { DeploymentRegion__Input as _reticle_serving_v1_DeploymentRegion__Input, DeploymentRegion as _reticle_serving_v1_DeploymentRegion } from './reticle/serving/v1/DeploymentRegion.ts';
import type { DeploymentTier__Input as _reticle_serving_v1_DeploymentTier__Input, DeploymentTier as _reticle_serving_v1_DeploymentTier } from './reticle/serving/v1/DeploymentTier.ts';
import type { Key__Input as _reticle_serving_v1_Key__Input, Key as _reticle_serving_v1_Key } from './reticle/serving/v1/Key.ts';
import type { Phase__Input as _reticle_serving_v1_Phase__Input, Phase as _reticle_serving_v1_Phase } from './reticle/serving/v1/Phase.ts';
import type { Rates__Input as _reticle_serving_v1_Rates__Input, Rates as _reticle_serving_v1_Rates } from './reticle/serving/v1/Rates.ts';
import type { Region__Input as _reticle_serving_v1_Region__Input, Region as _reticle_serving_v1_Region } from './reticle/serving/v1/Region.ts';
import type { Replica__Input as _reticle_serving_v1_Replica__Input, Replica as _reticle_serving_v1_Replica } from './reticle/serving/v1/Replica.ts';
import type { ServingSnapshot__Input as _reticle_serving_v1_ServingSnapshot__Input, ServingSnapshot as _reticle_serving_v1_ServingSnapshot } from './reticle/serving/v1/ServingSnapshot.ts';
import type { SnapshotHead__Input as _reticle_serving_v1_SnapshotHead__Input, SnapshotHead as _reticle_serving_v1_SnapshotHead } from './reticle/serving/v1/SnapshotHead.ts';
import type { SnapshotPart__Input as _reticle_serving_v1_SnapshotPart__Input, SnapshotPart as _reticle_serving_v1_SnapshotPart } from './reticle/serving/v1/SnapshotPart.ts';
import type { SnapshotRequest__Input as _reticle_serving_v1_SnapshotRequest__Input, SnapshotRequest as _reticle_serving_v1_SnapshotRequest } from './reticle/serving/v1/SnapshotRequest.ts';
import type { Tenant__Input as _reticle_serving_v1_Tenant__Input, Tenant as _reticle_serving_v1_Tenant } from './reticle/serving/v1/Tenant.ts';
import type { TenantTier__Input as _reticle_serving_v1_TenantTier__Input, TenantTier as _reticle_serving_v1_TenantTier } from './reticle/serving/v1/TenantTier.ts';
import type { Tier__Input as _reticle_serving_v1_Tier__Input, Tier as _reticle_serving_v1_Tier } from './reticle/serving/v1/Tier.ts';
import type { Attach__Input as _reticle_session_v1_Attach__Input, Attach as _reticle_session_v1_Attach } from './reticle/session/v1/Attach.ts';
import type { Attached__Input as _reticle_session_v1_Attached__Input, Attached as _reticle_session_v1_Attached } from './reticle/session/v1/Attached.ts';
import type { CloseSessionRequest__Input as _reticle_session_v1_CloseSessionRequest__Input, CloseSessionRequest as _reticle_session_v1_CloseSessionRequest } from './reticle/session/v1/CloseSessionRequest.ts';
import type { CloseSessionResponse__Input as _reticle_session_v1_CloseSessionResponse__Input, CloseSessionResponse as _reticle_session_v1_CloseSessionResponse } from './reticle/session/v1/CloseSessionResponse.ts';
import type { ControlAck__Input as _reticle_session_v1_ControlAck__Input, ControlAck as _reticle_session_v1_ControlAck } from './reticle/session/v1/ControlAck.ts';
import type { ConverseRequest__Input as _reticle_session_v1_ConverseRequest__Input, ConverseRequest as _reticle_session_v1_ConverseRequest } from './reticle/session/v1/ConverseRequest.ts';
import type { ConverseResponse__Input as _reticle_session_v1_ConverseResponse__Input, ConverseResponse as _reticle_session_v1_ConverseResponse } from './reticle/session/v1/ConverseResponse.ts';
import type { CreateSessionRequest__Input as _reticle_session_v1_CreateSessionRequest__Input, CreateSessionRequest as _reticle_session_v1_CreateSessionRequest } from './reticle/session/v1/CreateSessionRequest.ts';
import type { CreateSessionResponse__Input as _reticle_session_v1_CreateSessionResponse__Input, CreateSessionResponse as _reticle_session_v1_CreateSessionResponse } from './reticle/session/v1/CreateSessionResponse.ts';
import type { Draft__Input as _reticle_session_v1_Draft__Input, Draft as _reticle_session_v1_Draft } from './reticle/session/v1/Draft.ts';
import type { DraftRef__Input as _reticle_session_v1_DraftRef__Input, DraftRef as _reticle_session_v1_DraftRef } from './reticle/session/v1/DraftRef.ts';
import type { DraftState__Input as _reticle_session_v1_DraftState__Input, DraftState as _reticle_session_v1_DraftState } from './reticle/session/v1/DraftState.ts';
import type { Flow__Input as _reticle_session_v1_Flow__Input, Flow as _reticle_session_v1_Flow } from './reticle/session/v1/Flow.ts';
import type { FramePolicy__Input as _reticle_session_v1_FramePolicy__Input, FramePolicy as _reticle_session_v1_FramePolicy } from './reticle/session/v1/FramePolicy.ts';
import type { GetSessionRequest__Input as _reticle_session_v1_GetSessionRequest__Input, GetSessionRequest as _reticle_session_v1_GetSessionRequest } from './reticle/session/v1/GetSessionRequest.ts';
import type { GetSessionResponse__Input as _reticle_session_v1_GetSessionResponse__Input, GetSessionResponse as _reticle_session_v1_GetSessionResponse } from './reticle/session/v1/GetSessionResponse.ts';
import type { GoAway__Input as _reticle_session_v1_GoAway__Input, GoAway as _reticle_session_v1_GoAway } from './reticle/session/v1/GoAway.ts';
import type { InputItem__Input as _reticle_session_v1_InputItem__Input, InputItem as _reticle_session_v1_InputItem } from './reticle/session/v1/InputItem.ts';
import type { Interrupt__Input as _reticle_session_v1_Interrupt__Input, Interrupt as _reticle_session_v1_Interrupt } from './reticle/session/v1/Interrupt.ts';
import type { ItemMark__Input as _reticle_session_v1_ItemMark__Input, ItemMark as _reticle_session_v1_ItemMark } from './reticle/session/v1/ItemMark.ts';
import type { LimitWindow__Input as _reticle_session_v1_LimitWindow__Input, LimitWindow as _reticle_session_v1_LimitWindow } from './reticle/session/v1/LimitWindow.ts';
import type { LimitsUpdate__Input as _reticle_session_v1_LimitsUpdate__Input, LimitsUpdate as _reticle_session_v1_LimitsUpdate } from './reticle/session/v1/LimitsUpdate.ts';
import type { Params__Input as _reticle_session_v1_Params__Input, Params as _reticle_session_v1_Params } from './reticle/session/v1/Params.ts';
import type { Redirect__Input as _reticle_session_v1_Redirect__Input, Redirect as _reticle_session_v1_Redirect } from './reticle/session/v1/Redirect.ts';
import type { ReplayTurnRequest__Input as _reticle_session_v1_ReplayTurnRequest__Input, ReplayTurnRequest as _reticle_session_v1_ReplayTurnRequest } from './reticle/session/v1/ReplayTurnRequest.ts';
import type { ReplayTurnResponse__Input as _reticle_session_v1_ReplayTurnResponse__Input, ReplayTurnResponse as _reticle_session_v1_ReplayTurnResponse } from './reticle/session/v1/ReplayTurnResponse.ts';
import type { Session__Input as _reticle_session_v1_Session__Input, Session as _reticle_session_v1_Session } from './reticle/session/v1/Session.ts';
import type { SessionServiceClient as _reticle_session_v1_SessionServiceClient, SessionServiceDefinition as _reticle_session_v1_SessionServiceDefinition } from './reticle/session/v1/SessionService.ts';
import type { SignalTurnRequest__Input as _reticle_session_v1_SignalTurnRequest__Input, SignalTurnRequest as _reticle_session_v1_SignalTurnRequest } from './reticle/session/v1/SignalTurnRequest.ts';
import type { SignalTurnResponse__Input as _reticle_session_v1_SignalTurnResponse__Input, SignalTurnResponse as _reticle_session_v1_SignalTurnResponse } from './reticle/session/v1/SignalTurnResponse.ts';
import type { StartTurn__Input as _reticle_session_v1_StartTurn__Input, StartTurn as _reticle_session_v1_StartTurn } from './reticle/session/v1/StartTurn.ts';
import type { Timing__Input as _reticle_session_v1_Timing__Input, Timing as _reticle_session_v1_Timing } from './reticle/session/v1/Timing.ts';
import type { TokenFrame__Input as _reticle_session_v1_TokenFrame__Input, TokenFrame as _reticle_session_v1_TokenFrame } from './reticle/session/v1/TokenFrame.ts';
import type { TokenLogprob__Input as _reticle_session_v1_TokenLogprob__Input, TokenLogprob as _reticle_session_v1_TokenLogprob } from './reticle/session/v1/TokenLogprob.ts';
import type { TokenSpan__Input as _reticle_session_v1_TokenSpan__Input, TokenSpan as _reticle_session_v1_TokenSpan } from './reticle/session/v1/TokenSpan.ts';
import type { TurnCursor__Input as _reticle_session_v1_TurnCursor__Input, TurnCursor as _reticle_session_v1_TurnCursor } from './reticle/session/v1/TurnCursor.ts';
import type { TurnEnded__Input as _reticle_session_v1_TurnEnded__Input, TurnEnded as _reticle_session_v1_TurnEnded } from './reticle/session/v1/TurnEnded.ts';
import type { TurnError__Input as _reticle_session_v1_TurnError__Input, TurnError as _reticle_session_v1_TurnError } from './reticle/session/v1/TurnError.ts';
import type { TurnQueued__Input as _reticle_session_v1_TurnQueued__Input, TurnQueued as _reticle_session_v1_TurnQueued } from './reticle/session/v1/TurnQueued.ts';
import type { TurnStarted__Input as _reticle_session_v1_TurnStarted__Input, TurnStarted as _reticle_session_v1_TurnStarted } from './reticle/session/v1/TurnStarted.ts';
import type { Usage__Input as _reticle_session_v1_Usage__Input, Usage as _reticle_session_v1_Usage } from './reticle/session/v1/Usage.ts';
import type { WarmSessionRequest__Input as _reticle_session_v1_WarmSessionRequest__Input, WarmSessionRequest as _reticle_session_v1_WarmSessionRequest } from './reticle/session/v1/WarmSessionRequest.ts';
import type { WarmSessionResponse__Input as _reticle_session_v1_WarmSessionResponse__Input, WarmSessionResponse as _reticle_session_v1_WarmSessionResponse } from './reticle/session/v1/WarmSessionResponse.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Duration: MessageTypeDefinition<_google_protobuf_Duration__Input, _google_protobuf_Duration>
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp__Input, _google_protobuf_Timestamp>
    }
  }
  reticle: {
    serving: {
      v1: {
        Deployment: MessageTypeDefinition<_reticle_serving_v1_Deployment__Input, _reticle_serving_v1_Deployment>
        DeploymentRegion: MessageTypeDefinition<_reticle_serving_v1_DeploymentRegion__Input, _reticle_serving_v1_DeploymentRegion>
        DeploymentTier: MessageTypeDefinition<_reticle_serving_v1_DeploymentTier__Input, _reticle_serving_v1_DeploymentTier>
        Elsewhere: EnumTypeDefinition
        Key: MessageTypeDefinition<_reticle_serving_v1_Key__Input, _reticle_serving_v1_Key>
        Phase: MessageTypeDefinition<_reticle_serving_v1_Phase__Input, _reticle_serving_v1_Phase>
        Rates: MessageTypeDefinition<_reticle_serving_v1_Rates__Input, _reticle_serving_v1_Rates>
        Region: MessageTypeDefinition<_reticle_serving_v1_Region__Input, _reticle_serving_v1_Region>
        Replica: MessageTypeDefinition<_reticle_serving_v1_Replica__Input, _reticle_serving_v1_Replica>
        ReplicaState: EnumTypeDefinition
        ServingSnapshot: MessageTypeDefinition<_reticle_serving_v1_ServingSnapshot__Input, _reticle_serving_v1_ServingSnapshot>
        SnapshotHead: MessageTypeDefinition<_reticle_serving_v1_SnapshotHead__Input, _reticle_serving_v1_SnapshotHead>
        SnapshotPart: MessageTypeDefinition<_reticle_serving_v1_SnapshotPart__Input, _reticle_serving_v1_SnapshotPart>
        SnapshotRequest: MessageTypeDefinition<_reticle_serving_v1_SnapshotRequest__Input, _reticle_serving_v1_SnapshotRequest>
        Tenant: MessageTypeDefinition<_reticle_serving_v1_Tenant__Input, _reticle_serving_v1_Tenant>
        TenantTier: MessageTypeDefinition<_reticle_serving_v1_TenantTier__Input, _reticle_serving_v1_TenantTier>
        Tier: MessageTypeDefinition<_reticle_serving_v1_Tier__Input, _reticle_serving_v1_Tier>
      }
    }
    session: {
      v1: {
        Attach: MessageTypeDefinition<_reticle_session_v1_Attach__Input, _reticle_session_v1_Attach>
        Attached: MessageTypeDefinition<_reticle_session_v1_Attached__Input, _reticle_session_v1_Attached>
        CloseSessionRequest: MessageTypeDefinition<_reticle_session_v1_CloseSessionRequest__Input, _reticle_session_v1_CloseSessionRequest>
        CloseSessionResponse: MessageTypeDefinition<_reticle_session_v1_CloseSessionResponse__Input, _reticle_session_v1_CloseSessionResponse>
        Continuation: EnumTypeDefinition
        ControlAck: MessageTypeDefinition<_reticle_session_v1_ControlAck__Input, _reticle_session_v1_ControlAck>
        ControlOutcome: EnumTypeDefinition
        ConverseRequest: MessageTypeDefinition<_reticle_session_v1_ConverseRequest__Input, _reticle_session_v1_ConverseRequest>
        ConverseResponse: MessageTypeDefinition<_reticle_session_v1_ConverseResponse__Input, _reticle_session_v1_ConverseResponse>
        CreateSessionRequest: MessageTypeDefinition<_reticle_session_v1_CreateSessionRequest__Input, _reticle_session_v1_CreateSessionRequest>
        CreateSessionResponse: MessageTypeDefinition<_reticle_session_v1_CreateSessionResponse__Input, _reticle_session_v1_CreateSessionResponse>
        CutMode: EnumTypeDefinition
        Draft: MessageTypeDefinition<_reticle_session_v1_Draft__Input, _reticle_session_v1_Draft>
        DraftRef: MessageTypeDefinition<_reticle_session_v1_DraftRef__Input, _reticle_session_v1_DraftRef>
        DraftState: MessageTypeDefinition<_reticle_session_v1_DraftState__Input, _reticle_session_v1_DraftState>
        Flow: MessageTypeDefinition<_reticle_session_v1_Flow__Input, _reticle_session_v1_Flow>
        FramePolicy: MessageTypeDefinition<_reticle_session_v1_FramePolicy__Input, _reticle_session_v1_FramePolicy>
        GetSessionRequest: MessageTypeDefinition<_reticle_session_v1_GetSessionRequest__Input, _reticle_session_v1_GetSessionRequest>
        GetSessionResponse: MessageTypeDefinition<_reticle_session_v1_GetSessionResponse__Input, _reticle_session_v1_GetSessionResponse>
        GoAway: MessageTypeDefinition<_reticle_session_v1_GoAway__Input, _reticle_session_v1_GoAway>
        InputItem: MessageTypeDefinition<_reticle_session_v1_InputItem__Input, _reticle_session_v1_InputItem>
        Interrupt: MessageTypeDefinition<_reticle_session_v1_Interrupt__Input, _reticle_session_v1_Interrupt>
        ItemKind: EnumTypeDefinition
        ItemMark: MessageTypeDefinition<_reticle_session_v1_ItemMark__Input, _reticle_session_v1_ItemMark>
        KvAction: EnumTypeDefinition
        LimitWindow: MessageTypeDefinition<_reticle_session_v1_LimitWindow__Input, _reticle_session_v1_LimitWindow>
        LimitsUpdate: MessageTypeDefinition<_reticle_session_v1_LimitsUpdate__Input, _reticle_session_v1_LimitsUpdate>
        OutputLength: EnumTypeDefinition
        Params: MessageTypeDefinition<_reticle_session_v1_Params__Input, _reticle_session_v1_Params>
        Redirect: MessageTypeDefinition<_reticle_session_v1_Redirect__Input, _reticle_session_v1_Redirect>
        ReplayTurnRequest: MessageTypeDefinition<_reticle_session_v1_ReplayTurnRequest__Input, _reticle_session_v1_ReplayTurnRequest>
        ReplayTurnResponse: MessageTypeDefinition<_reticle_session_v1_ReplayTurnResponse__Input, _reticle_session_v1_ReplayTurnResponse>
        ServeReason: EnumTypeDefinition
        ServiceTier: EnumTypeDefinition
        Session: MessageTypeDefinition<_reticle_session_v1_Session__Input, _reticle_session_v1_Session>
        SessionService: SubtypeConstructor<typeof grpc.Client, _reticle_session_v1_SessionServiceClient> & { service: _reticle_session_v1_SessionServiceDefinition }
        SignalTurnRequest: MessageTypeDefinition<_reticle_session_v1_SignalTurnRequest__Input, _reticle_session_v1_SignalTurnRequest>
        SignalTurnResponse: MessageTypeDefinition<_reticle_session_v1_SignalTurnResponse__Input, _reticle_session_v1_SignalTurnResponse>
        SpillChoice: EnumTypeDefinition
        StartTurn: MessageTypeDefinition<_reticle_session_v1_StartTurn__Input, _reticle_session_v1_StartTurn>
        Timing: MessageTypeDefinition<_reticle_session_v1_Timing__Input, _reticle_session_v1_Timing>
        TokenFrame: MessageTypeDefinition<_reticle_session_v1_TokenFrame__Input, _reticle_session_v1_TokenFrame>
        TokenLogprob: MessageTypeDefinition<_reticle_session_v1_TokenLogprob__Input, _reticle_session_v1_TokenLogprob>
        TokenSpan: MessageTypeDefinition<_reticle_session_v1_TokenSpan__Input, _reticle_session_v1_TokenSpan>
        TurnCursor: MessageTypeDefinition<_reticle_session_v1_TurnCursor__Input, _reticle_session_v1_TurnCursor>
        TurnEnded: MessageTypeDefinition<_reticle_session_v1_TurnEnded__Input, _reticle_session_v1_TurnEnded>
        TurnError: MessageTypeDefinition<_reticle_session_v1_TurnError__Input, _reticle_session_v1_TurnError>
        TurnQueued: MessageTypeDefinition<_reticle_session_v1_TurnQueued__Input, _reticle_session_v1_TurnQueued>
        TurnStarted: MessageTypeDefinition<_reticle_session_v1_TurnStarted__Input, _reticle_session_v1_TurnStarted>
        TurnStatus: EnumTypeDefinition
        Usage: MessageTypeDefinition<_reticle_session_v1_Usage__Input, _reticle_session_v1_Usage>
        WarmSessionRequest: MessageTypeDefinition<_reticle_session_v1_WarmSessionRequest__Input, _reticle_session_v1_WarmSessionRequest>
        WarmSessionResponse: MessageTypeDefinition<_reticle_session_v1_WarmSessionResponse__Input, _reticle_session_v1_WarmSessionResponse>
      }
    }
  }
}

