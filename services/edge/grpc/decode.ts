/**
 * Wire → commands. Strict decoding has already refused malformed bytes and unknown enum values; here ids meet
 * their alphabets, enums their defaults, and messages their required parts. Values (offsets, counts, model,
 * item content) are the session layer's to judge, since it can refuse them without ending the stream.
 */
import {
  base32,
  durationMs,
  isClientId,
  isRandomId,
  isRegion,
  RANDOM_ID_BYTES,
  ReticleError,
  tierOfNumber,
  type Tier,
  type WireDuration,
} from '@reticle/core/domain';
import type { Random } from '@reticle/core/flow';
import type {
  Attach as WireAttach,
  ConverseRequest,
  CreateSessionRequest,
  Draft as WireDraft,
  Flow as WireFlow,
  FramePolicy as WireFramePolicy,
  InputItem,
  Interrupt as WireInterrupt,
  Redirect as WireRedirect,
  ReplayTurnRequest,
  SignalTurnRequest,
  StartTurn as WireStartTurn,
  WarmSessionRequest,
} from './messages.ts';
import type {
  Attach,
  ClientCommand,
  CutMode,
  Draft,
  Flow,
  FramePolicy,
  Interrupt,
  Redirect,
  StartTurn,
  TurnCursor,
  TurnInput,
} from '@reticle/services/session';
import type { CreateSession, ReplayTurn, SessionFront, WarmSession } from '@reticle/services/stream';
import { decodeParams } from './decode-params.ts';
import { bodyDigest } from './digest.ts';

/** `CutMode` by number; 0 is the default of PROTOCOL R4. */
const cutModes: readonly CutMode[] = [
  'keep-through-offset',
  'discard-partial-items',
  'keep-through-offset',
  'keep-generated',
  'at-item-boundary',
];

export function invalid(message: string, param: string): ReticleError {
  return new ReticleError('invalid_request', message, { param });
}

export function missing(param: string): ReticleError {
  return new ReticleError('missing_required_parameter', 'a required field is missing', { param });
}

/** An id that its client chose; required. */
function clientId(text: string, param: string): string {
  if (text === '') throw missing(param);
  return optionalClientId(text, param);
}

function optionalClientId(text: string, param: string): string {
  if (text !== '' && !isClientId(text)) throw invalid('an id is 1 to 64 of A-Z a-z 0-9 _ -', param);
  return text;
}

/** A session id of ours; required. */
export function sessionId(text: string, param = 'session_id'): string {
  if (text === '') throw missing(param);
  if (!isRandomId(text)) throw invalid('the id is 26 characters of a-z 2-7', param);
  return text;
}

/** Session id and resume token, of which at least one is set. */
function sessionRef(
  message: { readonly sessionId: string; readonly resumeToken: string },
  prefix: string,
): { sessionId?: string; resumeToken?: string } {
  const param = `${prefix}session_id`;
  if (message.sessionId === '' && message.resumeToken === '') throw missing(param);
  return {
    ...(message.sessionId === '' ? {} : { sessionId: sessionId(message.sessionId, param) }),
    ...(message.resumeToken === '' ? {} : { resumeToken: message.resumeToken }),
  };
}

const NANOS_MAX = 999_999_999;

/** Milliseconds of a duration that is set; a negative one is out of range for every field of the API. */
function milliseconds(duration: WireDuration | null | undefined, param: string): number | undefined {
  if (duration === null || duration === undefined) return undefined;
  if (Math.abs(duration.nanos) > NANOS_MAX) throw invalid('a duration has less than 10^9 nanoseconds', param);
  if (duration.seconds < 0 || duration.nanos < 0) {
    throw new ReticleError('value_out_of_range', 'a duration is not negative', { param });
  }
  return durationMs(duration);
}

function tier(number: number): { tier?: Tier } {
  const known = tierOfNumber(number);
  return known === undefined ? {} : { tier: known };
}

function inputs(items: readonly InputItem[], param: string): TurnInput[] {
  return items.map((item, index) => {
    if (item.itemJson !== undefined) return { kind: 'item', json: item.itemJson };
    if (item.tokens !== undefined && item.tokens !== null) return { kind: 'tokens', ids: item.tokens.tokenIds };
    throw missing(`${param}[${index}]`);
  });
}

function framePolicy(policy: WireFramePolicy | null, param: string): FramePolicy {
  if (policy === null) return { includeTokenIds: false, omitText: false };
  const maxDelayMs = milliseconds(policy.maxDelay, `${param}.max_delay`);
  return {
    includeTokenIds: policy.includeTokenIds,
    omitText: policy.omitText,
    ...(policy.maxTokens === 0 ? {} : { maxTokens: policy.maxTokens }),
    ...(maxDelayMs === undefined ? {} : { maxDelayMs }),
  };
}

export function decodeAttach(message: WireAttach): Attach {
  const cursors: TurnCursor[] = message.cursors.map((cursor, index) => ({
    turnId: clientId(cursor.turnId, `attach.cursors[${index}].turn_id`),
    nextOffset: cursor.nextOffset,
    creditTokens: cursor.creditTokens,
  }));
  return {
    ...sessionRef(message, 'attach.'),
    cursors,
    defaultCreditTokens: message.defaultCreditTokens,
    framePolicy: framePolicy(message.framePolicy, 'attach.frame_policy'),
  };
}

