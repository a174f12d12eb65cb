import { assert } from '@reticle/core/domain';
import type { Random } from './clock.ts';

/** Rounds that mix the seed into the state before the first value is given out. */
const WARM_UP_ROUNDS = 15;

/** sfc32 (Chris Doty-Humphrey's Small Fast Counting generator, 32-bit): 128 bits of state, one word per call. */
function sfc32(low: number, high: number): () => number {
  let a = 0;
  let b = low;
  let c = high;
  let counter = 1;
  const next = (): number => {
    const word = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + word) | 0;
    return word >>> 0;
  };
  for (let round = 0; round < WARM_UP_ROUNDS; round++) next();
  return next;
}

/**
 * Randomness that is a function of its seed, for tests, simulations and benches; never for ids or keys of a
 * real process. The seed is any safe integer.
 */
export function seededRandom(seed: number): Random {
  assert(Number.isSafeInteger(seed), 'a seed is a safe integer');
  const next = sfc32(seed | 0, Math.floor(seed / 2 ** 32) | 0);
  return {
    bytes(count) {
      const bytes = new Uint8Array(count);
      for (let at = 0; at < count; at += 4) {
        const word = next();
        for (let index = at; index < Math.min(at + 4, count); index++) bytes[index] = word >>> (8 * (index - at));
      }
      return bytes;
    },
    unit() {
      return ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
    },
  };
}
