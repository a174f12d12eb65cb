import type { BenchOptions } from './command-line.ts';
import type { Cell, Goal } from './result.ts';

/** What a bench hands to the frame that writes its result. `goals[0]` is the headline. */
export type Outcome = {
  readonly cells: readonly Cell[];
  readonly goals: readonly Goal[];
  readonly skipped: readonly { readonly peer: string; readonly reason: string; readonly install: string }[];
};

/** `say` tells a person how far it is. */
export type Bench = (options: BenchOptions, say: (text: string) => void) => Promise<Outcome>;

/** A rig core above this binds before the system under test does (PERFORMANCE §6.3). */
export const RIG_BOUND = 0.9;

/** A system that waited for its core for more of the time was measured with its neighbours (PERFORMANCE §10.5). */
export const STARVED = 0.05;

const EMPTY = {
  referent: null,
  cpuUsPerToken: null,
  ratio: null,
  newestMs: null,
  oldestMs: null,
  stalls: null,
  heapBytesPerToken: null,
  writesPerTurn: null,
  notes: [],
} as const;

/** A cell with the given fields; what is not given was not measured. */
export function cellOf(
  given: Pick<Cell, 'id' | 'sut' | 'lost' | 'doubled' | 'rigCpu' | 'rssMiB' | 'figures'> & Partial<Cell>,
): Cell {
  return { ...EMPTY, ...given, rigBound: given.rigCpu > RIG_BOUND };
}

/** Largest of the values; 0 without any. */
export function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

/** Σ of the values. */
export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Runs the work, then disposes of what it used, whatever the work came to. */
export async function disposing<Value>(used: readonly AsyncDisposable[], work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } finally {
    await Promise.all(used.map((each) => each[Symbol.asyncDispose]()));
  }
}
