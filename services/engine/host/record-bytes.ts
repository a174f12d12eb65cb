import type { InputItem } from '@reticle/proto/gen/session/v1/InputItem';
import type { PrefixNode } from './session.ts';
import { Turn } from './turn.ts';

/** Memory that the record of a context takes, roughly: its input and its ids. */
export function recordBytes(node: PrefixNode | Turn): number {
  if (node instanceof Turn) return inputBytes(node.start.input) + node.ids.byteLength;
  return node.request === undefined ? 0 : inputBytes(node.request.append);
}

/** A string takes one byte a character or two; ids in a decoded message are numbers of 8 bytes. */
function inputBytes(items: readonly InputItem[]): number {
  let bytes = 0;
  for (const { itemJson, tokens } of items) bytes += 2 * (itemJson?.length ?? 0) + 8 * (tokens?.tokenIds.length ?? 0);
  return bytes;
}
