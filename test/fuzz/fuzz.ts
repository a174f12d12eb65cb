import type { Random } from '@reticle/core/flow';
import { Coverage } from './coverage.ts';
import { Mutator } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

/** What is wrong with an input. `problem` tells findings apart: two inputs with the same one are one finding. */
export type Finding = { readonly problem: string; readonly detail: string; readonly bytes: Uint8Array };

export type FuzzResult = {
  readonly target: string;
  readonly runs: number;
  readonly features: number;
  /** Inputs that together reach every feature, smallest first. */
  readonly corpus: readonly Uint8Array[];
  readonly findings: readonly Finding[];
};

export type FuzzOptions = {
  readonly target: FuzzTarget;
  readonly random: Random;
  readonly seconds: number;
  readonly corpus: readonly Uint8Array[];
  /** Ends the search with the first finding. */
  readonly untilFound?: boolean;
};

/** PROMISES §3.6. */
const SLOW_MS = 50;
const RSS_FACTOR = 100;
/** A process grows for reasons of its own; less than this is nobody's. */
const RSS_FLOOR_BYTES = 64 * 1024 * 1024;
const FINDINGS_MAX = 10;
/** Inputs that share one snapshot: it costs more than they do. */
const BATCH = 16;
/** A slow run is slow again, or it was the machine. */
const SLOW_TRIES = 3;

/** Searches for inputs that break the target, led by what they reach. */
export function fuzz({ target, random, seconds, corpus, untilFound = false }: FuzzOptions): FuzzResult {
  const coverage = new Coverage((url) => target.sources.some((source) => url.includes(source)));
  const mutator = new Mutator({ random, dictionary: target.dictionary, bytesMax: target.bytesMax });
  const kept: Uint8Array[] = [];
  const findings = new Map<string, Finding>();
  let runs = 0;
  const attempt = (bytes: Uint8Array): void => {
    runs += 1;
    const problem = problemOf(target, bytes);
    const news = coverage.news();
    if (problem !== undefined && !findings.has(problem.problem)) findings.set(problem.problem, { ...problem, bytes });
    else if (problem === undefined && news)
      kept.push(trimmed(bytes, (shorter) => signatureOf(target, coverage, shorter)));
  };
  // What loading the target ran is nobody's news.
  coverage.news();
  for (const bytes of [...target.seeds, ...corpus, new Uint8Array(0)]) attempt(bytes);
  const untilMs = performance.now() + seconds * 1_000;
  const going = (): boolean => findings.size < (untilFound ? 1 : FINDINGS_MAX) && performance.now() < untilMs;
  const pick = (): Uint8Array => {
    // What was reached last is where the search has been least.
    if (random.unit() < 0.5) return kept.at(-1) ?? new Uint8Array(0);
    return kept[Math.floor(random.unit() * kept.length)] ?? new Uint8Array(0);
  };
  while (going()) {
    const batch = Array.from({ length: BATCH }, () => mutator.mutate(pick(), pick()));
    runs += BATCH;
    const found = batch.some((bytes) => problemOf(target, bytes) !== undefined);
    // Who of them it was shows alone; and one of each batch shows how often its loops turned.
    if (coverage.newBlocks() || found) batch.forEach(attempt);
    else attempt(batch[0] as Uint8Array);
  }
  const features = coverage.size;
  coverage.close();
  return {
    target: target.name,
    runs,
    features,
    corpus: smallest(target, kept),
    findings: [...findings.values()].map((finding) => minimised(target, finding)),
  };
}

/** What is wrong with one run, or undefined. */
export function problemOf(target: FuzzTarget, bytes: Uint8Array): Omit<Finding, 'bytes'> | undefined {
  const rssBytes = process.memoryUsage.rss();
  const startMs = performance.now();
  const thrown = throwsOf(target, bytes);
  const tookMs = performance.now() - startMs;
  const grownBytes = process.memoryUsage.rss() - rssBytes;
  if (thrown !== undefined) return thrown;
  if (grownBytes > RSS_FLOOR_BYTES && grownBytes > RSS_FACTOR * bytes.length) {
    return { problem: 'memory', detail: `${grownBytes} bytes for ${bytes.length}` };
  }
  if (tookMs <= SLOW_MS) return undefined;
  const againMs = Math.min(...Array.from({ length: SLOW_TRIES }, () => timeOf(target, bytes)));
  return againMs > SLOW_MS ? { problem: 'slow', detail: `${againMs.toFixed(0)} ms` } : undefined;
}

function throwsOf(target: FuzzTarget, bytes: Uint8Array): Omit<Finding, 'bytes'> | undefined {
  try {
    // As a socket gives them: what is read out of a Buffer is a Buffer.
    target.run(Buffer.from(bytes));
    return undefined;
  } catch (error) {
    if (target.allows(error)) return undefined;
    const { name, message, stack = '' } = error instanceof Error ? error : new Error(String(error));
    // The place tells one defect from another where the words are the same.
    const place = /\(?([^\s(]+:\d+):\d+\)?$/m.exec(stack)?.[1] ?? '';
    return { problem: `${name} at ${place.split('/').at(-1)}`, detail: `${message}\n${stack}` };
  }
}

function timeOf(target: FuzzTarget, bytes: Uint8Array): number {
  const startMs = performance.now();
  throwsOf(target, bytes);
  return performance.now() - startMs;
}

/** Leaves out what the problem does not need: halves first, single bytes at the end. */
export function minimised(target: FuzzTarget, finding: Finding): Finding {
  let { bytes } = finding;
  for (let size = bytes.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < bytes.length;) {
      const shorter = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + size)]);
      if (problemOf(target, shorter)?.problem === finding.problem) bytes = shorter;
      else at += size;
    }
  }
  return { ...finding, bytes };
}

function signatureOf(target: FuzzTarget, coverage: Coverage, bytes: Uint8Array): string {
  coverage.news();
  throwsOf(target, bytes);
  return coverage.signature();
}

/** Longer inputs are kept as they are: every try costs a snapshot. */
const TRIM_BYTES_MAX = 40;

/** The input without what does not matter to where it goes: a change then hits what does. */
function trimmed(input: Uint8Array, signature: (bytes: Uint8Array) => string): Uint8Array {
  if (input.length > TRIM_BYTES_MAX) return input;
  const want = signature(input);
  let bytes = input;
  for (let size = bytes.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < bytes.length;) {
      const shorter = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)]);
      if (signature(shorter) === want) bytes = shorter;
      else at += size;
    }
  }
  return bytes;
}

/** Goes through the inputs by size and keeps those that reach something the smaller ones do not. */
function smallest(target: FuzzTarget, inputs: readonly Uint8Array[]): readonly Uint8Array[] {
  const coverage = new Coverage((url) => target.sources.some((source) => url.includes(source)));
  const kept = inputs
    .toSorted((a, b) => a.length - b.length)
    .filter((bytes) => {
      throwsOf(target, bytes);
      return coverage.news();
    });
  coverage.close();
  return kept;
}
