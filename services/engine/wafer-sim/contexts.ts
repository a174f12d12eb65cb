import { ReticleError, type Tool } from '@reticle/core/domain';
import { parseItem, tokeniseInput, type Item, type TokenisedInput } from '@reticle/core/domain/tokens';
import type { ContextId, EngineInput } from '../contract.ts';
import { ContextHash } from './content/oracle-key.ts';
import type { TokenWrite, TurnContent } from './content/token-write.ts';
import type { KeptContext } from './kv-keeper.ts';
import { EMPTY_KV } from './kv-tree.ts';

/** A parent and the input on top of it, before any KV is claimed. */
export type Prompt = {
  readonly tokens: number;
  /** Over all token ids. */
  readonly hash: () => ContextHash;
  readonly canary: string | undefined;
  readonly lastUserText: string | undefined;
  /** What a script looks at: the item that stands last; undefined behind generated text or a client's own tokens. */
  readonly lastItem: Item | undefined;
  /** Tools that items of the context brought. */
  readonly additionalTools: readonly Tool[];
};

/**
 * A context of the driver: its tokens as a running hash, its KV, and what the next turn's content needs of its text.
 * `kv.tokens` is less than `tokens` after a turn that was cut before its prefill ended, and once a parked copy is lost.
 */
export type Context = Prompt & KeptContext;

/** Live contexts by id. */
export class Contexts {
  readonly #byId = new Map<ContextId, Context>();

  constructor() {
    const hash = new ContextHash();
    const root = {
      tokens: 0,
      kv: EMPTY_KV,
      away: false,
      readyUs: 0,
      hash: () => hash,
      canary: undefined,
      lastUserText: undefined,
      lastItem: undefined,
      additionalTools: [],
      job: undefined,
    };
    this.#byId.set(0, root);
  }

  find(id: ContextId): Context | undefined {
    return this.#byId.get(id);
  }

  /** @throws ReticleError `internal` for a context that is not there: its prefill failed, or it was released. */
  get(id: ContextId): Context {
    const context = this.#byId.get(id);
    if (context === undefined) throw new ReticleError('internal', 'the parent context is not on this engine');
    return context;
  }

  set(id: ContextId, context: Context): void {
    this.#byId.set(id, context);
  }

  /** Forgets a context and returns it; undefined for the root and for one that is not there. */
  take(id: ContextId): Context | undefined {
    if (id === 0) return undefined;
    const context = this.#byId.get(id);
    this.#byId.delete(id);
    return context;
  }
}

export type PromptOptions = {
  readonly input: readonly EngineInput[];
  readonly afterOutput: boolean;
  readonly opensAnswer: boolean;
  readonly vocab: number;
};

/** @throws ReticleError of `parseItem` and `tokeniseInput`, with `param` in the request's notation */
export function promptOf(parent: Context, options: PromptOptions): Prompt {
  const added = tokenised(options);
  const hash = parent.hash().copy().update(added.ids);
  return {
    tokens: parent.tokens + added.ids.length,
    hash: () => hash,
    canary: parent.canary ?? added.canary,
    lastUserText: added.lastUserText ?? parent.lastUserText,
    lastItem: options.input.length === 0 ? parent.lastItem : added.lastItem,
    additionalTools: [...parent.additionalTools, ...added.additionalTools],
  };
}

function tokenised({ input, afterOutput, opensAnswer, vocab }: PromptOptions): TokenisedInput {
  const pieces = input.map((piece, index) =>
    piece.kind === 'tokens'
      ? piece
      : ({ kind: 'item', item: parseItem(piece.json, `input[${index}].item_json`) } as const),
  );
  return tokeniseInput(pieces, { vocab, afterAssistantOutput: afterOutput, opensAnswer });
}

/**
 * Hash of a prompt and the output [0, through) after it. The output is written again when the hash is first asked
 * for, so a turn that nobody continues costs nothing.
 */
export function hashWithOutput(prompt: Prompt, content: TurnContent, through: number): () => ContextHash {
  let known: ContextHash | undefined;
  return () => {
    known ??= through === 0 ? prompt.hash() : prompt.hash().copy().update(outputIds(content, through));
    return known;
  };
}

function outputIds(content: TurnContent, through: number): Uint32Array {
  const ids = new Uint32Array(through);
  const write: TokenWrite = {
    from: 0,
    count: through,
    ids,
    idsAt: 0,
    lengths: new Uint8Array(through),
    lengthsAt: 0,
    text: new Uint8Array(through * content.tokenBytesMax),
    textAt: 0,
  };
  content.write(write);
  return ids;
}
