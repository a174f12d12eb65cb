import { describe, expect, test } from '@jest/globals';
import type { TurnContent } from './content/token-write.ts';
import { StepBuffer } from './step-buffer.ts';

/** Token k of stream s: id s·10000 + k, a text of 1 + k mod 8 bytes of value s. */
function content(stream: number): TurnContent {
  return {
    tokenBytesMax: 8,
    write: ({ from, count, ids, idsAt, lengths, lengthsAt, text, textAt }) => {
      let bytes = 0;
      for (let index = 0; index < count; index += 1) {
        const length = 1 + ((from + index) % 8);
        ids[idsAt + index] = stream * 10_000 + from + index;
        lengths[lengthsAt + index] = length;
        text.fill(stream, textAt + bytes, textAt + bytes + length);
        bytes += length;
      }
      return bytes;
    },
  };
}

describe('StepBuffer', () => {
  test.each([
    { rows: 1, count: 3, rounds: 1 },
    { rows: 200, count: 40, rounds: 1 },
    { rows: 200, count: 40, rounds: 2 },
    { rows: 3, count: 5000, rounds: 1 },
  ])('holds $rows rows of $count tokens, whatever it has to grow, in use $rounds', ({ rows, count, rounds }) => {
    const buffer = new StepBuffer();
    for (let round = 0; round < rounds; round += 1) {
      buffer.reset();
      for (let row = 0; row < rows; row += 1) {
        buffer.append(row, content(row % 250), 7, count);
        buffer.stamp(2 ** 32 + row + 0.5);
      }
    }
    const { batch } = buffer;
    expect([batch.rows, batch.tokens]).toEqual([rows, rows * count]);
    let byte = 0;
    for (let token = 0; token < batch.tokens; token += 1) {
      const row = Math.floor(token / count);
      const offset = 7 + (token % count);
      if (batch.tokenId[token] !== (row % 250) * 10_000 + offset) throw new Error(`id of token ${token}`);
      if (batch.textLength[token] !== 1 + (offset % 8)) throw new Error(`length of token ${token}`);
      if (batch.text[byte] !== row % 250) throw new Error(`text of token ${token}`);
      byte += batch.textLength[token] ?? 0;
    }
    expect(batch.textBytes).toBe(byte);
    expect(Array.from(batch.dueMicros.slice(0, rows))).toEqual(Array.from({ length: rows }, (_, row) => row));
    expect([...batch.firstOffset.slice(0, rows), ...batch.count.slice(0, rows)]).toEqual([
      ...Array.from({ length: rows }, () => 7),
      ...Array.from({ length: rows }, () => count),
    ]);
  });

  test('a shortened row gives its newest tokens back', () => {
    const buffer = new StepBuffer();
    buffer.append(1, content(1), 0, 4);
    buffer.append(2, content(2), 8, 4);
    buffer.shorten(3);
    buffer.append(3, content(3), 0, 1);
    const { batch } = buffer;
    expect(Array.from(batch.count.slice(0, 3))).toEqual([4, 1, 1]);
    expect(Array.from(batch.tokenId.slice(0, batch.tokens))).toEqual([10_000, 10_001, 10_002, 10_003, 20_008, 30_000]);
    expect(Array.from(batch.text.slice(0, batch.textBytes))).toEqual([...Array.from({ length: 10 }, () => 1), 2, 3]);
  });
});
