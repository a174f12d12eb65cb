/**
 * What hash mode must say (WAFER §6.2), worked out from the input alone: contexts as token ids, turns as their
 * content. It shares the recipe with the engine and nothing else; no byte of it comes from a stream.
 */
import type { LocalChain } from '@reticle/core/domain';
import { parseItem, tokeniseInput, type InputPiece } from '@reticle/core/domain/tokens';
import { turnContent, writtenTokens, type TurnContent, type WrittenTokens } from '@reticle/services/engine/wafer-sim';
import type { InputItem__Input, StartTurn__Input } from './wire.ts';

type ContextParts = {
  readonly chain: LocalChain;
  readonly ids: Uint32Array;
  readonly canary: string | undefined;
  /** Whether the context ends in an opened answer. */
  readonly afterOutput: boolean;
};

/** A context that turns continue. */
export class OracleContext {
  readonly #parts: ContextParts;

  private constructor(parts: ContextParts) {
    this.#parts = parts;
  }

  /** The empty context of a model. */
  static root(chain: LocalChain): OracleContext {
    return new OracleContext({ chain, ids: new Uint32Array(0), canary: undefined, afterOutput: false });
  }

  get tokens(): number {
    return this.#parts.ids.length;
  }

  /** This context and a prefix or warm-up on top. */
  warmed(items: readonly InputItem__Input[]): OracleContext {
    return new OracleContext({ ...this.#extended(items, false), afterOutput: false });
  }

  /** The turn that this input makes here. */
  turn({ input = [], params }: Pick<StartTurn__Input, 'input' | 'params'>): OracleTurn {
    const prompt = this.#extended(input, true);
    const seed = Number(params?.seed ?? prompt.chain.engine.seed);
    const { content, completeTokens } = turnContent({
      mode: prompt.chain.engine.tokens,
      modelDigest: prompt.chain.modelDigest,
      seed,
      choice: params?.choice ?? 0,
      inputIds: prompt.ids,
      vocab: prompt.chain.geometry.vocab,
      canary: prompt.canary,
      textFormat: params?.textFormatJson,
    });
    const after = (end: number): OracleContext => {
      const ids = Uint32Array.of(...prompt.ids, ...writtenTokens(content, 0, end).ids);
      return new OracleContext({ ...prompt, ids, afterOutput: true });
    };
    return new OracleTurn({ content, completeTokens, promptTokens: prompt.ids.length, after });
  }

  #extended(items: readonly InputItem__Input[], opensAnswer: boolean): ContextParts {
    const { chain, ids, canary, afterOutput } = this.#parts;
    const added = tokeniseInput(items.map(pieceOf), {
      vocab: chain.geometry.vocab,
      afterAssistantOutput: afterOutput,
      opensAnswer,
    });
    return { chain, ids: Uint32Array.of(...ids, ...added.ids), canary: canary ?? added.canary, afterOutput };
  }
}

type TurnParts = {
  readonly content: TurnContent;
  readonly completeTokens: number | undefined;
  readonly promptTokens: number;
  readonly after: (end: number) => OracleContext;
};

/** What one turn must say at every offset. */
export class OracleTurn {
  readonly promptTokens: number;
  /** Where a schema turn ends by itself. */
  readonly completeTokens: number | undefined;
  readonly #parts: TurnParts;

  constructor(parts: TurnParts) {
    this.#parts = parts;
    this.promptTokens = parts.promptTokens;
    this.completeTokens = parts.completeTokens;
  }

  tokens(from: number, count: number): WrittenTokens {
    return writtenTokens(this.#parts.content, from, count);
  }

  /** The context that a turn finds which continues this one, cut or ended at `end`. */
  after(end: number): OracleContext {
    return this.#parts.after(end);
  }
}

function pieceOf(item: InputItem__Input): InputPiece {
  if (item.itemJson !== undefined) return { kind: 'item', item: parseItem(item.itemJson, 'input') };
  return { kind: 'tokens', ids: item.tokens?.tokenIds ?? [] };
}
