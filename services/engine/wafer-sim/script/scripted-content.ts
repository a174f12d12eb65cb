import { schemaGrammar, type Grammar } from '@reticle/core/domain';
import { encodeUtf8, itemHeading, TOKEN_BYTES_MAX, type GeneratedItem } from '@reticle/core/domain/tokens';

import { FixedContent, SilentContent } from '../content/fixed-content.ts';
import { fmix, type OracleKey } from '../content/oracle-key.ts';
import { schemaContent } from '../content/schema-content.ts';
import type { TokenWrite, TurnContent } from '../content/token-write.ts';
import type { PlannedItem } from './plan-answer.ts';

/** Tokens of a custom tool's input that nothing prescribes. */
const FREE_INPUT_TOKENS = 32;

/** Where an output item stands in a turn: from the first token of its heading to its last. */
export type ItemSpan = GeneratedItem & { readonly openAt: number; readonly closeAt: number };

export type ScriptedContentOptions = {
  readonly items: readonly PlannedItem[];
  readonly key: OracleKey;
  readonly vocab: number;
  /** Prose of the turn's token mode. */
  readonly prose: (key: OracleKey) => TurnContent;
  /** Grammar of the messages, from `text.format`. */
  readonly grammar: Grammar | undefined;
};

export type ScriptedTurn = {
  readonly content: TurnContent;
  readonly spans: readonly ItemSpan[];
  /** Tokens of a turn whose items all end by themselves; absent where its last one is prose. */
  readonly completeTokens?: number;
  /** Where the prose begins that only a length ends. */
  readonly proseAt?: number;
};

type Body = { readonly content: TurnContent; readonly tokens: number };
type Part = Body & { readonly at: number };

/**
 * The content of a turn that says several items, or another one than a message: a function of (turn, offset) like every
 * content (WAFER §6.2). Each item draws from a key of its own, and its offsets begin at 0, so that what a client sends
 * back has the tokens that were generated.
 *
 * @throws ReticleError of `schemaGrammar` for a tool whose schema cannot be followed
 */
export function scriptedContent(options: ScriptedContentOptions): ScriptedTurn {
  const parts: Part[] = [];
  const spans: ItemSpan[] = [];
  let at = 0;
  const put = (body: Body): void => {
    if (body.tokens > 0) parts.push({ ...body, at });
    at += body.tokens;
  };
  for (const [index, item] of options.items.entries()) {
    const generated = generatedItem(item);
    const openAt = at;
    const heading = new SilentContent(encodeUtf8(itemHeading(generated, index === 0)), options.vocab);
    put({ content: heading, tokens: heading.tokens });
    put(bodyOf(item, itemKey(options.key, index), options));
    spans.push({ ...generated, openAt, closeAt: at });
  }
  const content = new JoinedContent(parts);
  return at < Infinity ? { content, spans, completeTokens: at } : { content, spans, proseAt: parts.at(-1)?.at ?? 0 };
}

function generatedItem(item: PlannedItem): GeneratedItem {
  if (item.kind !== 'call') return { kind: item.kind, toolName: '' };
  const kind = item.tool.kind === 'custom' ? 'custom-tool-call' : 'function-call';
  return { kind, toolName: item.tool.name };
}

function itemKey(key: OracleKey, index: number): OracleKey {
  return { ...key, b: fmix(key.b ^ Math.imul(index + 1, 0x9e3779b1)) };
}

function bodyOf(item: PlannedItem, key: OracleKey, { vocab, prose, grammar }: ScriptedContentOptions): Body {
  if (item.kind === 'reasoning') return { content: prose(key), tokens: wholePairs(item.tokens) };
  if (item.text !== undefined) return fixedBody(new FixedContent(encodeUtf8(item.text), vocab));
  if (item.kind === 'message') {
    if (grammar !== undefined) return fixedBody(schemaContent({ key, vocab, grammar }));
    return { content: prose(key), tokens: Infinity };
  }
  if (item.tool.kind === 'custom') return { content: prose(key), tokens: FREE_INPUT_TOKENS };
  const parameters = schemaGrammar({ type: 'object', ...objectOf(item.tool.parameters) }, 'params.tools_json');
  return fixedBody(schemaContent({ key, vocab, grammar: parameters }));
}

function fixedBody(content: FixedContent): Body {
  return { content, tokens: content.tokens };
}

function objectOf(parameters: unknown): object {
  return typeof parameters === 'object' && parameters !== null ? parameters : {};
}

/** Two hash words may share an é: prose that is cut ends behind a pair, so that its text is whole. */
function wholePairs(tokens: number): number {
  return tokens + (tokens % 2);
}

/** Contents one after the other. The last one also says what comes past its end. */
class JoinedContent implements TurnContent {
  readonly tokenBytesMax = TOKEN_BYTES_MAX;
  readonly #parts: readonly Part[];

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  write(tokens: TokenWrite): number {
    let done = 0;
    let bytes = 0;
    for (const [index, { at, tokens: size, content }] of this.#parts.entries()) {
      const from = tokens.from + done;
      const end = index === this.#parts.length - 1 ? Infinity : at + size;
      if (from >= end || done === tokens.count) continue;
      const count = Math.min(tokens.count - done, end - from);
      bytes += content.write({
        ...tokens,
        from: from - at,
        count,
        idsAt: tokens.idsAt + done,
        lengthsAt: tokens.lengthsAt + done,
        textAt: tokens.textAt + bytes,
      });
      done += count;
    }
    return bytes;
  }
}
