import { seededRandom, type Random } from '@reticle/core/flow';

/** A random source of its own for one purpose: what one part draws never shifts what another gets. */
export function fork(seed: number, purpose: string): Dice {
  let hash = 0x811c9dc5;
  for (let at = 0; at < purpose.length; at++) hash = Math.imul(hash ^ purpose.charCodeAt(at), 0x01000193);
  return new Dice(seededRandom((seed >>> 0) * 2 ** 21 + ((hash >>> 0) % 2 ** 21)));
}

/** Draws of a simulation. */
export class Dice {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  unit(): number {
    return this.random.unit();
  }

  chance(share: number): boolean {
    return this.random.unit() < share;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.random.unit();
  }

  /** Between the two, small values as likely as large ones on a logarithmic scale. */
  scaled(low: number, high: number): number {
    return low * (high / low) ** this.random.unit();
  }

  /** A whole number, both ends included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.random.unit() * (high - low + 1));
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.random.unit() * from.length)] as T;
  }

  /** One of the table's keys, in proportion to its weights. */
  weighted<Key extends string>(weights: Readonly<Record<Key, number>>): Key {
    const entries = Object.entries(weights) as [Key, number][];
    let left = this.random.unit() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) if ((left -= weight) < 0) return key;
    return (entries.at(-1) as [Key, number])[0];
  }
}
