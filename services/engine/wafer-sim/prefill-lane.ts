/*
 * Prefill lane of one chain (WAFER §6.4, without drag).
 *
 *   occupancy = ⌈new/c⌉·t_chunk / g        latency = (⌈new/c⌉ + L − 1)·t_chunk / g
 *   g         = max(0.25, 1 − N/L)         prefill uses the layers' idle time
 *
 * Invariants
 *  1. One job holds the lane at a time; the next one starts when it is free, not when somebody looks.
 *  2. Order: successor, turn, warm; first come first served inside a class.
 *  3. A job never starts before the job that makes its parent context, and never ends before it.
 *  4. A job whose context is still being restored is not on the lane's books until it is back, nor what follows it.
 *  5. A warm job yields to a turn at a chunk border and goes on behind it.
 */
import type { PrefillTime } from './pace-model.ts';

/** Smallest share of layer time that prefill gets beside decoding streams (WAFER §6.4). */
const IDLE_SHARE_MIN = 0.25;

/** Classes of prefill work, the first goes first (PROTOCOL E9). */
export const PrefillClass = { successor: 0, turn: 1, warm: 2 } as const;
export type PrefillClass = (typeof PrefillClass)[keyof typeof PrefillClass];

/** One job. The owner reads `state`; the lane writes everything below it. */
export type PrefillJob = {
  readonly class: PrefillClass;
  readonly newTokens: number;
  readonly cachedTokens: number;
  /** The job that makes the parent context, when it was not done at the time of asking. */
  readonly after: PrefillJob | undefined;
  /** When a restore brings the parent's KV back; 0 when it is there. */
  readonly readyUs: number;
  /** Called from {@link PrefillLane.advance} with the time at which the job was done. */
  readonly done: (doneUs: number) => void;
  state: 'restoring' | 'waiting' | 'on-lane' | 'filling' | 'done' | 'cancelled';
  /** Tokens of chunks that were finished before the job yielded. */
  doneTokens: number;
  askedUs: number;
  startUs: number;
  freeUs: number;
  doneUs: number;
  chunkUs: number;
};

/** A job as its owner describes it. */
export function prefillJob(
  ask: Pick<PrefillJob, 'class' | 'newTokens' | 'cachedTokens' | 'after' | 'done'> & { readonly readyUs?: number },
): PrefillJob {
  const restoredUs = ask.after?.state === 'restoring' ? ask.after.readyUs : 0;
  const readyUs = Math.max(ask.readyUs ?? 0, restoredUs);
  return { ...ask, readyUs, state: 'waiting', doneTokens: 0, askedUs: 0, startUs: 0, freeUs: 0, doneUs: 0, chunkUs: 0 };
}

export type PrefillLaneOptions = {
  readonly layers: number;
  readonly chunkTokens: number;
  /** Time of a prefill on an idle chain. */
  readonly prefillMicros: (newTokens: number, cachedTokens: number) => PrefillTime;
  /** Streams that decode now. */
  readonly streamsRunning: () => number;
};

export class PrefillLane {
  readonly #options: PrefillLaneOptions;
  /** Waiting jobs in order of arrival, by class. */
  readonly #waiting: readonly PrefillJob[][] = [[], [], []];
  /** Jobs whose last chunk is still on its way through the layers; few, by depth of the chain. */
  #filling: PrefillJob[] = [];
  /** Jobs whose context is on its way back, in order of arrival. */
  #restoring: PrefillJob[] = [];
  #onLane: PrefillJob | undefined;
  #freeUs = 0;
  #backlogTokens = 0;

  constructor(options: PrefillLaneOptions) {
    this.#options = options;
  }

  /** New tokens of jobs that are not done; a job counts whole until then. */
  get backlogTokens(): number {
    return this.#backlogTokens;
  }

