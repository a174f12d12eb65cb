/**
 * What hash mode must say (WAFER §6.2), worked out from the input alone: contexts as token ids, turns as their
 * content. It shares the recipe with the engine and nothing else; no byte of it comes from a stream.
 */
import {
  parseSimScript,
  parseToolChoice,
  parseTools,
  type LocalChain,
  type Tool,
  type ToolSet,
} from '@reticle/core/domain';
import { parseItem, tokeniseInput, type InputPiece, type Item } from '@reticle/core/domain/tokens';
import {
  turnContent,
  writtenTokens,
  type AnswerAsk,
  type ItemSpan,
  type TurnContent,
  type WrittenTokens,
} from '@reticle/services/engine/wafer-sim';
import type { InputItem__Input, Params__Input, StartTurn__Input } from './wire.ts';

type ContextParts = {
  readonly chain: LocalChain;
  readonly ids: Uint32Array;
  readonly canary: string | undefined;
  /** Whether the context ends in an opened answer. */
  readonly afterOutput: boolean;
  /** What a script looks at. */
  readonly lastItem: Item | undefined;
  readonly additionalTools: readonly Tool[];
  /** Canonical JSON of the request's tools that the context was told last. */
  readonly tools: string;
};

/** A context that turns continue. */
export class OracleContext {
  readonly #parts: ContextParts;

  private constructor(parts: ContextParts) {
    this.#parts = parts;
  }

  /** The empty context of a model. */
  static root(chain: LocalChain): OracleContext {
    return new OracleContext({
      chain,
      ids: new Uint32Array(0),
      canary: undefined,
      afterOutput: false,
      lastItem: undefined,
      additionalTools: [],
      tools: '',
    });
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
    const own = ownTools(params);
    const prompt = this.#told(own).#extended(input, true);
    const seed = Number(params?.seed ?? prompt.chain.engine.seed);
    const { content, completeTokens, spans } = turnContent({
      mode: prompt.chain.engine.tokens,
      modelDigest: prompt.chain.modelDigest,
      seed,
      choice: params?.choice ?? 0,
      inputIds: prompt.ids,
      vocab: prompt.chain.geometry.vocab,
      canary: prompt.canary,
      textFormat: params?.textFormatJson,
      answer: answerAsk(prompt, params, own?.tools ?? []),
    });
    const after = (end: number): OracleContext => {
      const ids = Uint32Array.of(...prompt.ids, ...writtenTokens(content, 0, end).ids);
      return new OracleContext({ ...prompt, ids, afterOutput: true, lastItem: undefined });
    };
    return new OracleTurn({ content, completeTokens, items: spans ?? [], promptTokens: prompt.ids.length, after });
  }

  /** This context and the tools of a request, where they are new (PROTOCOL §4.1a "Rendering"). */
  #told(own: ToolSet | undefined): OracleContext {
    if (own === undefined || own.json === this.#parts.tools) return this;
    const head = { itemJson: `{"type":"tools","tools":${own.json}}` };
    return new OracleContext({ ...this.#extended([head], false), tools: own.json, afterOutput: false });
  }

  #extended(items: readonly InputItem__Input[], opensAnswer: boolean): ContextParts {
    const { chain, ids, canary, afterOutput, lastItem, additionalTools, tools } = this.#parts;
    const added = tokeniseInput(items.map(pieceOf), {
      vocab: chain.geometry.vocab,
      afterAssistantOutput: afterOutput,
      opensAnswer,
    });
    return {
      chain,
      ids: Uint32Array.of(...ids, ...added.ids),
      canary: canary ?? added.canary,
      afterOutput,
      lastItem: items.length === 0 ? lastItem : added.lastItem,
      additionalTools: [...additionalTools, ...added.additionalTools],
      tools,
    };
  }
}

type TurnParts = {
  readonly content: TurnContent;
  readonly completeTokens: number | undefined;
  /** Output items of a scripted turn; none for one message. */
  readonly items: readonly ItemSpan[];
  readonly promptTokens: number;
  readonly after: (end: number) => OracleContext;
};

/** What one turn must say at every offset. */
export class OracleTurn {
  readonly promptTokens: number;
  /** Where a schema turn ends by itself. */
  readonly completeTokens: number | undefined;
  readonly items: readonly ItemSpan[];
  readonly #parts: TurnParts;

  constructor(parts: TurnParts) {
    this.#parts = parts;
    this.promptTokens = parts.promptTokens;
    this.completeTokens = parts.completeTokens;
    this.items = parts.items;
  }

  tokens(from: number, count: number): WrittenTokens {
    return writtenTokens(this.#parts.content, from, count);
  }

  /** The context that a turn finds which continues this one, cut or ended at `end`. */
  after(end: number): OracleContext {
    return this.#parts.after(end);
  }
}

function ownTools(params: Params__Input | null | undefined): ToolSet | undefined {
  const json = params?.toolsJson ?? '';
  const own = json === '' ? undefined : parseTools(json, 'params');
  return own?.tools.length === 0 ? undefined : own;
}

function answerAsk(
  { chain, lastItem, additionalTools }: ContextParts,
  params: Params__Input | null | undefined,
  own: readonly Tool[],
): AnswerAsk {
  return {
    script: parseSimScript(chain.engine.script ?? '[]', 'script'),
    lastItem,
    tools: [...own, ...additionalTools],
    choice: parseToolChoice(params?.toolChoiceJson ?? '"auto"', 'params'),
    parallelToolCalls: params?.parallelToolCalls ?? true,
  };
}

function pieceOf(item: InputItem__Input): InputPiece {
  if (item.itemJson !== undefined) return { kind: 'item', item: parseItem(item.itemJson, 'input') };
  return { kind: 'tokens', ids: item.tokens?.tokenIds ?? [] };
}
