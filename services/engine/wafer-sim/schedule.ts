/*
 * Absolute emission schedule of the running streams of one chain (WAFER §6.1).
 *
 *   a step at `due` emits m ∈ 1..k tokens, then due += T_step; never now + T_step
 *
 * Invariants
 *  1. A scan at `now` emits every step with due ≤ now, at most STEPS_PER_SCAN of one stream; so a stream that
 *     is looked at late keeps its mean rate.
 *  2. A stream that is behind by more than CATCH_UP_US loses the gap: its due moves to now, `slipUs` grows.
 *  3. A stream asked to stop at t emits the steps due by t and the one that runs at t, and no other.
 *  4. Streams are a struct of typed arrays indexed by stream id; a scan allocates nothing.
 */
import { assert } from '@reticle/core/domain';
import type { StreamId } from '../contract.ts';
import { stepWidth, stepWidthBounds } from './content/step-width.ts';
import type { PaceModel } from './pace-model.ts';

/** Most steps of one stream in one scan (WAFER §6.1). */
export const STEPS_PER_SCAN = 64;
/** Lateness up to which steps are made good in a burst (WAFER §6.1). */
export const CATCH_UP_US = 250_000;
/** T_step follows the growing context at this interval even when N stays (WAFER §6.1). */
const REFRESH_STEPS = 64;

const NOT_RUNNING = -1;

/** What the schedule asks of a chain. */
export type StepPace = Pick<PaceModel, 'stepUs' | 'stepTokensMax' | 'meanTokens'>;

/** Why a stream left the running set in a scan. */
export type Leave = 'end' | 'halt' | 'pause' | 'stall';

/** Where a scan's results go. */
export interface ScheduleSink {
  /**
   * Tokens [from, from + count) of a stream, the newest due at `dueUs`. Returns the offset at which the stream
   * ends, which may be one of these tokens.
   */
  emit(stream: StreamId, from: number, count: number, dueUs: number): number;
  /** A step needs room for output up to `offset`; returns the offset up to which there is room. */
  extend(stream: StreamId, offset: number): number;
  left(stream: StreamId, why: Leave): void;
}

/** What the schedule keeps of a stream. */
export type StreamPlan = {
  readonly promptTokens: number;
  readonly generated: number;
  readonly end: number;
  /** Output offset up to which KV is claimed. */
  readonly room: number;
  /** First word of the turn's key; decides step widths. */
  readonly widthKey: number;
};

export class Schedule {
  #pace: StepPace;
  #bounds: Float64Array;
  #due = new Float64Array(0);
  #stop = new Float64Array(0);
  #generated = new Float64Array(0);
  #end = new Float64Array(0);
  #room = new Float64Array(0);
  #prompt = new Float64Array(0);
  #widthKey = new Int32Array(0);
  #halting = new Uint8Array(0);
  /** Index in `#running`, or NOT_RUNNING. */
  #place = new Int32Array(0);
  /** Ids of the running streams, the first `#count` entries. */
  #running = new Int32Array(0);
  #count = 0;
  /** Σ context of the running streams. */
  #contextTokens = 0;
  #stepUs = 0;
  #refreshUs = 0;
  #stale = true;
  #nextUs = Infinity;
  #slipUs = 0;
  #steps = 0;
  /** Due of the newest token of the stream at hand. */
  #emittedUs = 0;

  constructor(pace: StepPace) {
    this.#pace = pace;
    this.#bounds = stepWidthBounds(pace);
  }

  /** N. */
  get running(): number {
    return this.#count;
  }

  /** Earliest due step; Infinity when nothing runs. May be early, never late. */
  get nextUs(): number {
    return this.#count === 0 ? Infinity : this.#nextUs;
  }

  /** Time lost to invariant 2, over all streams. */
  get slipUs(): number {
    return this.#slipUs;
  }

  /** Steps of all streams so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Σ context of the running streams ÷ N; 0 when nothing runs. */
  get meanContextTokens(): number {
    return this.#count === 0 ? 0 : this.#contextTokens / this.#count;
  }

  /** The pace from now on: a fault began or ended. */
  setPace(pace: StepPace): void {
    this.#pace = pace;
    this.#bounds = stepWidthBounds(pace);
    this.#stale = true;
  }

  /** Output offset up to which KV is claimed, after a claim changed by itself. */
  setRoom(stream: StreamId, room: number): void {
    this.#room[stream] = room;
  }

  generated(stream: StreamId): number {
    return this.#generated[stream] ?? 0;
  }

