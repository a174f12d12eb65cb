/** What a run leaves behind (PERFORMANCE §9), and the check that a file is such a thing. */
import type { Percentiles, Spread } from './statistics.ts';

export const benches = [
  'link',
  'plane',
  'init',
  'interrupt',
  'window',
  'door',
  'added',
  'context',
  'prepared',
  'placement',
] as const;
export type BenchName = (typeof benches)[number];

/** A figure with a meaning of its own, named with its unit. */
export type Figures = Readonly<Record<string, number | string | Spread>>;

export type Cell = {
  readonly id: string;
  readonly sut: string;
  readonly referent: string | null;
  readonly cpuUsPerToken: Spread | null;
  /** Ours ÷ referent, both of one block. */
  readonly ratio: Spread | null;
  readonly newestMs: Percentiles | null;
  readonly oldestMs: Percentiles | null;
  readonly lost: number;
  /** Doubled or reordered. */
  readonly doubled: number;
  /** Gaps above 35 ms between frames of one stream (PERFORMANCE H8); null where no receiver looks for them. */
  readonly stalls: number | null;
  /** CPU of all rig processes on their core, as a fraction of it; largest round. */
  readonly rigCpu: number;
  readonly rigBound: boolean;
  readonly rssMiB: number;
  readonly heapBytesPerToken: number | null;
  readonly writesPerTurn: number | null;
  readonly figures: Figures;
  /** What a reader must know: why a field is null, or how to read it. */
  readonly notes: readonly string[];
};

/** A goal with what was measured; `met` is null when the run cannot decide it. */
export type Goal = {
  readonly id: string;
  readonly limit: string;
  readonly target: number;
  readonly measured: number | null;
  readonly met: boolean | null;
  /** A count is decided on any machine; a cost only where nothing disturbs it. */
  readonly kind: 'count' | 'cost';
};

export type HostRecord = {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly governor: string;
  readonly node: string;
  readonly flags: readonly string[];
  /** Niceness that the run was started with. */
  readonly nice: number;
  /** One-minute load average before and after. */
  readonly load: readonly [number, number];
  /** Mean ÷ fastest of equal spins, less 1; the larger of before and after. */
  readonly spinNoise: number;
};

export type Result = {
  readonly bench: BenchName;
  readonly commit: string;
  /** SHA-256 over the sources that ran, since a result is always made before the commit that holds it. */
  readonly sources: string;
  readonly cmd: string;
  readonly date: string;
  /** When the run ended, ISO 8601 in UTC. */
  readonly at: string;
  readonly short: boolean;
  /** False when a cell lost, doubled or reordered a token. */
  readonly valid: boolean;
  readonly host: HostRecord;
  readonly rig: 'ts';
  /** Cores of generator and system; empty lists when nothing could be pinned. */
  readonly pin: { readonly gen: readonly number[]; readonly sut: readonly number[] };
  readonly rounds: number;
  readonly profile: string;
  readonly cells: readonly Cell[];
  readonly skipped: readonly { readonly peer: string; readonly reason: string; readonly install: string }[];
  /** The bench's headline, then every goal it looks at. */
  readonly goal: Goal;
  readonly goals: readonly Goal[];
};

/** A cell with one wrong token is void, and so is its run, however fast (PERFORMANCE §1.4). */
export function isValid(cells: readonly Cell[]): boolean {
  return cells.length > 0 && cells.every((cell) => cell.lost === 0 && cell.doubled === 0);
}

type Measured = Omit<Goal, 'met' | 'kind'>;

/** A cost that meets its goal by not being above the target; undecided where the run cannot tell. */
export function costAtMost(goal: Measured, decidable: boolean): Goal {
  return { ...goal, kind: 'cost', met: decidable && goal.measured !== null ? goal.measured <= goal.target : null };
}

/** A count that must not be above the target; always decided. */
export function countAtMost(goal: Measured): Goal {
  return { ...goal, kind: 'count', met: goal.measured === null ? null : goal.measured <= goal.target };
}

/** Spin noise above this makes a run's costs void (PERFORMANCE §9). */
const SPIN_NOISE_MAX = 0.2;

/** The goals that a run decides: none of its costs when it is void or the machine was disturbed. */
export function decided(goals: readonly Goal[], run: { readonly valid: boolean; readonly spinNoise: number }): Goal[] {
  if (run.valid && run.spinNoise <= SPIN_NOISE_MAX) return [...goals];
  return goals.map((goal) => (goal.kind === 'cost' ? { ...goal, met: null } : goal));
}

/** The result in a file's text. @throws TypeError naming what is wrong with it */
export function parseResult(text: string): Result {
  const value = JSON.parse(text) as unknown;
  const result = record(value, 'result');
  for (const key of ['commit', 'sources', 'cmd', 'date', 'at', 'profile']) of(result, key, 'string');
  for (const key of ['short', 'valid']) of(result, key, 'boolean');
  if (!benches.includes(result['bench'] as BenchName)) throw new TypeError('bench is unknown');
  of(result, 'rounds', 'number');
  record(result['host'], 'host');
  record(result['goal'], 'goal');
  list(result['goals'], 'goals').forEach((goal, index) => of(record(goal, `goals[${index}]`), 'id', 'string'));
  list(result['skipped'], 'skipped');
  const cells = list(result['cells'], 'cells');
  cells.forEach((cell, index) => checkCell(record(cell, `cells[${index}]`)));
  if (isValid(cells as Cell[]) !== result['valid']) throw new TypeError('valid contradicts the cells');
  return value as Result;
}

function checkCell(cell: Record<string, unknown>): void {
  for (const key of ['id', 'sut']) of(cell, key, 'string');
  for (const key of ['lost', 'doubled', 'rigCpu', 'rssMiB']) of(cell, key, 'number');
  of(cell, 'rigBound', 'boolean');
  for (const key of ['cpuUsPerToken', 'ratio', 'newestMs', 'oldestMs']) {
    if (cell[key] !== null) record(cell[key], key);
  }
  record(cell['figures'], 'figures');
  list(cell['notes'], 'notes');
}

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`${name} is no object`);
  return value as Record<string, unknown>;
}

function list(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${name} is no list`);
  return value as readonly unknown[];
}

function of(owner: Record<string, unknown>, key: string, type: 'string' | 'number' | 'boolean'): void {
  if (typeof owner[key] !== type) throw new TypeError(`${key} is no ${type}`);
}
