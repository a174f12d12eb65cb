/**
 * What it takes to make a session's contexts again at another engine (PROTOCOL E6): the input of its root, the plan of
 * each turn, and the ids that an ended turn kept. A running turn's ids are its relay's.
 *
 * Invariant: a record lives as long as the reducer remembers its turn, but the oldest ended ones are forgotten past
 * {@link RECORD_BYTES_MAX}; a turn that continues a forgotten one is `turn_not_found` after a failover, never wrong.
 */
import type { StartPlan, TurnInput } from '@reticle/services/session';

/** Input text and kept ids of one session's ended turns. */
const RECORD_BYTES_MAX = 32 * 1024 * 1024;
const ID_BYTES = 4;

export type TurnPlanRecord = {
  readonly plan: StartPlan;
  /** Ids of the kept output of an ended turn. */
  readonly kept: Uint32Array | undefined;
};

export class TurnRecords {
  root: readonly TurnInput[] = [];
  readonly #records = new Map<string, TurnPlanRecord>();
  #bytes = 0;

  get(turnId: string): TurnPlanRecord | undefined {
    return this.#records.get(turnId);
  }

  all(): Iterable<TurnPlanRecord> {
    return this.#records.values();
  }

  planned(plan: StartPlan): void {
    this.#put(plan.turnId, { plan, kept: undefined });
  }

  /** The turn has ended with this output; nothing of it changes any more. */
  ended(turnId: string, kept: Uint32Array): void {
    const record = this.#records.get(turnId);
    if (record === undefined) return;
    this.#put(turnId, { ...record, kept });
    for (const [oldest, { kept: ids }] of this.#records) {
      if (this.#bytes <= RECORD_BYTES_MAX) return;
      if (ids !== undefined && oldest !== turnId) this.forget(oldest);
    }
  }

  forget(turnId: string): void {
    const record = this.#records.get(turnId);
    if (record === undefined) return;
    this.#bytes -= bytesOf(record);
    this.#records.delete(turnId);
  }

  /**
   * Ancestors of a turn, the oldest first, up to the root or the first that `isKnown` says the engine has; undefined
   * when one of them was forgotten.
   */
  missingAncestors(turnId: string, isKnown: (name: string) => boolean): readonly TurnPlanRecord[] | undefined {
    const missing: TurnPlanRecord[] = [];
    for (let name = turnId; name !== '' && !isKnown(name);) {
      const record = this.#records.get(name);
      if (record === undefined) return undefined;
      missing.unshift(record);
      name = record.plan.parentTurnId;
    }
    return missing;
  }

  #put(turnId: string, record: TurnPlanRecord): void {
    this.forget(turnId);
    this.#records.set(turnId, record);
    this.#bytes += bytesOf(record);
  }
}

function bytesOf({ plan, kept }: TurnPlanRecord): number {
  let bytes = (kept?.length ?? 0) * ID_BYTES;
  for (const each of plan.input) bytes += each.kind === 'item' ? each.json.length : each.ids.length * ID_BYTES;
  return bytes;
}
