import { planChain, type ChainPlan, type ModelGeometry, type WaferProfile } from '@reticle/core/domain/wafer';

/** Entries kept; one is some kilobytes, and a cell runs tens of models on a handful of chain lengths. */
const ENTRIES_MAX = 4_096;

type Entry = { readonly plan: ChainPlan | undefined };

/**
 * Chain plans on whole, undamaged wafers by their inputs. A partition is the costly step of a plan (milliseconds),
 * and a pure function of geometry, profile and length: a memo that lives longer than a pass changes no answer.
 */
export class ChainMemo {
  readonly #keys = new WeakMap<object, string>();
  readonly #entries = new Map<string, Entry>();

  /** The chain of so many wafers; `undefined` when no assignment of whole layers fits. */
  plan(geometry: ModelGeometry, profile: WaferProfile, wafers: number): ChainPlan | undefined {
    const key = `${this.#keyOf(geometry)} ${this.#keyOf(profile)} ${wafers}`;
    const found = this.#entries.get(key);
    if (found !== undefined) return found.plan;
    const plan = planChain({ geometry, profile, wafers });
    if (this.#entries.size >= ENTRIES_MAX) this.#dropOldest();
    this.#entries.set(key, { plan });
    return plan;
  }

  #dropOldest(): void {
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  /** Both are plain data whose fields have one order, that of their constructor. */
  #keyOf(value: object): string {
    const known = this.#keys.get(value);
    if (known !== undefined) return known;
    const key = JSON.stringify(value);
    this.#keys.set(value, key);
    return key;
  }
}
