/** Turns that a client of the OpenAI surfaces asks for: a message with the number of its stream, and the text that answers. */
import { parseItem, tokeniseInput } from '@reticle/core/domain/tokens';
import { BENCH_DIGEST, BENCH_MODEL, benchFlatChain } from './bench-flat.ts';
import { TurnOracle } from './turn-oracle.ts';

const QUESTION = /bench-(\d+)/;
const { vocab } = benchFlatChain(1).geometry;

/** Longer than any run lasts. */
const OUTPUT_TOKENS = 900_000;

export function questionOf(stream: number): string {
  return `bench-${stream}`;
}

/** The stream's number in the JSON of an item; undefined for an item that asks for none. */
export function streamOfItem(json: string): number | undefined {
  const found = QUESTION.exec(json)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** A `response.create` of one stream that nothing precedes. */
export function createBody(stream: number, maxOutputTokens: number = OUTPUT_TOKENS): Record<string, unknown> {
  return { model: BENCH_MODEL, input: questionOf(stream), max_output_tokens: maxOutputTokens, stream: true };
}

/** What the simulator answers to {@link createBody}; the ids are the product's, the text is the oracle's. */
export function askedOracle(stream: number): TurnOracle {
  const item = parseItem(JSON.stringify({ type: 'message', role: 'user', content: questionOf(stream) }), 'input');
  const { ids } = tokeniseInput([{ kind: 'item', item }], { vocab, afterAssistantOutput: false, opensAnswer: true });
  return new TurnOracle({ modelDigest: BENCH_DIGEST, seed: 0, inputIds: [...ids] });
}
