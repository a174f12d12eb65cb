import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from './google/protobuf/Duration.ts';
import type { Timestamp__Input as _google_protobuf_Timestamp__Input, Timestamp as _google_protobuf_Timestamp } from './google/protobuf/Timestamp.ts';
import type { Adopt__Input as _reticle_engine_v1_Adopt__Input, Adopt as _reticle_engine_v1_Adopt } from './reticle/engine/v1/Adopt.ts';
import type { AdoptedTurn__Input as _reticle_engine_v1_AdoptedTurn__Input, AdoptedTurn as _reticle_engine_v1_AdoptedTurn } from './reticle/engine/v1/AdoptedTurn.ts';
import type { Capabilities__Input as _reticle_engine_v1_Capabilities__Input, Capabilities as _reticle_engine_v1_Capabilities } from './reticle/engine/v1/Capabilities.ts';
import type { Credit__Input as _reticle_engine_v1_Credit__Input, Credit as _reticle_engine_v1_Credit } from './reticle/engine/v1/Credit.ts';
import type { Cut__Input as _reticle_engine_v1_Cut__Input, Cut as _reticle_engine_v1_Cut } from './reticle/engine/v1/Cut.ts';
import type { CutDone__Input as _reticle_engine_v1_CutDone__Input, CutDone as _reticle_engine_v1_CutDone } from './reticle/engine/v1/CutDone.ts';
import type { Drain__Input as _reticle_engine_v1_Drain__Input, Drain as _reticle_engine_v1_Drain } from './reticle/engine/v1/Drain.ts';
import type { Ended__Input as _reticle_engine_v1_Ended__Input, Ended as _reticle_engine_v1_Ended } from './reticle/engine/v1/Ended.ts';
import type { Fault__Input as _reticle_engine_v1_Fault__Input, Fault as _reticle_engine_v1_Fault } from './reticle/engine/v1/Fault.ts';
import type { Hello__Input as _reticle_engine_v1_Hello__Input, Hello as _reticle_engine_v1_Hello } from './reticle/engine/v1/Hello.ts';
import type { KvEvents__Input as _reticle_engine_v1_KvEvents__Input, KvEvents as _reticle_engine_v1_KvEvents } from './reticle/engine/v1/KvEvents.ts';
import type { LaneItem__Input as _reticle_engine_v1_LaneItem__Input, LaneItem as _reticle_engine_v1_LaneItem } from './reticle/engine/v1/LaneItem.ts';
import type { LaneLogprobs__Input as _reticle_engine_v1_LaneLogprobs__Input, LaneLogprobs as _reticle_engine_v1_LaneLogprobs } from './reticle/engine/v1/LaneLogprobs.ts';
import type { LinkRequest__Input as _reticle_engine_v1_LinkRequest__Input, LinkRequest as _reticle_engine_v1_LinkRequest } from './reticle/engine/v1/LinkRequest.ts';
import type { LinkResponse__Input as _reticle_engine_v1_LinkResponse__Input, LinkResponse as _reticle_engine_v1_LinkResponse } from './reticle/engine/v1/LinkResponse.ts';
import type { LinkServiceClient as _reticle_engine_v1_LinkServiceClient, LinkServiceDefinition as _reticle_engine_v1_LinkServiceDefinition } from './reticle/engine/v1/LinkService.ts';
import type { Load__Input as _reticle_engine_v1_Load__Input, Load as _reticle_engine_v1_Load } from './reticle/engine/v1/Load.ts';
import type { Open__Input as _reticle_engine_v1_Open__Input, Open as _reticle_engine_v1_Open } from './reticle/engine/v1/Open.ts';
import type { Opened__Input as _reticle_engine_v1_Opened__Input, Opened as _reticle_engine_v1_Opened } from './reticle/engine/v1/Opened.ts';
import type { Ping__Input as _reticle_engine_v1_Ping__Input, Ping as _reticle_engine_v1_Ping } from './reticle/engine/v1/Ping.ts';
import type { Pong__Input as _reticle_engine_v1_Pong__Input, Pong as _reticle_engine_v1_Pong } from './reticle/engine/v1/Pong.ts';
import type { Prefill__Input as _reticle_engine_v1_Prefill__Input, Prefill as _reticle_engine_v1_Prefill } from './reticle/engine/v1/Prefill.ts';
import type { Prefilled__Input as _reticle_engine_v1_Prefilled__Input, Prefilled as _reticle_engine_v1_Prefilled } from './reticle/engine/v1/Prefilled.ts';
import type { Presence__Input as _reticle_engine_v1_Presence__Input, Presence as _reticle_engine_v1_Presence } from './reticle/engine/v1/Presence.ts';
import type { Release__Input as _reticle_engine_v1_Release__Input, Release as _reticle_engine_v1_Release } from './reticle/engine/v1/Release.ts';
import type { ResumeToken__Input as _reticle_engine_v1_ResumeToken__Input, ResumeToken as _reticle_engine_v1_ResumeToken } from './reticle/engine/v1/ResumeToken.ts';
import type { SignalTurnRequest__Input as _reticle_engine_v1_SignalTurnRequest__Input, SignalTurnRequest as _reticle_engine_v1_SignalTurnRequest } from './reticle/engine/v1/SignalTurnRequest.ts';
import type { SignalTurnResponse__Input as _reticle_engine_v1_SignalTurnResponse__Input, SignalTurnResponse as _reticle_engine_v1_SignalTurnResponse } from './reticle/engine/v1/SignalTurnResponse.ts';
import type { Start__Input as _reticle_engine_v1_Start__Input, Start as _reticle_engine_v1_Start } from './reticle/engine/v1/Start.ts';
import type { Started__Input as _reticle_engine_v1_Started__Input, Started as _reticle_engine_v1_Started } from './reticle/engine/v1/Started.ts';
import type { StepFrame__Input as _reticle_engine_v1_StepFrame__Input, StepFrame as _reticle_engine_v1_StepFrame } from './reticle/engine/v1/StepFrame.ts';
import type { Transcript__Input as _reticle_engine_v1_Transcript__Input, Transcript as _reticle_engine_v1_Transcript } from './reticle/engine/v1/Transcript.ts';
import type { Welcome__Input as _reticle_engine_v1_Welcome__Input, Welcome as _reticle_engine_v1_Welcome } from './reticle/engine/v1/Welcome.ts';
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
    engine: {
      v1: {
        Adopt: MessageTypeDefinition<_reticle_engine_v1_Adopt__Input, _reticle_engine_v1_Adopt>
        AdoptedTurn: MessageTypeDefinition<_reticle_engine_v1_AdoptedTurn__Input, _reticle_engine_v1_AdoptedTurn>
        Capabilities: MessageTypeDefinition<_reticle_engine_v1_Capabilities__Input, _reticle_engine_v1_Capabilities>
        Credit: MessageTypeDefinition<_reticle_engine_v1_Credit__Input, _reticle_engine_v1_Credit>
        Cut: MessageTypeDefinition<_reticle_engine_v1_Cut__Input, _reticle_engine_v1_Cut>
        CutDone: MessageTypeDefinition<_reticle_engine_v1_CutDone__Input, _reticle_engine_v1_CutDone>
        CutGranularity: EnumTypeDefinition
        Drain: MessageTypeDefinition<_reticle_engine_v1_Drain__Input, _reticle_engine_v1_Drain>
        Ended: MessageTypeDefinition<_reticle_engine_v1_Ended__Input, _reticle_engine_v1_Ended>
        EngineState: EnumTypeDefinition
        Fault: MessageTypeDefinition<_reticle_engine_v1_Fault__Input, _reticle_engine_v1_Fault>
        Hello: MessageTypeDefinition<_reticle_engine_v1_Hello__Input, _reticle_engine_v1_Hello>
        KvEvents: MessageTypeDefinition<_reticle_engine_v1_KvEvents__Input, _reticle_engine_v1_KvEvents>
        LaneItem: MessageTypeDefinition<_reticle_engine_v1_LaneItem__Input, _reticle_engine_v1_LaneItem>
        LaneLogprobs: MessageTypeDefinition<_reticle_engine_v1_LaneLogprobs__Input, _reticle_engine_v1_LaneLogprobs>
        LinkRequest: MessageTypeDefinition<_reticle_engine_v1_LinkRequest__Input, _reticle_engine_v1_LinkRequest>
        LinkResponse: MessageTypeDefinition<_reticle_engine_v1_LinkResponse__Input, _reticle_engine_v1_LinkResponse>
        LinkService: SubtypeConstructor<typeof grpc.Client, _reticle_engine_v1_LinkServiceClient> & { service: _reticle_engine_v1_LinkServiceDefinition }
        Load: MessageTypeDefinition<_reticle_engine_v1_Load__Input, _reticle_engine_v1_Load>
        Open: MessageTypeDefinition<_reticle_engine_v1_Open__Input, _reticle_engine_v1_Open>
        Opened: MessageTypeDefinition<_reticle_engine_v1_Opened__Input, _reticle_engine_v1_Opened>
        Ping: MessageTypeDefinition<_reticle_engine_v1_Ping__Input, _reticle_engine_v1_Ping>
        Pong: MessageTypeDefinition<_reticle_engine_v1_Pong__Input, _reticle_engine_v1_Pong>
        Prefill: MessageTypeDefinition<_reticle_engine_v1_Prefill__Input, _reticle_engine_v1_Prefill>
        Prefilled: MessageTypeDefinition<_reticle_engine_v1_Prefilled__Input, _reticle_engine_v1_Prefilled>
        Presence: MessageTypeDefinition<_reticle_engine_v1_Presence__Input, _reticle_engine_v1_Presence>
        Release: MessageTypeDefinition<_reticle_engine_v1_Release__Input, _reticle_engine_v1_Release>
        ReleaseMode: EnumTypeDefinition
        ResumeToken: MessageTypeDefinition<_reticle_engine_v1_ResumeToken__Input, _reticle_engine_v1_ResumeToken>
        SignalTurnRequest: MessageTypeDefinition<_reticle_engine_v1_SignalTurnRequest__Input, _reticle_engine_v1_SignalTurnRequest>
        SignalTurnResponse: MessageTypeDefinition<_reticle_engine_v1_SignalTurnResponse__Input, _reticle_engine_v1_SignalTurnResponse>
        Start: MessageTypeDefinition<_reticle_engine_v1_Start__Input, _reticle_engine_v1_Start>
        Started: MessageTypeDefinition<_reticle_engine_v1_Started__Input, _reticle_engine_v1_Started>
        StepFrame: MessageTypeDefinition<_reticle_engine_v1_StepFrame__Input, _reticle_engine_v1_StepFrame>
        Transcript: MessageTypeDefinition<_reticle_engine_v1_Transcript__Input, _reticle_engine_v1_Transcript>
        Welcome: MessageTypeDefinition<_reticle_engine_v1_Welcome__Input, _reticle_engine_v1_Welcome>
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

