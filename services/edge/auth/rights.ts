import type { KeyRecord } from '@reticle/core/domain';
import type { Caller } from '@reticle/services/stream';

/** What a key or a tenant allows in this cell. */
export type Rights = Pick<KeyRecord, 'tiers' | 'tierModels' | 'elsewhere'> & Partial<Pick<KeyRecord, 'models'>>;

/**
 * Whether a caller still has every right that it came with. One that has fewer ends and comes again, and gets what there
 * is: a session is bound to its caller for life (ADMISSION §2).
 */
export function keepsRights(caller: Caller, { tiers, tierModels, elsewhere, models = caller.models }: Rights): boolean {
  const keepsTiers = caller.tiers.every((tier) => tiers.includes(tier));
  return (
    elsewhere === undefined && keepsTiers && isSame(caller.models, models) && isSame(caller.tierModels, tierModels)
  );
}

/** Most often they are one object: this is asked for every message of a socket. */
function isSame(before: unknown, after: unknown): boolean {
  return before === after || JSON.stringify(before) === JSON.stringify(after);
}
