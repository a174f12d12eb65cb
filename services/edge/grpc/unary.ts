import type { handleUnaryCall, Metadata } from '@grpc/grpc-js';
import type { Random } from '@reticle/core/flow';
import type { Caller, SessionFront } from '@reticle/services/stream';
import { countedInput } from '../count-ahead.ts';
import { decodeCreateSession, decodeSignalTurn, decodeWarmSession, sessionId } from './decode.ts';
import { encodeControlAck, encodeSession } from './encode.ts';
import type { StatusOf } from './errors.ts';
import { traceOf } from './trace-of.ts';
import type {
  CloseSessionRequest,
  CloseSessionResponse__Input,
  CreateSessionRequest,
  CreateSessionResponse__Input,
  GetSessionRequest,
  GetSessionResponse__Input,
  SignalTurnRequest,
  SignalTurnResponse__Input,
  WarmSessionRequest,
  WarmSessionResponse__Input,
} from './messages.ts';

export type UnaryOptions = {
  readonly front: SessionFront;
  readonly random: Random;
  readonly statusOf: StatusOf;
  readonly callerOf: (metadata: Metadata) => Caller;
};

export type UnaryMethods = {
  readonly CreateSession: handleUnaryCall<CreateSessionRequest, CreateSessionResponse__Input>;
  readonly WarmSession: handleUnaryCall<WarmSessionRequest, WarmSessionResponse__Input>;
  readonly SignalTurn: handleUnaryCall<SignalTurnRequest, SignalTurnResponse__Input>;
  readonly GetSession: handleUnaryCall<GetSessionRequest, GetSessionResponse__Input>;
  readonly CloseSession: handleUnaryCall<CloseSessionRequest, CloseSessionResponse__Input>;
};

/** The unary methods of SessionService; the guard has authenticated the caller and refused bad bytes. */
export function unaryMethods({ front, random, statusOf, callerOf }: UnaryOptions): UnaryMethods {
  const method =
    <Request, Response>(
      run: (caller: Caller, request: Request, metadata: Metadata) => Promise<Response>,
    ): handleUnaryCall<Request, Response> =>
    (call, callback) => {
      const answer = async (): Promise<void> => {
        let response: Response;
        try {
          response = await run(callerOf(call.metadata), call.request, call.metadata);
        } catch (error) {
          callback(statusOf(error));
          return;
        }
        callback(null, response);
      };
      void answer();
    };
  return {
    CreateSession: method(async (caller, request, metadata) => {
      const asked = decodeCreateSession(request);
      const prefix = await countedInput(asked.prefix);
      const made = await front.createSession(caller, { ...asked, prefix, trace: traceOf(metadata) });
      const { session, resumeToken } = made;
      return { session: encodeSession(session), resumeToken };
    }),
    WarmSession: method(async (caller, request) => {
      const asked = decodeWarmSession(request);
      return front.warmSession(caller, { ...asked, prefix: await countedInput(asked.prefix) });
    }),
    SignalTurn: method(async (caller, request) => {
      return { ack: encodeControlAck(await front.signalTurn(caller, decodeSignalTurn(request, random))) };
    }),
    GetSession: method(async (caller, request) => {
      const { session, liveTurns } = await front.getSession(caller, sessionId(request.sessionId));
      return { session: encodeSession(session), liveTurns: [...liveTurns] };
    }),
    CloseSession: method(async (caller, request) => {
      await front.closeSession(caller, sessionId(request.sessionId));
      return {};
    }),
  };
}
