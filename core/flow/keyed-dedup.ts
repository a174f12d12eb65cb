import { assert } from '@reticle/core/domain';

/**
 * Remembers the answer given for a key, for the most recently used `capacity` keys: idempotency by id
 * (PROTOCOL §1.1 R3). A key that was pushed out is answered as if it were new, so the capacity belongs above
 * what one client may have outstanding.
 */
export class KeyedDedup<K, V> {
  readonly capacity: number;
  /** In order of use, least recent first. */
  readonly #answers = new Map<K, V>();

  constructor(capacity: number) {
    assert(Number.isInteger(capacity) && capacity > 0, 'dedup remembers at least one key');
    this.capacity = capacity;
  }

  get size(): number {
    return this.#answers.size;
  }

  has(key: K): boolean {
    return this.#answers.has(key);
  }

  /** The remembered answer; asking counts as use. */
  get(key: K): V | undefined {
    const answer = this.#answers.get(key);
    if (answer === undefined) return undefined;
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    return answer;
  }

  /** Remembers or replaces the answer of a key, and forgets the least recently used key past the capacity. */
  set(key: K, answer: V & {}): void {
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    if (this.#answers.size <= this.capacity) return;
    for (const oldest of this.#answers.keys()) {
      this.#answers.delete(oldest);
      return;
    }
  }

  /** True when the key was remembered. */
  delete(key: K): boolean {
    return this.#answers.delete(key);
  }
}
