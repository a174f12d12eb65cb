import { randomFillSync } from 'node:crypto';
import type { Random } from '@reticle/core/flow';

/** The system's source: bytes from the kernel's generator, units from V8's (jitter only). */
export const systemRandom: Random = {
  bytes: (count) => randomFillSync(new Uint8Array(count)),
  unit: () => Math.random(),
};
