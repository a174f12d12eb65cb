import type { Scenario } from './scenario.ts';
import type { WatchedTurn } from './watched-turn.ts';

/** What one scenario did, over its rounds. */
export type ScenarioResult = {
  readonly scenario: string;
  readonly does: string;
  readonly rounds: number;
  readonly voidRounds: number;
  readonly streams: number;
  readonly failed: number;
  readonly stallMs: Spread;
  readonly reconnectMs: Spread;
  /** Controls beside the stream, from the request to its receipt at the client. */
  readonly receiptMs: Spread;
  /** Bounds of the scenario that were missed, in words. */
  readonly missed: readonly string[];
  readonly remarks: readonly string[];
};

export type Spread = { readonly count: number; readonly p50: number; readonly p99: number; readonly max: number };

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  if (sorted.length === 0) return { count: 0, p50: 0, p99: 0, max: 0 };
  // Nearest rank: with up to a hundred values the 99th percentile is the largest.
  const at = (share: number): number => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: Math.round(sorted.at(-1) ?? 0) };
}

/** Counts for one scenario. */
export class Tally {
  readonly scenario: Scenario;
  readonly #streams = new Set<WatchedTurn>();
  readonly #reconnects: number[] = [];
  readonly #receipts: number[] = [];
  readonly #remarks = new Map<string, number>();
  readonly #missed: string[] = [];
  rounds = 0;
  voidRounds = 0;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
  }

  get streams(): ReadonlySet<WatchedTurn> {
    return this.#streams;
  }

  /** A stream belongs to the fault that hit it first. */
  add(turn: WatchedTurn): void {
    this.#streams.add(turn);
  }

  reconnected(delayMs: number): void {
    this.#reconnects.push(delayMs);
  }

  receipt(delayMs: number): void {
    this.#receipts.push(delayMs);
  }

  missed(text: string): void {
    this.#missed.push(text);
  }

  remark(text: string): void {
    this.#remarks.set(text, (this.#remarks.get(text) ?? 0) + 1);
  }

  result(): ScenarioResult {
    const { name, does, stallP99Ms, reconnectP99Ms } = this.scenario;
    const own = [...this.#streams];
    const stallMs = spreadOf(own.map((turn) => turn.stallMs));
    const reconnectMs = spreadOf(this.#reconnects);
    const missed = [...this.#missed];
    if (stallP99Ms !== undefined && stallMs.p99 > stallP99Ms) {
      missed.push(`stall p99 ${stallMs.p99} ms, promised ${stallP99Ms}`);
    }
    if (reconnectP99Ms !== undefined && reconnectMs.p99 > reconnectP99Ms) {
      missed.push(`reconnect p99 ${reconnectMs.p99} ms, promised ${reconnectP99Ms}`);
    }
    return {
      scenario: name,
      does,
      rounds: this.rounds,
      voidRounds: this.voidRounds,
      streams: own.length,
      failed: own.filter((turn) => turn.violations().length > 0).length,
      stallMs,
      reconnectMs,
      receiptMs: spreadOf(this.#receipts),
      missed,
      remarks: [...this.#remarks].map(([text, count]) => (count === 1 ? text : `${text} (${count} times)`)),
    };
  }
}
