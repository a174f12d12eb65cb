/** Records of a session's contexts as an engine tells them (PROTOCOL E6, `Transcript`), as values of this side. */
import { durationMs, tierOfNumber } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import { OutputLength } from '@reticle/proto/gen/session/v1/OutputLength';
import type { Started } from '@reticle/proto/gen/engine/v1/Started';
import type { Transcript } from '@reticle/proto/gen/engine/v1/Transcript';
import type { InputItem } from '@reticle/proto/gen/session/v1/InputItem';
import type { Params } from '@reticle/proto/gen/session/v1/Params';
import {
  NO_TIMING,
  NO_USAGE,
  toolsHeadOf,
  type Ending,
  type StartPlan,
  type TurnInput,
  type TurnParams,
  type TurnRecord,
} from '@reticle/services/session';
import { continuationOf, cutAnswer, ending } from './wire-values.ts';

/** How a context that generates nothing ends. */
export const WARM_ENDING: Ending = {
  status: 'completed',
  endOffset: 0,
  finishReason: 'prefilled',
  usage: NO_USAGE,
  timing: NO_TIMING,
};

/** A record in all its messages. */
export type ContextRecord = {
  readonly head: Transcript;
  /** Ids of the turn's output from offset 0. */
  readonly ids: number[];
};

/** Puts the messages of records together; records come whole, one after the other. */
export class RecordReader {
  #open: ContextRecord | undefined;

  /** The record that this message completes. */
  take(message: Transcript): ContextRecord | undefined {
    const record = this.#open ?? { head: message, ids: [] };
    for (const id of message.tokenIds) record.ids.push(id);
    this.#open = message.last ? undefined : record;
    return message.last ? record : undefined;
  }
}

export function turnInput(items: readonly InputItem[]): TurnInput[] {
  return items.map((item) =>
    item.tokens ? { kind: 'tokens', ids: item.tokens.tokenIds } : { kind: 'item', json: item.itemJson ?? '' },
  );
}

/** What makes the context again: a turn's plan, or the plan of a warm-up. */
export function planOf({ head }: ContextRecord): StartPlan {
  const { start, prefill } = head;
  if (start === null) return warmPlan(head, prefill?.parentTurnId ?? '', turnInput(prefill?.append ?? []));
  return {
    turnId: head.turnId,
    parentTurnId: start.parentTurnId,
    input: turnInput(start.input),
    params: turnParams(start.params),
    maxOutputTokens: start.maxOutputTokens,
    ...(start.outputUnlimited ? { outputUnlimited: true } : {}),
    maxDurationMs: start.maxDuration ? durationMs(start.maxDuration) : limits.turnDurationMsDefault,
    promptTokens: head.started?.promptTokens ?? 0,
    creditTokens: limits.creditTokensDefault,
    tier: tierOfNumber(start.priority),
    seq: start.clientSeq,
    bodyDigest: start.bodyDigest,
  };
}

function warmPlan({ turnId, prefilled }: Transcript, parentTurnId: string, input: TurnInput[]): StartPlan {
  return {
    turnId,
    parentTurnId,
    input,
    params: { stop: [] },
    maxOutputTokens: 0,
    maxDurationMs: limits.turnDurationMsDefault,
    promptTokens: prefilled?.contextTokens ?? 0,
    creditTokens: 0,
    tier: undefined,
    seq: 0,
    bodyDigest: '',
  };
}

function turnParams(params: Params | null): TurnParams {
  if (params === null) return { stop: [] };
  const { temperature, topP, seed, stop, outputLength, choice, textFormatJson } = params;
  const { toolsJson, toolChoiceJson, parallelToolCalls } = params;
  return {
    stop,
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    ...lengthOf(outputLength),
    ...(choice === 0 ? {} : { choice }),
    ...(textFormatJson === '' ? {} : { textFormat: textFormatJson }),
    ...(toolsJson === '' ? {} : { tools: toolsJson }),
    ...(toolChoiceJson === '' ? {} : { toolChoice: toolChoiceJson }),
    ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
  };
}

function lengthOf(length: number): Pick<TurnParams, 'outputLength'> {
  if (length === OutputLength.OUTPUT_LENGTH_NATURAL) return { outputLength: 'natural' };
  return length === OutputLength.OUTPUT_LENGTH_EXACT ? { outputLength: 'exact' } : {};
}

/** The turn of a record. `adopted`: its tokens come again on this link, and its end after them. */
export function turnRecord(record: ContextRecord, adopted: boolean): TurnRecord {
  const { head } = record;
  const { turnId, parentTurnId, bodyDigest, tier, input } = planOf(record);
  const { generatedOffset } = head;
  const named = { turnId, parentTurnId, bodyDigest, tier, generatedOffset, tools: toolsHeadOf(input) };
  if (head.start === null)
    return { ...named, ...warmed(head), prefillOnly: true, cutAt: undefined, endsAt: undefined, cuts: [] };
  return {
    ...named,
    prefillOnly: false,
    started: head.started === null ? undefined : startedOf(head.started),
    ...endOf(head, adopted),
    cuts: head.cuts.map(cutAnswer),
  };
}

/** Where and how the turn ended; of one whose tokens come again its end is known but has not come. */
function endOf({ ended, cuts }: Transcript, adopted: boolean): Pick<TurnRecord, 'ending' | 'cutAt' | 'endsAt'> {
  // A control may have been told the end of a turn that is still being made again.
  const told = cuts.map(cutAnswer).find(({ outcome }) => outcome === 'applied' || outcome === 'already-ended');
  if (ended === null) return { ending: undefined, cutAt: undefined, endsAt: told?.effectiveOffset };
  const over = ending(ended);
  const isCut = over.status === 'interrupted' || over.status === 'redirected';
  return {
    ending: adopted ? undefined : over,
    cutAt: isCut ? over : undefined,
    endsAt: adopted && !isCut ? over.endOffset : undefined,
  };
}

function startedOf({ promptTokens, cachedTokens, startOffset, continuation }: Started): TurnRecord['started'] {
  return { promptTokens, cachedTokens, startOffset, continuation: continuationOf(continuation) };
}

/** A context that was prefilled alone counts as a turn without output. */
function warmed({ prefilled }: Transcript): Pick<TurnRecord, 'started' | 'ending'> {
  const { contextTokens: promptTokens = 0, cachedTokens = 0 } = prefilled ?? {};
  return { started: { promptTokens, cachedTokens, startOffset: 0, continuation: 'exact' }, ending: WARM_ENDING };
}
