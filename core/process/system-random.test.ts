import { describe, expect, test } from '@jest/globals';
import { systemRandom } from './system-random.ts';

describe('systemRandom', () => {
  test.each([0, 1, 12, 16, 64, 65, 5_000])('gives %d bytes of its own', (count) => {
    const bytes = systemRandom.bytes(count);
    expect(bytes.length).toBe(count);
    expect(bytes.buffer.byteLength).toBe(count);
  });

  test('gives no bytes twice, over many fills of what is drawn ahead', () => {
    const seen = new Set<string>();
    for (let draw = 0; draw < 10_000; draw += 1) seen.add(Buffer.from(systemRandom.bytes(13)).toString('hex'));
    expect(seen.size).toBe(10_000);
  });

  test('every bit is set about half of the time', () => {
    const counts = new Uint32Array(8 * 16);
    const draws = 4_000;
    for (let draw = 0; draw < draws; draw += 1) {
      const bytes = systemRandom.bytes(16);
      for (let bit = 0; bit < counts.length; bit += 1) {
        counts[bit] = (counts[bit] ?? 0) + (((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1);
      }
    }
    // Ten standard deviations of a fair bit.
    const spread = 10 * Math.sqrt(draws / 4);
    for (const count of counts) expect(Math.abs(count - draws / 2)).toBeLessThan(spread);
  });
});
