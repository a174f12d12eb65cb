import type { ReticleError } from '@reticle/core/domain';
import type { Random } from '@reticle/core/flow';

/** Delay of a retryable refusal whose author gave none, milliseconds before jitter. */
const RETRY_DELAY_MS = 1_000;

/** A code that asks to wait always says how long; without the author's figure 0.5–1.5 s, spread against a herd. */
export function retryDelay(error: ReticleError, random: Random): number | undefined {
  if (error.retryAfterMs !== undefined) return error.retryAfterMs;
  return error.row.retry === 'after' ? RETRY_DELAY_MS * (0.5 + random.unit()) : undefined;
}
