/** What an engine sends: bytes → the hand-written reader of the token path. */
import { messageCodec } from '@reticle/proto/load';
import { StepFrameReader } from '@reticle/proto/wire';
import { OracleBroken, type FuzzTarget } from '../target.ts';

const link = messageCodec<object, object>('reticle.engine.v1.LinkResponse');
const reader = new StepFrameReader();

/** The columns of an accepted frame agree with each other and stay inside the frame. */
function run(bytes: Uint8Array): void {
  if (!reader.read(bytes)) return;
  const tokens = sum(reader.tokenCount, reader.rows);
  if (tokens !== reader.tokens) throw new OracleBroken(`rows of ${tokens} tokens, ${reader.tokens} are there`);
  const textBytes = sum(reader.textLengths, tokens);
  const { textStart, textEnd } = reader;
  if (textStart < 0 || textEnd > reader.text.length || textEnd - textStart !== textBytes) {
    throw new OracleBroken(`text of ${textBytes} bytes at ${textStart} to ${textEnd} of ${reader.text.length}`);
  }
  const whole = reader.items.every(({ mark }) => typeof mark.turnId === 'string' && Number.isInteger(mark.atOffset));
  if (!whole) throw new OracleBroken('a mark without its parts');
}

/** NaN when the column is shorter than it says. */
function sum(column: Uint32Array, count: number): number {
  let total = 0;
  for (let index = 0; index < count; index++) total += column[index] ?? Number.NaN;
  return total;
}

export const target: FuzzTarget = {
  name: 'step-frame',
  sources: ['/proto/wire/'],
  dictionary: [Uint8Array.of(0x22), Uint8Array.of(0x2a), Uint8Array.of(0x32)],
  bytesMax: 400,
  seeds: [
    link.encode({
      step: { step: 9, micros: 1, lane: [3], firstOffset: [0], tokenId: [5], textLength: [1], text: Buffer.from('a') },
    }),
    link.encode({
      step: {
        lane: [3, 4],
        firstOffset: [64, 1000],
        tokenCount: [2, 1],
        tokenId: [5, 70_000, 6],
        textLength: [2, 0, 3],
        text: Buffer.from('abcde'),
        items: [{ lane: 3, mark: { turnId: 't1', itemIndex: 1, kind: 1, atOffset: 64, closed: true, itemId: 'i' } }],
      },
    }),
    link.encode({ pong: { nonce: 4 } }),
  ],
  run,
  // The contract of the reader: a frame that is none.
  allows: (error) => error instanceof RangeError,
};
