/** Builders of the link's messages, and the readers of the parts of requests that drivers get. */
import { durationMs, parseTextFormat, ReticleError, wireDuration } from '@reticle/core/domain';
import { GrpcStatus } from '@reticle/proto/contract';
import type { Capabilities__Input } from '@reticle/proto/gen/engine/v1/Capabilities';
import { CutGranularity } from '@reticle/proto/gen/engine/v1/CutGranularity';
import type { LinkResponse__Input } from '@reticle/proto/gen/engine/v1/LinkResponse';
import type { InputItem } from '@reticle/proto/gen/session/v1/InputItem';
import { ItemKind } from '@reticle/proto/gen/session/v1/ItemKind';
import { KvAction } from '@reticle/proto/gen/session/v1/KvAction';
import { OutputLength } from '@reticle/proto/gen/session/v1/OutputLength';
import type { Params } from '@reticle/proto/gen/session/v1/Params';
import { CutMode as WireCutMode } from '@reticle/proto/gen/session/v1/CutMode';
import type { Timing__Input } from '@reticle/proto/gen/session/v1/Timing';
import type { TurnError__Input } from '@reticle/proto/gen/session/v1/TurnError';
import type { WireItemMark } from '@reticle/proto/wire';
import type {
  CutGranularity as Granularity,
  EngineCapabilities,
  EngineInput,
  ItemKind as Kind,
  ItemMark,
  SamplingParams,
  Truncation,
} from '../contract.ts';
import type { CutMode } from './cut.ts';
import type { Turn, TurnFinal, TurnStarted, TurnTimes } from './turn.ts';

const itemKinds: Readonly<Record<Kind, ItemKind>> = {
  message: ItemKind.ITEM_KIND_MESSAGE,
  reasoning: ItemKind.ITEM_KIND_REASONING,
  'function-call': ItemKind.ITEM_KIND_FUNCTION_CALL,
  'custom-tool-call': ItemKind.ITEM_KIND_CUSTOM_TOOL_CALL,
};

const granularities: Readonly<Record<Granularity, CutGranularity>> = {
  token: CutGranularity.CUT_GRANULARITY_TOKEN,
  block: CutGranularity.CUT_GRANULARITY_BLOCK,
  checkpoint: CutGranularity.CUT_GRANULARITY_CHECKPOINT,
  none: CutGranularity.CUT_GRANULARITY_NONE,
};

/** `KvAction` number of what a driver did with a cut's KV. */
export const kvActions: Readonly<Record<Truncation['kvAction'], KvAction>> = {
  'cut-in-place': KvAction.KV_ACTION_CUT_IN_PLACE,
  'block-aligned-cut': KvAction.KV_ACTION_BLOCK_ALIGNED_CUT,
  'checkpoint-replay': KvAction.KV_ACTION_CHECKPOINT_REPLAY,
  reprefill: KvAction.KV_ACTION_REPREFILL,
  none: KvAction.KV_ACTION_NONE,
};

/** The mode of a `Cut`; undefined for a number outside the enum. */
export function cutModeOf(mode: number): CutMode | undefined {
  switch (mode) {
    case WireCutMode.CUT_MODE_UNSPECIFIED:
    case WireCutMode.CUT_MODE_KEEP_THROUGH_OFFSET:
      return 'keep-through-offset';
    case WireCutMode.CUT_MODE_KEEP_GENERATED:
      return 'keep-generated';
    case WireCutMode.CUT_MODE_DISCARD_PARTIAL_ITEMS:
      return 'discard-partial-items';
    case WireCutMode.CUT_MODE_AT_ITEM_BOUNDARY:
      return 'at-item-boundary';
    default:
      return undefined;
  }
}

export function turnError(error: ReticleError): TurnError__Input {
  const { row, code, message, param = '', retryAfterMs } = error;
  return {
    grpcCode: GrpcStatus[row.grpc],
    code,
    message,
    param,
    retryable: row.retry !== 'never',
    ...(retryAfterMs === undefined ? {} : { retryDelay: wireDuration(retryAfterMs) }),
  };
}

/** `Fault` about a session, a lane or an operation; `epoch` is the session's where that is the reason. */
export function faultMessage(
  subject: { readonly sid?: number; readonly lane?: number; readonly op?: number; readonly epoch?: number },
  error: ReticleError,
): LinkResponse__Input {
  const { sid = 0, lane = 0, op = 0, epoch = 0 } = subject;
  return { fault: { sid, lane, op, epoch, error: turnError(error) } };
}

