import type { ItemInput } from '@reticle/services/session';
import type { CreateResponse } from '../openai/create-response.ts';
import type { CreateFrame } from './client-frame.ts';
import type { ResponseStream } from './response-stream.ts';

/** Responses whose steers wait; the oldest goes first. */
const HELD_MAX = 8;

/** Input of steers that waits for the outputs of calls, by the response that made them. */
export class HeldSteers {
  readonly #held = new Map<string, readonly ItemInput[]>();

  keep(responseId: string, items: readonly ItemInput[]): void {
    this.#held.set(responseId, items);
    const [oldest] = this.#held.keys();
    if (oldest !== undefined && this.#held.size > HELD_MAX) this.#held.delete(oldest);
  }

  /** A request with what waits for it. */
  joined(create: CreateResponse): CreateResponse {
    const { previousResponseId = '' } = create;
    const held = this.#held.get(previousResponseId);
    if (held === undefined) return create;
    this.#held.delete(previousResponseId);
    // Outputs of calls come first: nothing may stand between a call and its output.
    return { ...create, items: [...create.items, ...held] };
  }
}

/** The settings of the response that is steered, with the steers as its input. */
export function steered(
  stream: ResponseStream,
  items: readonly ItemInput[],
  streamId: string | undefined,
): CreateFrame {
  const { create, continues, id } = stream;
  return { create: { ...create, items, previousResponseId: id }, streamId, continues, bytes: 0 };
}
