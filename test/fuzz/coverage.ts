import { Session, type Profiler } from 'node:inspector';

/**
 * Block coverage of this process with counts, for the files of one target (PROMISES §3.6).
 *
 * A feature is a block together with the power of two of how often one run entered it: a loop that turns more often
 * is news as well as a branch that was never taken.
 */
export class Coverage {
  readonly #session = new Session();
  readonly #wanted: (url: string) => boolean;
  readonly #seen = new Set<string>();
  readonly #blocks = new Set<string>();

  constructor(wanted: (url: string) => boolean) {
    this.#wanted = wanted;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Features known so far. */
  get size(): number {
    return this.#seen.size;
  }

  /** True when what ran since the last call has features that no run had before; for one run. */
  news(): boolean {
    return this.#fresh(this.#seen, (count) => Math.ceil(Math.log2(count + 1)));
  }

  /** True when what ran since the last call entered a block for the first time; for any number of runs. */
  newBlocks(): boolean {
    return this.#fresh(this.#blocks, (count) => Math.sign(count));
  }

  /** Where what ran since the last call went, without counts: equal for two runs that took the same way. */
  signature(): string {
    const features = new Set<string>();
    this.#fresh(features, (count) => Math.sign(count));
    return [...features].toSorted((a, b) => a.localeCompare(b)).join('\n');
  }

  #fresh(seen: Set<string>, bucket: (count: number) => number): boolean {
    const before = seen.size;
    // The answer comes inside the call: session and code share a thread.
    this.#session.post('Profiler.takePreciseCoverage', (error, result) => {
      if (error !== null) throw new Error(error.message);
      for (const { url, scriptId, functions } of result.result) {
        if (this.#wanted(url)) for (const { ranges } of functions) note(seen, scriptId, ranges, bucket);
      }
    });
    return seen.size > before;
  }

  close(): void {
    this.#session.disconnect();
  }
}

/**
 * A block that was left out is told with a count of 0, and one that was entered as often as what is around it is not
 * told at all: so the zeros of a function that ran say which way it went.
 */
function note(
  seen: Set<string>,
  scriptId: string,
  ranges: readonly Profiler.CoverageRange[],
  bucket: (count: number) => number,
): void {
  if ((ranges[0]?.count ?? 0) === 0) return;
  for (const { startOffset, endOffset, count } of ranges) {
    seen.add(`${scriptId} ${startOffset} ${endOffset} ${bucket(count)}`);
  }
}
