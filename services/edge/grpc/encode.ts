/** Events and answers → wire. Fields keep their names; `fromObject` passes over the ones the wire has not. */
import { assertNever, tierNumber, wireDuration, type Tier } from '@reticle/core/domain';
import { errorRegistry, GrpcStatus } from '@reticle/proto/contract';
import { messageCodec } from '@reticle/proto/load';
import type {
  Continuation,
  ControlAck,
  ControlOutcome,
  ItemKind,
  KvAction,
  ServeReason,
  ServerEvent,
  SessionView,
  TurnEnded,
  TurnError,
  TurnStarted,
  TurnStatus,
} from '@reticle/services/session';
import type {
  ControlAck__Input,
  ConverseResponse__Input,
  ItemMark__Input,
  ReplayTurnResponse__Input,
  Session__Input,
  TurnEnded__Input,
  TurnError__Input,
  TurnStarted__Input,
} from './messages.ts';

const serveReasons = {
  'as-requested': 1,
  'tenant-default': 2,
  'region-policy': 5,
  failover: 6,
  drain: 7,
} as const satisfies Record<ServeReason, number>;

const turnStatuses = {
  completed: 1,
  interrupted: 2,
  redirected: 3,
  incomplete: 4,
  failed: 5,
} as const satisfies Record<TurnStatus, number>;

const outcomes = {
  applied: 1,
  'already-ended': 2,
  'not-found': 3,
  stale: 4,
  unsupported: 5,
  pending: 6,
  refused: 7,
} as const satisfies Record<ControlOutcome, number>;

const kvActions = {
  'cut-in-place': 1,
  'block-aligned-cut': 2,
  'checkpoint-replay': 3,
  reprefill: 4,
  none: 5,
} as const satisfies Record<KvAction, number>;

const itemKinds = {
  message: 1,
  reasoning: 2,
  'function-call': 3,
  'custom-tool-call': 4,
} as const satisfies Record<ItemKind, number>;

const continuations = { exact: 1, resampled: 2 } as const satisfies Record<Continuation, number>;

const wireTier = (tier: Tier): 1 | 2 | 3 | 4 => tierNumber(tier) as 1 | 2 | 3 | 4;

export function encodeSession(session: SessionView): Session__Input {
  return {
    ...session,
    allowedRegions: [...session.allowedRegions],
    tier: wireTier(session.tier),
    expireTime: wireDuration(session.expireTimeMs),
  };
}

export function encodeControlAck(ack: ControlAck): ControlAck__Input {
  return { ...ack, outcome: outcomes[ack.outcome], kvAction: kvActions[ack.kvAction], code: ack.code ?? '' };
}

function encodeTurnStarted(started: TurnStarted): TurnStarted__Input {
  return {
    ...started,
    requestedTier: wireTier(started.requestedTier),
    servedTier: wireTier(started.servedTier),
    reason: serveReasons[started.reason],
    continuation: continuations[started.continuation],
  };
}

function encodeTurnError(error: TurnError): TurnError__Input {
  const row = errorRegistry[error.code];
  return {
    grpcCode: GrpcStatus[row.grpc],
    code: error.code,
    message: error.message,
    param: error.param,
    retryable: row.retry !== 'never',
    retryDelay: error.retryDelayMs === undefined ? null : wireDuration(error.retryDelayMs),
  };
}

function encodeTurnEnded(ended: TurnEnded): TurnEnded__Input {
  const { error, timing } = ended;
  return {
    ...ended,
    status: turnStatuses[ended.status],
    timing: {
      queue: wireDuration(timing.queueMs),
      prefill: wireDuration(timing.prefillMs),
      firstToken: wireDuration(timing.firstTokenMs),
      decode: wireDuration(timing.decodeMs),
      control: wireDuration(timing.controlMs),
    },
    error: error === undefined ? null : encodeTurnError(error),
  };
}

function encodeItemMark(mark: Extract<ServerEvent, { kind: 'item-mark' }>): ItemMark__Input {
  return { ...mark, kind: itemKinds[mark.itemKind] };
}

/** One event as a message of Converse. */
export function converseMessage(event: ServerEvent): ConverseResponse__Input {
  switch (event.kind) {
    case 'attached': {
      const { session, resumeToken, replay, lastAppliedSeq } = event;
      return { attached: { session: encodeSession(session), resumeToken, replay: [...replay], lastAppliedSeq } };
    }
    case 'turn-queued': {
      const { turnId, position, reason, estimatedWaitMs } = event;
      return { turnQueued: { turnId, position, reason, estimatedWait: wireDuration(estimatedWaitMs) } };
    }
    case 'turn-started':
      return { turnStarted: encodeTurnStarted(event) };
    case 'item-mark':
      return { itemMark: encodeItemMark(event) };
    case 'control-ack':
      return { controlAck: encodeControlAck(event) };
    case 'turn-ended':
      return { turnEnded: encodeTurnEnded(event) };
    case 'draft-state':
      return { draftState: event };
    case 'go-away': {
      const { timeLeftMs, resumeToken, reason } = event;
      return { goAway: { timeLeft: wireDuration(timeLeftMs), resumeToken, reason } };
    }
    default:
      return assertNever(event);
  }
}

/** One event as a message of ReplayTurn; undefined for events of an attachment, which a replay has not. */
export function replayMessage(event: ServerEvent): ReplayTurnResponse__Input | undefined {
  switch (event.kind) {
    case 'turn-started':
      return { turnStarted: encodeTurnStarted(event) };
    case 'item-mark':
      return { itemMark: encodeItemMark(event) };
    case 'turn-ended':
      return { turnEnded: encodeTurnEnded(event) };
    default:
      return undefined;
  }
}

export type StreamKind = 'converse' | 'replay';

/** Encodes one event for its stream; undefined when the stream has no such message. */
export type EncodeEvent = (event: ServerEvent) => Uint8Array | undefined;

/** The encoder of one kind of stream. */
export function eventEncoder(stream: StreamKind): EncodeEvent {
  if (stream === 'converse') {
    const codec = messageCodec<ConverseResponse__Input, object>('reticle.session.v1.ConverseResponse');
    return (event) => codec.encode(converseMessage(event));
  }
  const codec = messageCodec<ReplayTurnResponse__Input, object>('reticle.session.v1.ReplayTurnResponse');
  return (event) => {
    const message = replayMessage(event);
    return message === undefined ? undefined : codec.encode(message);
  };
}