export function startedMessage(turn: Turn, started: TurnStarted): LinkResponse__Input {
  const sid = turn.session.attachment?.sid ?? 0;
  return { started: { lane: turn.lane, sid, turnId: turn.turnId, ...started } };
}

export function endedMessage(turn: Turn, final: TurnFinal): LinkResponse__Input {
  const { status, endOffset, generated, finishReason, error } = final;
  const usage = {
    inputTokens: turn.started?.promptTokens ?? 0,
    cachedTokens: turn.started?.cachedTokens ?? 0,
    outputTokens: endOffset,
    reasoningTokens: turn.marks.reasoningTokens(endOffset),
    discardedTokens: generated - endOffset,
  };
  return {
    ended: {
      lane: turn.lane,
      status,
      endOffset,
      finishReason,
      usage,
      timing: timing(turn.times),
      ...(error === undefined ? {} : { error }),
    },
  };
}

function timing({ submittedMs, startedMs, firstTokenMs, endedMs }: TurnTimes): Timing__Input {
  return {
    ...(startedMs === undefined ? {} : { prefill: wireDuration(startedMs - submittedMs) }),
    ...(firstTokenMs === undefined ? {} : { firstToken: wireDuration(firstTokenMs - submittedMs) }),
    ...(firstTokenMs === undefined || endedMs === undefined ? {} : { decode: wireDuration(endedMs - firstTokenMs) }),
  };
}

export function wireMark(turnId: string, mark: ItemMark): WireItemMark & { readonly kind: ItemKind } {
  return { ...mark, turnId, kind: itemKinds[mark.kind] };
}

export function wireCapabilities(capabilities: EngineCapabilities): Capabilities__Input {
  return { ...capabilities, modalities: [...capabilities.modalities], cut: granularities[capabilities.cut] };
}

/** Input of a `Start` or `Prefill`; an item without content is `invalid_request`. */
export function engineInput(items: readonly InputItem[]): EngineInput[] {
  return items.map((item, index) => {
    if (item.itemJson !== undefined) return { kind: 'item', json: item.itemJson };
    if (item.tokens) return { kind: 'tokens', ids: item.tokens.tokenIds };
    throw new ReticleError('invalid_request', 'an input item has no content', { param: `input[${index}]` });
  });
}

/** An upper bound of the tokens of an input: no token is shorter than a character of its JSON. */
export function inputTokensMax(input: readonly EngineInput[]): number {
  let tokens = 0;
  for (const part of input) tokens += part.kind === 'item' ? part.json.length : part.ids.length;
  return tokens;
}

const TEXT_FORMAT_PARAM = 'params.text_format_json';

/** @throws ReticleError `unknown_parameter` for one that the driver does not take, or of `parseTextFormat` */
export function samplingParams(
  params: Params | null,
  { grammar }: Pick<EngineCapabilities, 'grammar'>,
): SamplingParams {
  if (params === null) return { stop: [] };
  const { temperature, topP, seed, stop, textFormatJson } = params;
  const constrained = textFormatJson !== '' && parseTextFormat(textFormatJson, TEXT_FORMAT_PARAM) !== undefined;
  if (constrained && !grammar) {
    const param = TEXT_FORMAT_PARAM;
    throw new ReticleError('unknown_parameter', 'the engine does not take this parameter', { param });
  }
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(constrained ? { textFormat: textFormatJson } : {}),
    ...toolParams(params),
    stop,
  };
}

/** As they came: the gateway has read them, and a driver reads them as far as it uses them. */
function toolParams({ toolsJson, toolChoiceJson, parallelToolCalls }: Params): Partial<SamplingParams> {
  return {
    ...(toolsJson === '' ? {} : { tools: toolsJson }),
    ...(toolChoiceJson === '' ? {} : { toolChoice: toolChoiceJson }),
    ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
  };
}

/** How long a turn may be, where the request says so. */
export function outputLength(params: Params | null): { length?: 'natural' | 'max' } {
  if (params?.outputLength === OutputLength.OUTPUT_LENGTH_NATURAL) return { length: 'natural' };
  return params?.outputLength === OutputLength.OUTPUT_LENGTH_EXACT ? { length: 'max' } : {};
}

/** Milliseconds of an optional wire duration. */
export function durationOr(duration: { seconds: number; nanos: number } | null, fallbackMs: number): number {
  return duration === null ? fallbackMs : durationMs(duration);
}