  isRunning(stream: StreamId): boolean {
    return (this.#place[stream] ?? NOT_RUNNING) !== NOT_RUNNING;
  }

  /** T_step in force; 0 when nothing runs. */
  stepUs(nowUs: number): number {
    if (this.#count === 0) return 0;
    if (this.#stale || nowUs >= this.#refreshUs) {
      this.#stepUs = this.#pace.stepUs(this.#count, this.meanContextTokens);
      this.#refreshUs = nowUs + REFRESH_STEPS * this.#stepUs;
      this.#stale = false;
    }
    return this.#stepUs;
  }

  /** Notes a stream, which does not run yet. */
  load(stream: StreamId, plan: StreamPlan): void {
    this.#grow(stream);
    assert(!this.isRunning(stream), 'a running stream keeps its plan');
    this.#generated[stream] = plan.generated;
    this.#end[stream] = plan.end;
    this.#room[stream] = plan.room;
    this.#prompt[stream] = plan.promptTokens;
    this.#widthKey[stream] = plan.widthKey;
  }

  /** Puts a stream into the running set, first or again; its next step is due one T_step after `fromUs`. */
  run(stream: StreamId, fromUs: number): void {
    assert(!this.isRunning(stream), 'a stream runs once');
    this.#place[stream] = this.#count;
    this.#running[this.#count] = stream;
    this.#count += 1;
    this.#contextTokens += (this.#prompt[stream] ?? 0) + (this.#generated[stream] ?? 0);
    this.#stop[stream] = Infinity;
    this.#halting[stream] = 0;
    this.#stale = true;
    const due = fromUs + this.stepUs(fromUs);
    this.#due[stream] = due;
    this.#nextUs = this.#count === 1 ? due : Math.min(this.#nextUs, due);
  }

  /** Asks a running stream to stop after the step that runs at `nowUs`; a halt wins over a pause. */
  stop(stream: StreamId, nowUs: number, why: 'halt' | 'pause'): void {
    this.#stop[stream] = Math.min(this.#stop[stream] ?? Infinity, nowUs);
    if (why === 'halt') this.#halting[stream] = 1;
  }

  /** Takes back a pause that has not come into force. */
  unpause(stream: StreamId): void {
    if (this.#halting[stream] === 0) this.#stop[stream] = Infinity;
  }

  /** Emits what is due. The sink must not call back into the schedule. */
  scan(nowUs: number, sink: ScheduleSink): void {
    const stepUs = this.stepUs(nowUs);
    let nextUs = Infinity;
    // From the back, since a stream that leaves is replaced by the last one, which has been looked at.
    for (let index = this.#count - 1; index >= 0; index -= 1) {
      const stream = this.#running[index] as number;
      const due = this.#due[stream] as number;
      if (due > nowUs) {
        if (due < nextUs) nextUs = due;
        continue;
      }
      const left = this.#advance(stream, nowUs, stepUs, sink);
      if (left !== undefined) {
        this.#leave(stream);
        sink.left(stream, left);
        continue;
      }
      nextUs = Math.min(nextUs, this.#due[stream] as number);
    }
    this.#nextUs = nextUs;
  }

  /** One stream's due steps: one row of tokens at most. A step without KV is not taken. */
  #advance(stream: StreamId, nowUs: number, stepUs: number, sink: ScheduleSink): Leave | undefined {
    const from = this.#generated[stream] as number;
    const end = this.#end[stream] as number;
    const stop = this.#stop[stream] as number;
    let due = this.#dueOf(stream, nowUs);
    let at = from;
    let left: Leave | undefined = from >= end ? 'end' : undefined;
    for (let steps = 0; left === undefined && due <= nowUs && steps < STEPS_PER_SCAN; steps += 1) {
      const next = Math.min(end, at + this.#width(stream, at));
      if (!this.#hasRoom(stream, next, sink)) {
        left = 'stall';
        break;
      }
      at = next;
      this.#steps += 1;
      this.#emittedUs = due;
      if (at >= end) left = 'end';
      else if (due > stop) left = this.#stopOf(stream);
      due += stepUs;
    }
    this.#due[stream] = due;
    return at > from && this.#emit(stream, from, at, sink) ? 'end' : left;
  }

  /** Hands a row on; true when the stream ends in it. */
  #emit(stream: StreamId, from: number, at: number, sink: ScheduleSink): boolean {
    const end = sink.emit(stream, from, at - from, this.#emittedUs);
    const generated = Math.min(at, end);
    this.#generated[stream] = generated;
    this.#contextTokens += generated - from;
    return at >= end;
  }

  #width(stream: StreamId, at: number): number {
    return this.#bounds.length === 0 ? 1 : stepWidth(this.#bounds, this.#widthKey[stream] as number, at);
  }

  #dueOf(stream: StreamId, nowUs: number): number {
    const due = this.#due[stream] as number;
    if (nowUs - due <= CATCH_UP_US) return due;
    this.#slipUs += nowUs - due;
    return nowUs;
  }

  #stopOf(stream: StreamId): Leave {
    return this.#halting[stream] === 1 ? 'halt' : 'pause';
  }

  #hasRoom(stream: StreamId, offset: number, sink: ScheduleSink): boolean {
    if (offset <= (this.#room[stream] as number)) return true;
    const room = sink.extend(stream, offset);
    this.#room[stream] = room;
    return offset <= room;
  }

  #leave(stream: StreamId): void {
    const place = this.#place[stream] ?? 0;
    this.#count -= 1;
    const last = this.#running[this.#count] ?? 0;
    this.#running[place] = last;
    this.#place[last] = place;
    this.#place[stream] = NOT_RUNNING;
    this.#contextTokens -= (this.#prompt[stream] ?? 0) + (this.#generated[stream] ?? 0);
    this.#stale = true;
  }

  #grow(stream: StreamId): void {
    const length = this.#due.length;
    if (stream < length) return;
    const wanted = Math.max(64, 2 ** Math.ceil(Math.log2(stream + 1)));
    this.#due = larger(this.#due, new Float64Array(wanted));
    this.#stop = larger(this.#stop, new Float64Array(wanted));
    this.#generated = larger(this.#generated, new Float64Array(wanted));
    this.#end = larger(this.#end, new Float64Array(wanted));
    this.#room = larger(this.#room, new Float64Array(wanted));
    this.#prompt = larger(this.#prompt, new Float64Array(wanted));
    this.#widthKey = larger(this.#widthKey, new Int32Array(wanted));
    this.#halting = larger(this.#halting, new Uint8Array(wanted));
    this.#running = larger(this.#running, new Int32Array(wanted));
    this.#place = larger(this.#place, new Int32Array(wanted).fill(NOT_RUNNING));
  }
}

function larger<Numbers extends Float64Array | Int32Array | Uint8Array>(old: Numbers, fresh: Numbers): Numbers {
  fresh.set(old);
  return fresh;
}