  /** When something of the lane happens next; Infinity when it is empty. */
  get nextUs(): number {
    const waits = this.#waiting.some((jobs) => jobs.length > 0);
    let nextUs = this.#onLane?.freeUs ?? (waits ? this.#freeUs : Infinity);
    for (const job of this.#filling) nextUs = Math.min(nextUs, job.doneUs);
    for (const job of this.#restoring) nextUs = Math.min(nextUs, job.readyUs);
    return nextUs;
  }

  add(job: PrefillJob, nowUs: number): void {
    this.#turnLane(nowUs);
    this.#backlogTokens += job.newTokens;
    if (job.readyUs > nowUs) {
      job.state = 'restoring';
      this.#restoring.push(job);
      return;
    }
    this.#queue(job, nowUs);
    this.#turnLane(nowUs);
  }

  /** Takes a job out; one that holds the lane leaves it at the chunk border. A job that is done stays done. */
  cancel(job: PrefillJob, nowUs: number): void {
    this.#turnLane(nowUs);
    if (job.state === 'done' || job.state === 'cancelled') return;
    this.#backlogTokens -= job.newTokens;
    const queue = this.#waiting[job.class] ?? [];
    if (job.state === 'restoring') this.#restoring.splice(this.#restoring.indexOf(job), 1);
    if (job.state === 'waiting') queue.splice(queue.indexOf(job), 1);
    if (job.state === 'on-lane') {
      job.freeUs = chunkBorderUs(job, nowUs);
      this.#freeUs = job.freeUs;
      this.#onLane = undefined;
    }
    if (job.state === 'filling') this.#filling.splice(this.#filling.indexOf(job), 1);
    job.state = 'cancelled';
    this.#turnLane(nowUs);
  }

  /** Brings the lane to `nowUs` and tells every job that was done by then, in order of its time. */
  advance(nowUs: number): void {
    this.#takeRestored(nowUs);
    this.#turnLane(nowUs);
    while (true) {
      const job = this.#nextDone(nowUs);
      if (job === undefined) return;
      this.#filling.splice(this.#filling.indexOf(job), 1);
      job.state = 'done';
      this.#backlogTokens -= job.newTokens;
      job.done(job.doneUs);
    }
  }

  #queue(job: PrefillJob, askedUs: number): void {
    job.state = 'waiting';
    job.askedUs = askedUs;
    this.#waiting[job.class]?.push(job);
    if (job.class !== PrefillClass.warm) this.#preempt(askedUs);
  }

  #takeRestored(nowUs: number): void {
    const restored = this.#restoring.filter((job) => job.readyUs <= nowUs).sort((a, b) => a.readyUs - b.readyUs);
    if (restored.length === 0) return;
    this.#restoring = this.#restoring.filter((job) => job.readyUs > nowUs);
    for (const job of restored) {
      this.#turnLane(job.readyUs);
      this.#queue(job, job.readyUs);
    }
  }

  #nextDone(nowUs: number): PrefillJob | undefined {
    let first: PrefillJob | undefined;
    for (const job of this.#filling) {
      if (job.doneUs <= nowUs && job.doneUs < (first?.doneUs ?? Infinity)) first = job;
    }
    return first;
  }

  /** Moves jobs that left the lane by `nowUs` on, and starts the next ones at the instant the lane was free. */
  #turnLane(nowUs: number): void {
    while (true) {
      const current = this.#onLane;
      if (current !== undefined) {
        if (current.freeUs > nowUs) return;
        current.state = 'filling';
        this.#filling.push(current);
        this.#onLane = undefined;
      }
      if (this.#freeUs > nowUs) return;
      const job = this.#takeNext();
      if (job === undefined) return;
      this.#begin(job);
    }
  }

  #begin(job: PrefillJob): void {
    const { layers, chunkTokens, prefillMicros, streamsRunning } = this.#options;
    const newTokens = Math.max(1, job.newTokens - job.doneTokens);
    const time = prefillMicros(newTokens, job.cachedTokens + job.doneTokens);
    const share = Math.max(IDLE_SHARE_MIN, 1 - streamsRunning() / layers);
    job.startUs = Math.max(this.#freeUs, job.askedUs);
    job.chunkUs = time.occupancyUs / share / Math.ceil(newTokens / chunkTokens);
    job.freeUs = job.startUs + time.occupancyUs / share;
    job.doneUs = Math.max(job.startUs + time.latencyUs / share, job.after?.doneUs ?? 0);
    job.state = 'on-lane';
    this.#freeUs = job.freeUs;
    this.#onLane = job;
  }

  /** First job by class; the one that makes its parent context goes before it, whatever its class. */
  #takeNext(): PrefillJob | undefined {
    const queue = this.#waiting.find((jobs) => jobs.length > 0);
    let job = queue?.[0];
    while (job?.after?.state === 'waiting') job = job.after;
    if (job === undefined) return undefined;
    const jobs = this.#waiting[job.class] ?? [];
    jobs.splice(jobs.indexOf(job), 1);
    return job;
  }

  #preempt(nowUs: number): void {
    const job = this.#onLane;
    if (job === undefined || job.class !== PrefillClass.warm) return;
    const borderUs = chunkBorderUs(job, nowUs);
    if (borderUs >= job.freeUs) return;
    const chunks = Math.round((borderUs - job.startUs) / job.chunkUs);
    job.doneTokens += chunks * this.#options.chunkTokens;
    job.state = 'waiting';
    this.#waiting[job.class]?.unshift(job);
    this.#freeUs = borderUs;
    this.#onLane = undefined;
  }
}

/** End of the chunk that runs at `nowUs`. */
function chunkBorderUs(job: PrefillJob, nowUs: number): number {
  if (job.chunkUs === 0) return job.startUs;
  const chunks = Math.ceil((nowUs - job.startUs) / job.chunkUs);
  return Math.min(job.freeUs, job.startUs + chunks * job.chunkUs);
}
