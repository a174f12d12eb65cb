/** What a gateway writes: the hand-written frame says the same as the schema's own reader understands. */
import { isDeepStrictEqual } from 'node:util';
import { strictDecode } from '@reticle/proto/load';
import { TokenFrameWriter, type WireTokenRun } from '@reticle/proto/wire';
import { OracleBroken, type FuzzTarget } from '../target.ts';

const ID_BYTES_MAX = 64;
const TOKENS_MAX = 64;

type Frame = {
  readonly firstOffset: number;
  readonly tokenCount: number;
  readonly itemIndex: number;
  readonly engineMicros: number;
  readonly tokenIds: readonly number[];
  readonly textLengths: readonly number[];
  readonly text: Uint8Array;
};

/** A run of tokens made from the bytes: four numbers, then three bytes for each token's id and length. */
function runOf(bytes: Uint8Array): { readonly tokens: WireTokenRun; readonly lengths: readonly number[] } {
  const view = Buffer.alloc(16);
  view.set(bytes.subarray(0, 16));
  const rest = bytes.subarray(16);
  const tokenCount = Math.min(TOKENS_MAX, Math.max(1, Math.floor(rest.length / 3)));
  const part = (index: number): number => rest[index] ?? 0;
  const ids = Uint32Array.from({ length: tokenCount }, (_, at) => part(3 * at) * part(3 * at + 1) * part(3 * at + 1));
  const lengths = Array.from({ length: tokenCount }, (_, at) => part(3 * at + 2));
  let textBytes = 0;
  const textEnds = Uint32Array.from(lengths, (length) => (textBytes += length));
  const tokens = {
    firstOffset: view.readUInt32LE(0),
    tokenCount,
    itemIndex: view.readUInt32LE(4),
    engineMicros: view.readUInt32LE(8),
    ids,
    idsAt: 0,
    text: Uint8Array.from({ length: textBytes }, (_, at) => (at * 7) & 0xff),
    textStart: 0,
    textEnds,
    textEndsAt: 0,
  };
  return { tokens, lengths };
}

function run(bytes: Uint8Array): void {
  const turnId = 't'.repeat(1 + ((bytes[15] ?? 0) % ID_BYTES_MAX));
  const { tokens, lengths } = runOf(bytes);
  const options = { includeTokenIds: ((bytes[14] ?? 0) & 1) === 0, omitText: ((bytes[14] ?? 0) & 2) !== 0 };
  const encoded = new TokenFrameWriter(turnId, 'converse').encode(tokens, options);
  const { ok, refusal } = strictDecode<{ tokenFrame: Frame }>('reticle.session.v1.ConverseResponse', encoded);
  if (ok === undefined) throw new OracleBroken(`the frame is refused: ${refusal.message}`);
  const { text, tokenIds, textLengths, firstOffset, tokenCount, itemIndex, engineMicros } = ok.tokenFrame;
  const want = {
    numbers: [tokens.firstOffset, tokens.tokenCount, tokens.itemIndex, tokens.engineMicros],
    ids: options.includeTokenIds ? [...tokens.ids] : [],
    lengths: options.omitText || tokens.tokenCount === 1 ? [] : lengths,
    text: options.omitText ? '' : Buffer.from(tokens.text).toString('hex'),
  };
  const got = {
    numbers: [firstOffset, tokenCount, itemIndex, engineMicros],
    ids: tokenIds,
    lengths: textLengths,
    text: Buffer.from(text).toString('hex'),
  };
  if (!isDeepStrictEqual(got, want)) throw new OracleBroken('the frame says something else');
}

export const target: FuzzTarget = {
  name: 'token-frame',
  sources: ['/proto/wire/'],
  dictionary: [Uint8Array.of(0, 0, 0, 0), Uint8Array.of(255, 255, 255, 255)],
  bytesMax: 200,
  seeds: [new Uint8Array(16), Uint8Array.from({ length: 64 }, (_, index) => index * 5)],
  run,
  allows: () => false,
};
