import type { TurnOracle } from './turn-oracle.ts';

/** What a receiver found wrong. All zero, or the run is void. */
export type Faults = {
  /** Offsets that never came. */
  readonly lost: number;
  /** Tokens that came twice or out of order. */
  readonly doubled: number;
  /** Tokens whose text is not the oracle's. */
  readonly altered: number;
};

/** Checks one turn: every offset once, in order, with its exact text. */
export class TokenCheck {
  next = 0;
  lost = 0;
  doubled = 0;
  altered = 0;
  readonly #oracle: TurnOracle;

  constructor(oracle: TurnOracle) {
    this.#oracle = oracle;
  }

  /** Tokens [from, from + count), whose text starts at `at` of the bytes. */
  take(from: number, count: number, bytes: Uint8Array, at: number): void {
    if (from > this.next) this.lost += from - this.next;
    else if (from < this.next) this.doubled += Math.min(count, this.next - from);
    this.next = Math.max(this.next, from + count);
    this.altered += count - this.#oracle.matching(bytes, at, from, count);
  }

  /** Tokens that should have come and did not, once the turn's end is known. */
  end(offset: number): void {
    if (offset > this.next) this.lost += offset - this.next;
    if (offset < this.next) this.doubled += this.next - offset;
  }
}

export function faultsOf(checks: Iterable<TokenCheck>): Faults {
  let lost = 0;
  let doubled = 0;
  let altered = 0;
  for (const check of checks) {
    lost += check.lost;
    doubled += check.doubled;
    altered += check.altered;
  }
  return { lost, doubled, altered };
}
