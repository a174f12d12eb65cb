/**
 * Values with weights, for percentiles by nearest rank: the smallest value such that at least `fraction` of the
 * weight lies at or below it. Exact: nothing is bucketed.
 */
export class Sample {
  readonly #values: number[] = [];
  readonly #weights: number[] = [];

  add(value: number, weight = 1): void {
    this.#values.push(value);
    this.#weights.push(weight);
  }

  get size(): number {
    return this.#values.length;
  }

  /** One value per fraction (0 to 1], in the same order; undefined without values. */
  percentiles(fractions: readonly number[]): (number | undefined)[] {
    const order = Uint32Array.from(this.#values, (_, index) => index);
    order.sort((a, b) => (this.#values[a] ?? 0) - (this.#values[b] ?? 0));
    let total = 0;
    for (const weight of this.#weights) total += weight;
    return fractions.map((fraction) => {
      let below = 0;
      for (const index of order) {
        below += this.#weights[index] ?? 0;
        // Sums of whole weights are exact; the margin covers a fraction's own rounding.
        if (below >= fraction * total - 1e-9) return this.#values[index];
      }
      return undefined;
    });
  }
}
