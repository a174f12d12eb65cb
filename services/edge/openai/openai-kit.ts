/** Values for the tests of this folder. */
import type { ItemKind, ServerEvent, TurnEnded, TurnStarted } from '@reticle/services/session';
import type { TokenRun } from '@reticle/services/stream';
import type { ResponseProfile } from './response-profile.ts';
import type { ResponseRecord } from './response-record.ts';
import { UNKNOWN_REQUEST } from './taken-response.ts';

export const profile: ResponseProfile = {
  id: 'resp_1',
  createdAt: 1_700_000_000,
  model: 'spark-ref',
  previousResponseId: undefined,
  background: false,
  ...UNKNOWN_REQUEST.echo,
  defaults: [],
  sessionId: 'aaaaaaaaaaaaaaaaaaaaaaaaaa',
  dialect: 'openai',
};

export const started: TurnStarted = {
  kind: 'turn-started',
  turnId: 't1',
  epoch: 1,
  startOffset: 0,
  promptTokens: 10,
  cachedTokens: 4,
  model: 'spark-ref',
  modelDigest: 'sha256:5a',
  region: 'test-1',
  requestedTier: 'ultrafast',
  servedTier: 'ultrafast',
  reason: 'tenant-default',
  reasonDetail: '',
  replica: 'r1',
  resumeToken: 'rtr1.x',
  continuation: 'exact',
};

export function ended(endOffset: number, over: Partial<TurnEnded> = {}): TurnEnded {
  const none = { inputTokens: 10, cachedTokens: 4, outputTokens: endOffset, reasoningTokens: 0, discardedTokens: 0 };
  return {
    kind: 'turn-ended',
    turnId: 't1',
    epoch: 1,
    status: 'completed',
    endOffset,
    finishReason: 'stop',
    usage: { ...none, draftTokens: 0 },
    timing: { queueMs: 0, prefillMs: 0, firstTokenMs: 0, decodeMs: 0, controlMs: 0 },
    successorTurnId: '',
    ...over,
  };
}

type ItemMark = Extract<ServerEvent, { kind: 'item-mark' }>;

export function mark(atOffset: number, over: Partial<ItemMark> & { readonly itemKind?: ItemKind } = {}): ItemMark {
  const names = { itemId: '', callId: '', toolName: '' };
  return {
    kind: 'item-mark',
    turnId: 't1',
    itemIndex: 0,
    itemKind: 'message',
    atOffset,
    closed: false,
    ...names,
    ...over,
  };
}

/** Tokens of a turn from an offset on, each with its text; a text may be bytes that split a code point. */
export function run(firstOffset: number, texts: readonly (string | Uint8Array)[], itemIndex = 0): TokenRun {
  const parts = texts.map((text) => Buffer.from(text as string));
  let end = 0;
  return {
    turnId: 't1',
    firstOffset,
    tokenCount: texts.length,
    itemIndex,
    engineMicros: 0,
    ids: new Uint32Array(texts.length),
    idsAt: 0,
    text: Buffer.concat(parts),
    textStart: 0,
    textEnds: Uint32Array.from(parts, (part) => (end += part.length)),
    textEndsAt: 0,
  };
}

/** A turn with one message, up to `texts`. */
export function begin(record: ResponseRecord, texts: readonly string[]): void {
  record.event(started);
  record.event(mark(0));
  record.tokens(run(0, texts));
}

/** A turn that thinks for a token and then calls `look` with two. */
export function thinkAndCall(record: ResponseRecord): void {
  record.event(started);
  record.event(mark(0, { itemKind: 'reasoning' }));
  record.tokens(run(0, ['hm']));
  record.event(mark(1, { itemKind: 'reasoning', closed: true }));
  record.event(mark(1, { itemIndex: 1, itemKind: 'function-call', callId: 'c1', toolName: 'look' }));
  record.tokens(run(1, ['{"a":', '1}'], 1));
  record.event(mark(3, { itemIndex: 1, itemKind: 'function-call', closed: true }));
  record.event(ended(3));
}