function decodeStart(message: WireStartTurn, param: string): StartTurn {
  const maxQueueWaitMs = milliseconds(message.maxQueueWait, `${param}.max_queue_wait`);
  const maxDurationMs = milliseconds(message.maxDuration, `${param}.max_duration`);
  return {
    turnId: clientId(message.turnId, `${param}.turn_id`),
    parentTurnId: optionalClientId(message.parentTurnId, `${param}.parent_turn_id`),
    input: inputs(message.input, `${param}.input`),
    ...(message.draft === null
      ? {}
      : {
          draft: {
            draftId: clientId(message.draft.draftId, `${param}.draft.draft_id`),
            revision: message.draft.revision,
          },
        }),
    params: decodeParams(message.params, `${param}.params`),
    ...(message.maxOutputTokens === undefined ? {} : { maxOutputTokens: message.maxOutputTokens }),
    ...(maxQueueWaitMs === undefined ? {} : { maxQueueWaitMs }),
    ...(maxDurationMs === undefined ? {} : { maxDurationMs }),
    ...tier(message.tier),
    prefillOnly: message.prefillOnly,
    bodyDigest: bodyDigest('reticle.session.v1.StartTurn', message),
  };
}

function decodeInterrupt(message: WireInterrupt, param: string, random: Random): Interrupt {
  if (message.signalId !== '') sessionId(message.signalId, `${param}.signal_id`);
  return {
    turnId: clientId(message.turnId, `${param}.turn_id`),
    mode: cutModes[message.mode] ?? 'keep-through-offset',
    ...(message.keepThroughOffset === undefined ? {} : { keepThroughOffset: message.keepThroughOffset }),
    reason: message.reason,
    signalId: message.signalId === '' ? base32(random.bytes(RANDOM_ID_BYTES)) : message.signalId,
    bodyDigest: bodyDigest('reticle.session.v1.Interrupt', message),
  };
}

function decodeRedirect(message: WireRedirect, param: string, random: Random): Redirect {
  if (message.cut === null) throw missing(`${param}.cut`);
  if (message.successor === null) throw missing(`${param}.successor`);
  return {
    cut: decodeInterrupt(message.cut, `${param}.cut`, random),
    successor: decodeStart(message.successor, `${param}.successor`),
  };
}

function decodeFlow(message: WireFlow): Flow {
  return {
    turnId: clientId(message.turnId, 'flow.turn_id'),
    receivedThroughOffset: message.receivedThroughOffset,
    creditTokens: message.creditTokens,
  };
}

function decodeDraft(message: WireDraft): Draft {
  return {
    draftId: clientId(message.draftId, 'draft.draft_id'),
    revision: message.revision,
    parentTurnId: optionalClientId(message.parentTurnId, 'draft.parent_turn_id'),
    prefix: inputs(message.prefix, 'draft.prefix'),
    keepBytes: message.keepBytes,
    append: message.append,
    discard: message.discard,
  };
}

/** A message after Attach. Throws what is fatal to the stream. */
export function decodeCommand(message: ConverseRequest, random: Random): ClientCommand {
  const { seq, startTurn, interrupt, redirect, flow, draft } = message;
  if (startTurn) return { seq, kind: 'start-turn', start: decodeStart(startTurn, 'start_turn') };
  if (interrupt) return { seq, kind: 'interrupt', interrupt: decodeInterrupt(interrupt, 'interrupt', random) };
  if (redirect) return { seq, kind: 'redirect', redirect: decodeRedirect(redirect, 'redirect', random) };
  if (flow) return { seq, kind: 'flow', flow: decodeFlow(flow) };
  if (draft) return { seq, kind: 'draft', draft: decodeDraft(draft) };
  throw missing('message');
}

export function decodeCreateSession(message: CreateSessionRequest): CreateSession {
  const idleTtlMs = milliseconds(message.idleTtl, 'idle_ttl');
  message.allowedRegions.forEach((region, index) => {
    if (!isRegion(region)) throw invalid('a region is a DNS label', `allowed_regions[${index}]`);
  });
  if (message.model === '') throw missing('model');
  return {
    requestId: clientId(message.requestId, 'request_id'),
    model: message.model,
    ...tier(message.tier),
    allowedRegions: message.allowedRegions,
    cacheKey: message.cacheKey,
    prefix: inputs(message.prefix, 'prefix'),
    ...(idleTtlMs === undefined ? {} : { idleTtlMs }),
    bodyDigest: bodyDigest('reticle.session.v1.CreateSessionRequest', message),
  };
}

export function decodeWarmSession(message: WarmSessionRequest): WarmSession {
  return {
    sessionId: sessionId(message.sessionId),
    requestId: clientId(message.requestId, 'request_id'),
    parentTurnId: optionalClientId(message.parentTurnId, 'parent_turn_id'),
    prefix: inputs(message.prefix, 'prefix'),
    bodyDigest: bodyDigest('reticle.session.v1.WarmSessionRequest', message),
  };
}

export function decodeReplayTurn(message: ReplayTurnRequest): ReplayTurn {
  return {
    ...sessionRef(message, ''),
    turnId: clientId(message.turnId, 'turn_id'),
    nextOffset: message.nextOffset,
    framePolicy: framePolicy(message.framePolicy, 'frame_policy'),
  };
}

export function decodeSignalTurn(
  message: SignalTurnRequest,
  random: Random,
): Parameters<SessionFront['signalTurn']>[1] {
  const session = sessionRef(message, '');
  if (message.interrupt) return { ...session, signal: decodeInterrupt(message.interrupt, 'interrupt', random) };
  if (message.redirect) return { ...session, signal: decodeRedirect(message.redirect, 'redirect', random) };
  throw missing('signal');
}
