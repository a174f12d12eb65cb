import type { NoFitCode } from '@reticle/operator/api';

/** What would fit instead; every field that is given is meant together with the others. */
export type Nearest = {
  readonly wafers?: number;
  readonly contextTokens?: number;
  readonly streams?: number;
  readonly weightBits?: number;
  readonly kvBits?: number;
  readonly pool?: string;
  readonly phase?: string;
  /** RFC 3339: when it would fit. */
  readonly at?: string;
};

/** One failing check with what it wanted, what it found, and the nearest feasible values. */
export type Diagnostic = {
  readonly code: NoFitCode;
  /** What was examined: a pool, a phase, a holder, or the chain itself. */
  readonly subject: string;
  readonly detail: {
    readonly need: number | string;
    readonly have: number | string;
    readonly unit: string;
    /** At most three. */
    readonly nearest: readonly Nearest[];
  };
};

/** Most diagnostics of one refusal (WAFER §8). */
export const DIAGNOSTICS_MAX = 16;
export const NEAREST_MAX = 3;

/** `CODE subject: need N unit, have M; nearest: …`, the one template of every refusal. */
export function renderDiagnostic({ code, subject, detail }: Diagnostic): string {
  const { need, have, unit, nearest } = detail;
  const options = nearest.length === 0 ? '' : `; nearest: ${nearest.map(renderNearest).join(', or ')}`;
  return `${code} ${subject}: need ${grouped(need)} ${unit}, have ${grouped(have)}${options}`;
}

function renderNearest({ wafers, streams, ...rest }: Nearest): string {
  const chain = wafers === undefined ? undefined : `S=${wafers}${streams === undefined ? '' : ` (${streams} streams)`}`;
  const fewer = wafers === undefined && streams !== undefined ? `streams ≤ ${grouped(streams)}` : undefined;
  const others = restOf.flatMap(([field, words]) => {
    const value = rest[field];
    return value === undefined ? [] : [words(typeof value === 'number' ? grouped(value) : value)];
  });
  return [chain, fewer, ...others].filter((part) => part !== undefined).join(' ');
}

const restOf: readonly (readonly [Exclude<keyof Nearest, 'wafers' | 'streams'>, (value: string) => string])[] = [
  ['contextTokens', (value) => `context ≤ ${value}`],
  ['weightBits', (value) => `weights at ${value} bit`],
  ['kvBits', (value) => `KV at ${value} bit`],
  ['pool', (value) => `pool ${value}`],
  ['phase', (value) => `phase ${value}`],
  ['at', (value) => `at ${value}`],
];

/** Digits in groups of three, the same in every locale. */
export function grouped(value: number | string): string {
  if (typeof value === 'string') return value;
  const [whole = '', fraction] = String(value).split('.');
  const grouped = whole.replaceAll(/\B(?=(\d{3})+(?!\d))/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}
