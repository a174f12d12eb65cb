import { randomFillSync } from 'node:crypto';
import type { Random } from '@reticle/core/flow';

const POOL_BYTES = 4_096;
/** Longer ones are drawn by themselves. */
const POOLED_MAX = 64;

/** Bytes of the kernel's generator, drawn ahead: a draw costs some 3 µs, whatever its length. */
function pooledBytes(): Random['bytes'] {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  return (count) => {
    if (count > POOLED_MAX) return randomFillSync(new Uint8Array(count));
    if (used + count > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const bytes = pool.slice(used, used + count);
    // What was given out is nobody else's, and is not kept.
    pool.fill(0, used, used + count);
    used += count;
    return bytes;
  };
}

/** The system's source: bytes from the kernel's generator, units from V8's (jitter only). */
export const systemRandom: Random = { bytes: pooledBytes(), unit: () => Math.random() };
