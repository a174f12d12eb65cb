import type { SeedResult } from './run-seed.ts';

/** What a run of many seeds came to; `--json` writes it. */
export type Summary = {
  seeds: number;
  readonly failed: number[];
  events: number;
  simulatedMs: number;
  turns: number;
  tokens: number;
  /** Faults injected, by kind. */
  readonly faults: Record<string, number>;
  /** What was lost by permission, by reason. */
  readonly lost: Record<string, number>;
  /** Seeds that ran twice with one trace. */
  hashChecked: number;
};

export function emptySummary(): Summary {
  return { seeds: 0, failed: [], events: 0, simulatedMs: 0, turns: 0, tokens: 0, faults: {}, lost: {}, hashChecked: 0 };
}

export function addTo(summary: Summary, result: SeedResult, checked: boolean): void {
  summary.seeds += 1;
  summary.events += result.events;
  summary.simulatedMs += result.simulatedMs;
  summary.turns += result.turns;
  summary.tokens += result.tokens;
  if (result.violations.length > 0) summary.failed.push(result.seed);
  else if (checked) summary.hashChecked += 1;
  addCounts(summary.faults, result.faults);
  addCounts(summary.lost, result.lost);
}

function addCounts(into: Record<string, number>, from: Readonly<Record<string, number>>): void {
  for (const [key, count] of Object.entries(from)) into[key] = (into[key] ?? 0) + count;
}

export function summaryLine(summary: Summary, realMs: number): string {
  const { seeds, failed, events, simulatedMs, turns, tokens, hashChecked } = summary;
  const counts = (of: Record<string, number>): string =>
    Object.entries(of)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', ') || 'none';
  return [
    `${seeds} seeds, ${failed.length} failed, ${events} events, ${Math.round(simulatedMs / 1_000)} simulated s`,
    ` in ${Math.round(realMs / 1_000)} s; ${turns} turns, ${tokens} tokens; ${hashChecked} traces equal in two runs\n`,
    `faults: ${counts(summary.faults)}\nlost by permission: ${counts(summary.lost)}`,
  ].join('');
}
