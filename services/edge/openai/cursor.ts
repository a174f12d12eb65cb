import { ReticleError } from '@reticle/core/domain';
import type { ResponseRecord } from './response-record.ts';
import { offsetOfSequence } from './sequence-number.ts';

/**
 * The last event that a reader has.
 *
 * @throws ReticleError `value_out_of_range` for one that was not told yet
 */
export function checkCursor({ end }: ResponseRecord, after: number): number {
  const offset = offsetOfSequence(after);
  if (offset <= end) return after;
  throw new ReticleError('value_out_of_range', 'the cursor lies ahead of what was told', {
    param: 'starting_after',
    details: { limit: String(end), requested: String(offset) },
  });
}
