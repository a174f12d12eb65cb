import { isReticleError } from '@reticle/sdk';
import { count, span, table } from '../figures.ts';
import { Sample } from './percentile.ts';

/** What one request of the trace came to. */
export type RequestOutcome = {
  readonly firstTokenMs: number | undefined;
  readonly tokensPerSecond: number | undefined;
  /** Offsets that were skipped, repeated; tokens missing at the end against what the service says it ended at. */
  readonly lost: number;
  readonly doubled: number;
  /** The turn ended by itself with another length than its trace asks for. */
  readonly wrongLength: boolean;
  /** Registry code of a refusal or failure. */
  readonly code: string | undefined;
};

/** Counts of a run, fed as it goes. */
export class Tally {
  readonly firstTokenMs = new Sample();
  readonly gapMs = new Sample();
  readonly tokensPerSecond = new Sample();
  readonly refused = new Map<string, number>();
  turns = 0;
  completed = 0;
  tokens = 0;
  lost = 0;
  doubled = 0;
  wrongLength = 0;

  /** `tokenCount` tokens came `gapMs` after the frame before; a frame's tokens share its gap evenly. */
  frame(tokenCount: number, gapMs: number | undefined): void {
    this.tokens += tokenCount;
    if (gapMs !== undefined) this.gapMs.add(gapMs / tokenCount, tokenCount);
  }

  request(outcome: RequestOutcome): void {
    const { firstTokenMs, tokensPerSecond, code } = outcome;
    this.turns++;
    this.lost += outcome.lost;
    this.doubled += outcome.doubled;
    if (outcome.wrongLength) this.wrongLength++;
    if (firstTokenMs !== undefined) this.firstTokenMs.add(firstTokenMs);
    if (tokensPerSecond !== undefined) this.tokensPerSecond.add(tokensPerSecond);
    if (code === undefined) this.completed++;
    else this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }

  /** No token was lost or doubled. */
  get clean(): boolean {
    return this.lost === 0 && this.doubled === 0;
  }
}

/** The closing table. */
export function tallyTable(tally: Tally, elapsedMs: number): string {
  const ms = (value: number | undefined): string => (value === undefined ? '–' : span(value));
  const rate = (value: number | undefined): string => (value === undefined ? '–' : count(value));
  const fractions = [0.5, 0.9, 0.99];
  const refused = [...tally.refused].toSorted(([a], [b]) => a.localeCompare(b));
  const percentiles = table([
    ['', 'p50', 'p90', 'p99'],
    ['time to first token', ...tally.firstTokenMs.percentiles(fractions).map(ms)],
    ['inter-token gap', ...tally.gapMs.percentiles(fractions).map(ms)],
  ]);
  const speeds = table([
    ['', 'p50', 'p5'],
    ['tokens/s of a turn', ...tally.tokensPerSecond.percentiles([0.5, 0.05]).map(rate)],
  ]);
  const counts = table([
    ['turns', count(tally.turns)],
    ['completed', count(tally.completed)],
    ['tokens', count(tally.tokens)],
    ['elapsed', span(elapsedMs)],
    ['lost', count(tally.lost)],
    ['doubled', count(tally.doubled)],
    ['wrong length', count(tally.wrongLength)],
    ...(refused.length === 0 ? [['refused', '0']] : refused.map(([code, times]) => [`refused ${code}`, count(times)])),
  ]);
  return `${counts}\n${percentiles}\n${speeds}`;
}

/** Gap and double of a turn that the client refused to read on, from the facts of its error. */
export function brokenTokens(error: unknown): { readonly lost: number; readonly doubled: number } {
  if (!isReticleError(error) || error.code !== 'upstream_protocol_error') return { lost: 0, doubled: 0 };
  const first = Number(error.details['first_offset'] ?? Number.NaN);
  const expected = Number(error.details['expected_offset'] ?? Number.NaN);
  const missing = Number(error.details['end_offset'] ?? Number.NaN) - Number(error.details['received_offset'] ?? 0);
  if (missing > 0) return { lost: missing, doubled: 0 };
  return { lost: Math.max(0, first - expected) || 0, doubled: Math.max(0, expected - first) || 0 };
}
