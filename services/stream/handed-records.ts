/** Records of a session for an engine that does not know it, as messages of the link (PROTOCOL E6). */
import { limits } from '@reticle/proto/contract';
import type { LinkRequest__Input } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { Started__Input } from '@reticle/proto/gen/engine/v1/Started';
import type { Transcript__Input } from '@reticle/proto/gen/engine/v1/Transcript';
import { findTurn, type SessionState, type TurnState } from '@reticle/services/session';
import type { Tier } from '@reticle/core/domain';
import type { TurnDesk } from './turn-desk.ts';
import type { TurnPlanRecord, TurnRecords } from './turn-records.ts';
import { wireCutDone, wireEnded, wireInput, wireMarkOf, wireStart } from './wire-values.ts';

export type Handing = {
  readonly records: TurnRecords;
  readonly state: SessionState;
  readonly desk: TurnDesk;
  readonly tier: Tier;
};

/** One message list per record; the record's place in the session is its own business. */
export function handedRecords(handing: Handing): readonly (readonly Transcript__Input[])[] {
  return [...handing.records.all()].flatMap(({ plan }) => {
    const record = handedRecord(handing, plan.turnId);
    return record === undefined ? [] : [record];
  });
}

/** The record of one context as it is now; undefined where there is none. */
export function handedRecord(handing: Handing, turnId: string): readonly Transcript__Input[] | undefined {
  const record = handing.records.get(turnId);
  const turn = findTurn(handing.state, turnId);
  // A turn that waits for its first start is started anyway.
  if (record === undefined || turn === undefined || turn.phase === 'queued') return undefined;
  return record.plan.maxOutputTokens === 0 ? warmRecord(record, turn) : turnMessages(handing, record, turn);
}

export function handingRequest(sid: number, record: Transcript__Input): LinkRequest__Input {
  return { record: { ...record, sid } };
}

function warmRecord({ plan }: TurnPlanRecord, turn: TurnState): Transcript__Input[] {
  const { turnId, parentTurnId, input } = plan;
  const prefill = { draftId: turnId, parentTurnId, append: wireInput(input) };
  const prefilled = { contextTokens: turn.promptTokens, cachedTokens: turn.cachedTokens };
  return [{ turnId, last: true, prefill, ...(turn.ending === undefined ? {} : { prefilled }) }];
}

function turnMessages({ desk, tier, state }: Handing, record: TurnPlanRecord, turn: TurnState): Transcript__Input[] {
  const { plan, kept } = record;
  const { turnId } = plan;
  const relay = desk.relay(turnId);
  const ids = kept ?? relay?.tokenIds ?? new Uint32Array(0);
  const answers = [...state.answers.values()].filter(({ ack }) => ack.turnId === turnId);
  const head: Transcript__Input = {
    start: wireStart(plan, { sid: 0, lane: 0, tier }),
    ...(turn.started ? { started: startedOf(turn) } : {}),
    ...wireEnded(turn),
    generatedOffset: turn.receipt?.generatedOffset ?? ids.length,
    items: (relay?.marks ?? []).map((mark) => wireMarkOf(turnId, mark)),
    cuts: answers.map(({ ack }) => wireCutDone(ack)),
  };
  return inPieces(turnId, head, ids);
}

function inPieces(turnId: string, head: Transcript__Input, ids: Uint32Array): Transcript__Input[] {
  const messages: Transcript__Input[] = [];
  let first = 0;
  do {
    const end = Math.min(ids.length, first + limits.transcriptIdsMax);
    const piece = {
      turnId,
      firstPosition: first,
      tokenIds: Array.from(ids.subarray(first, end)),
      last: end === ids.length,
    };
    messages.push(first === 0 ? { ...head, ...piece } : piece);
    first = end;
  } while (first < ids.length);
  return messages;
}

function startedOf({ turnId, promptTokens, cachedTokens, startOffset }: TurnState): Started__Input {
  return { turnId, promptTokens, cachedTokens, startOffset };
}
