import { countInput, parseItem, type CountedPiece } from '@reticle/core/domain/tokens';
import { OFFSET_MAX, ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { TurnInput } from './commands.ts';

export type PriceOptions = {
  /** The parent generates, so the template closes its answer first. */
  readonly afterOutput: boolean;
  /** False for what is only prefilled. */
  readonly opensAnswer: boolean;
  /** The request's field, for errors: `input` or `prefix`. */
  readonly param: string;
  /** Items before the request's own, which have no place in its notation. Default 0. */
  readonly headItems?: number;
};

/**
 * Exact number of tokens that an input appends to the context. The engine checks ids against its
 * vocabulary; here they only have to be uint32.
 *
 * @throws ReticleError as `parseItem`; `invalid_request` for too many items
 */
export function priceInput(input: readonly TurnInput[], options: PriceOptions): number {
  const { headItems = 0 } = options;
  const own = input.length - headItems;
  if (own > limits.inputItemsMax) {
    const details = { limit: String(limits.inputItemsMax), requested: String(own) };
    throw new ReticleError('invalid_request', 'too many input items', { param: options.param, details });
  }
  const pieces = input.map((each, index): CountedPiece => {
    if (each.kind === 'tokens') return { kind: 'tokens', ids: each.ids };
    if (each.tokens !== undefined) return { kind: 'counted', tokens: each.tokens };
    return { kind: 'item', item: parseItem(each.json, `${options.param}[${index - headItems}].item_json`) };
  });
  return countInput(pieces, {
    vocab: OFFSET_MAX,
    afterAssistantOutput: options.afterOutput,
    opensAnswer: options.opensAnswer,
  });
}
