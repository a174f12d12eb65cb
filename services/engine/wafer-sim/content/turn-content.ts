import { parseTextFormat } from '@reticle/core/domain';

import { CodeContent } from './code-content.ts';
import { HashContent } from './hash-content.ts';
import { ContextHash, oracleKey, oracleMix, type OracleKey } from './oracle-key.ts';
import { planAnswer, type AnswerAsk } from '../script/plan-answer.ts';
import { scriptedContent, type ScriptedTurn } from '../script/scripted-content.ts';
import { schemaContent } from './schema-content.ts';
import type { TurnContent } from './token-write.ts';
import { writtenTokens } from './written-tokens.ts';

export type TokenMode = 'hash' | 'code';

export type TurnContentOptions = {
  readonly mode: TokenMode;
  /** With its `sha256:` prefix. */
  readonly modelDigest: string;
  readonly seed: number;
  readonly choice: number;
  /** The whole context before offset 0, without any delivered prefix: its ids, or their running hash. */
  readonly inputIds: Uint32Array | ContextHash;
  /** Ids in the model's vocabulary. */
  readonly vocab: number;
  /** Six characters that hash mode echoes every 64 tokens. */
  readonly canary?: string | undefined;
  /** Where code mode takes its identifiers from. */
  readonly lastUserText?: string | undefined;
  /** JSON of `text.format`; with a schema the output is one JSON text of it, in either mode. */
  readonly textFormat?: string | undefined;
  /** What a script and the request's tools have to say about its items; absent: one message. */
  readonly answer?: AnswerAsk | undefined;
};

/**
 * A turn's content, and the key that also decides its step widths and natural length. `completeTokens` are those of a
 * content that is complete by itself; absent where only a length ends it. `spans` stand for another answer than one message.
 */
export type KeyedTurnContent = { readonly key: OracleKey } & Omit<ScriptedTurn, 'spans'> &
  Partial<Pick<ScriptedTurn, 'spans'>>;

/**
 * The content of one turn (WAFER §6.2): the same options give the same bytes at every offset, on every replica.
 *
 * @throws ReticleError of `parseTextFormat`, `planAnswer` and `scriptedContent`
 */
export function turnContent(options: TurnContentOptions): KeyedTurnContent {
  const { inputIds, vocab } = options;
  const context = inputIds instanceof ContextHash ? inputIds : new ContextHash().update(inputIds);
  const key = oracleKey({ ...options, context });
  const grammar =
    options.textFormat === undefined ? undefined : parseTextFormat(options.textFormat, 'params.text_format_json');
  const prose = (of: OracleKey): TurnContent => proseContent(options, of);
  const items = options.answer && planAnswer(options.answer, (count) => oracleMix(key, 0) % count);
  if (items !== undefined) return { key, ...scriptedContent({ items, key, vocab, prose, grammar }) };
  if (grammar !== undefined) {
    const content = schemaContent({ key, vocab, grammar });
    return { key, content, completeTokens: content.tokens };
  }
  return { key, content: prose(key) };
}

function proseContent({ mode, vocab, canary, lastUserText }: TurnContentOptions, key: OracleKey): TurnContent {
  return mode === 'hash' ? new HashContent({ key, vocab, canary }) : new CodeContent({ key, vocab, lastUserText });
}

const CHUNK_TOKENS = 256;

/**
 * First offset at which `ids` differ from the content's own tokens 0, 1, …; −1 when none does. A failover start
 * whose delivered prefix differs is refused (WAFER §6.2): the transcript is corrupt or belongs to another turn.
 */
export function verifyPrefix(content: TurnContent, ids: Uint32Array): number {
  for (let from = 0; from < ids.length; from += CHUNK_TOKENS) {
    const own = writtenTokens(content, from, Math.min(CHUNK_TOKENS, ids.length - from));
    const differing = own.ids.findIndex((id, index) => id !== ids[from + index]);
    if (differing >= 0) return from + differing;
  }
  return -1;
}
