/*
 * Host memory beside the wafers, with copies of KV (WAFER §6.4).
 *
 * Write-through: KV is queued for copying as soon as it is final, one copy after the other at T_park each; what has
 * been copied may leave the wafer for nothing. The chain's fullest stage bounds time and room alike, so tokens are
 * the only unit here.
 *
 * Invariants
 *  1. Σ tokens of all copies ≤ capacity, after every call.
 *  2. When room is short the copy that was used longest ago goes first; one larger than the store is never made.
 */

export type ParkStoreOptions = {
  readonly capacityTokens: number;
  /** T_park of so many tokens, in µs. */
  readonly parkUs: (tokens: number) => number;
};

type Copy = { readonly tokens: number; readonly doneUs: number };

export class ParkStore<Key> {
  readonly #options: ParkStoreOptions;
  /** In order of last use. */
  readonly #copies = new Map<Key, Copy>();
  #usedTokens = 0;
  #laneFreeUs = 0;
  #evicted = 0;

  constructor(options: ParkStoreOptions) {
    this.#options = options;
  }

  get usedTokens(): number {
    return this.#usedTokens;
  }

  get capacityTokens(): number {
    return this.#options.capacityTokens;
  }

  /** Copies that made room for others. */
  get evicted(): number {
    return this.#evicted;
  }

  /** How far the copies are behind: `reticle_engine_park_lag_seconds` in µs. */
  lagUs(nowUs: number): number {
    return Math.max(0, this.#laneFreeUs - nowUs);
  }

  /** Queues a copy behind those under way. */
  copy(key: Key, tokens: number, nowUs: number): void {
    if (!this.#room(key, tokens)) return;
    this.#laneFreeUs = Math.max(this.#laneFreeUs, nowUs) + this.#options.parkUs(tokens);
    this.#copies.set(key, { tokens, doneUs: this.#laneFreeUs });
  }

  /** Notes a copy that is there already, under another key so far. */
  keep(key: Key, tokens: number): void {
    if (this.#room(key, tokens)) this.#copies.set(key, { tokens, doneUs: -Infinity });
  }

  /** When the copy is done; Infinity when there is none. */
  doneUs(key: Key): number {
    return this.#copies.get(key)?.doneUs ?? Infinity;
  }

  /** Marks a copy as just used. */
  touch(key: Key): void {
    const copy = this.#copies.get(key);
    if (copy === undefined) return;
    this.#copies.delete(key);
    this.#copies.set(key, copy);
  }

  drop(key: Key): void {
    this.#usedTokens -= this.#copies.get(key)?.tokens ?? 0;
    this.#copies.delete(key);
  }

  #room(key: Key, tokens: number): boolean {
    this.drop(key);
    if (tokens > this.#options.capacityTokens) return false;
    for (const [oldest, copy] of this.#copies) {
      if (this.#usedTokens + tokens <= this.#options.capacityTokens) break;
      this.#copies.delete(oldest);
      this.#usedTokens -= copy.tokens;
      this.#evicted += 1;
    }
    this.#usedTokens += tokens;
    return true;
  }
}
