/*
 * The turns of the simulator: from start to close, through prefill, pauses, stalls and parking.
 *
 * Invariants
 *  1. Every stream holds one slot and one KV claim from `start` until it closes; the claim stays, trimmed to what
 *     was generated, until `truncate` or the next `start` of the same id.
 *  2. Nothing is told from here: what there is to tell goes to the outbox.
 */
import { assert } from '@reticle/core/domain';
import type { ContextId, StartWork, StreamId, TokenColumns, Truncation } from '../contract.ts';
import { tokenColumns } from './content/written-tokens.ts';
import { hashWithOutput, type Context, type Contexts } from './contexts.ts';
import type { KvKeeper } from './kv-keeper.ts';
import type { WaferSimSettings } from './options.ts';
import type { Outbox } from './outbox.ts';
import { PrefillClass, prefillJob, type PrefillJob, type PrefillLane } from './prefill-lane.ts';
import type { Pump } from './pump.ts';
import type { Leave, Schedule, ScheduleSink } from './schedule.ts';
import { noCapacity, turnDraft, type SimStream } from './sim-stream.ts';

/** Output tokens for which KV is reserved at a start (WAFER §6.4). */
const OUTPUT_RESERVE_TOKENS = 1024;

export type SimStreamsPorts = {
  readonly settings: WaferSimSettings;
  readonly contexts: Contexts;
  readonly kv: KvKeeper;
  readonly lane: PrefillLane;
  readonly schedule: Schedule;
  readonly pump: Pump;
  readonly outbox: Outbox;
  /** Tokens [from, through) of a stream were generated. */
  readonly generated: (from: number, through: number) => void;
};

export class SimStreams {
  readonly #ports: SimStreamsPorts;
  readonly #streams: (SimStream | undefined)[] = [];
  /** Streams that wait for KV, the longest waiting first. */
  readonly #stalled = new Set<SimStream>();
  readonly #restoring = new Set<SimStream>();
  #slotsUsed = 0;
  #kvStalls = 0;
  /** Free KV when the stalled ones last found too little. */
  #freeTried = 0;

  constructor(ports: SimStreamsPorts) {
    this.#ports = ports;
  }

  get slotsUsed(): number {
    return this.#slotsUsed;
  }

  get kvStalls(): number {
    return this.#kvStalls;
  }

  /** When something of the streams happens next, decode aside. */
  get nextUs(): number {
    let nextUs = this.#ports.kv.nextUs(this.#stalled.size > 0);
    for (const stream of this.#restoring) nextUs = Math.min(nextUs, stream.readyUs);
    return nextUs;
  }

  /** Tokens for which a start reserves KV. */
  reserveTokens(tokens: number): number {
    const { contextTokens } = this.#ports.settings.capabilities;
    return Math.max(tokens, Math.min(tokens + OUTPUT_RESERVE_TOKENS, contextTokens));
  }

  /** @throws ReticleError for work that is refused; nothing is held for it then */
  start(work: StartWork): void {
    this.#forgetClosed(work.stream);
    const { settings, contexts, kv } = this.#ports;
    const parent = contexts.get(work.parent);
    if (this.#slotsUsed >= settings.pace.slots) throw noCapacity('no slot is free');
    const { contextTokens } = settings.capabilities;
    const draft = turnDraft(work, parent, { ...settings.turn, ...settings.model, contextTokens });
    const filledTokens = draft.prompt.tokens + draft.startOffset;
    const claim = kv.claim(parent, this.reserveTokens(filledTokens));
    if (claim === undefined) throw noCapacity('no KV is free for the turn');
    this.#slotsUsed += 1;
    const cachedTokens = parent.kv.tokens;
    const priority = work.successor ? PrefillClass.successor : PrefillClass.turn;
    const job = this.enqueue(parent, priority, filledTokens - cachedTokens, (doneUs) => this.#begin(stream, doneUs));
    const state = { state: 'prefilling', wish: 'none', parks: false, readyUs: 0 } as const;
    const stream: SimStream = {
      ...draft,
      ...state,
      started: false,
      generated: 0,
      id: work.stream,
      claim,
      job,
      cachedTokens,
    };
    this.#streams[work.stream] = stream;
  }

  pause(id: StreamId): void {
    const stream = this.#open(id);
    if (stream === undefined || stream.wish === 'halt') return;
    stream.wish = 'pause';
    if (stream.state === 'running') this.#ports.schedule.stop(id, this.#ports.pump.nowUs(), 'pause');
    if (stream.state === 'stalled') this.#pauseNow(stream);
  }

  resume(id: StreamId): void {
    const stream = this.#open(id);
    if (stream === undefined || stream.wish !== 'pause') return;
    stream.wish = 'none';
    stream.parks = false;
    if (stream.state === 'running') this.#ports.schedule.unpause(id);
    if (stream.state === 'paused') this.#goOn(stream);
  }

  halt(id: StreamId): void {
    const stream = this.#open(id);
    if (stream === undefined || stream.wish === 'halt') return;
    const { lane, pump, schedule } = this.#ports;
    stream.wish = 'halt';
    if (stream.state === 'running') {
      schedule.stop(id, pump.nowUs(), 'halt');
      return;
    }
    if (stream.state === 'prefilling' || stream.state === 'restoring') lane.cancel(stream.job, pump.nowUs());
    this.#closeHalted(stream, 'before');
    pump.soon();
  }

  park(id: StreamId): void {
    const stream = this.#open(id);
    if (stream?.wish !== 'pause') return;
    stream.parks = true;
    if (stream.state === 'paused') this.#parkNow(stream);
  }

  truncate(id: StreamId, keepThrough: number, context: ContextId): Truncation {
    const stream = this.#streams[id];
    assert(stream?.state === 'closed', 'a stream is truncated once it is closed');
    assert(keepThrough >= 0 && keepThrough <= stream.generated, 'a cut keeps generated tokens');
    const { prompt, parent, content, started, claim } = stream;
    const tokens = prompt.tokens + keepThrough;
    const kvKeptTokens = started ? tokens : stream.cachedTokens;
    const job = started ? undefined : parent.job;
    const { canary, lastUserText, additionalTools } = prompt;
    const made: Context = {
      tokens,
      hash: hashWithOutput(prompt, content, keepThrough),
      canary,
      lastUserText,
      lastItem: undefined,
      additionalTools,
      job,
      ...this.#ports.kv.seal(claim, kvKeptTokens, job),
    };
    this.#ports.contexts.set(context, made);
    this.#ports.kv.adopt(made);
    this.#streams[id] = undefined;
    if (kvKeptTokens === tokens) return { kvAction: 'cut-in-place', kvKeptTokens };
    return { kvAction: kvKeptTokens === 0 ? 'none' : 'reprefill', kvKeptTokens };
  }

  forcedTokens(id: StreamId, first: number): TokenColumns {
    const stream = this.#streams[id];
    assert(stream?.started === true, 'forced tokens are those of a stream that has started');
    assert(first >= 0 && first <= stream.startOffset, 'forced tokens lie below the start offset');
    return tokenColumns(stream.content, first, stream.startOffset - first);
  }

  /** Puts a prefill on the lane, behind the restore and the prefill of its parent. */
  enqueue(parent: Context, priority: PrefillClass, newTokens: number, done: (doneUs: number) => void): PrefillJob {
    const after = parent.job?.state === 'done' ? undefined : parent.job;
    const ask = { class: priority, newTokens, cachedTokens: parent.kv.tokens, after, done, readyUs: parent.readyUs };
    const job = prefillJob(ask);
    this.#ports.lane.add(job, this.#ports.pump.nowUs());
    this.#ports.pump.at(this.#ports.lane.nextUs);
    return job;
  }

  /** Lets streams go on whose KV is back, and stalled ones for which there is room. */
  advance(nowUs: number): void {
    for (const stream of this.#restoring) if (stream.readyUs <= nowUs) this.#returned(stream, stream.readyUs);
    for (const stream of this.#stalled) {
      if (!this.#unstall(stream, nowUs)) {
        this.#freeTried = this.#ports.kv.tokensFree;
        return;
      }
    }
  }

  /** To be called when KV may have been freed. */
  kvFreed(): void {
    if (this.#stalled.size > 0 && this.#ports.kv.tokensFree > this.#freeTried) this.#ports.pump.soon();
  }

  readonly sink: ScheduleSink = {
    emit: (id, from, count, dueUs) => this.#emit(id, from, count, dueUs),
    extend: (id, offset) => this.#roomFor(this.#known(id), offset),
    left: (id, why) => this.#left(this.#known(id), why),
  };

  #emit(id: StreamId, from: number, count: number, dueUs: number): number {
    const stream = this.#known(id);
    const { buffer } = this.#ports.outbox;
    const textFrom = buffer.batch.textBytes;
    buffer.append(id, stream.content, from, count);
    buffer.stamp(dueUs);
    const end = stream.stops === undefined ? stream.end : this.#matchStops(stream, from, count, textFrom);
    const generated = Math.min(end, from + count);
    if (stream.items.dueAt <= generated) this.#tellMarks(stream, generated);
    this.#ports.generated(from, generated);
    return end;
  }

  /** End offset of the stream: that of the token in which a stop string ends, if one does. */
  #matchStops(stream: SimStream, from: number, count: number, textFrom: number): number {
    const { buffer } = this.#ports.outbox;
    const { batch } = buffer;
    const matched = stream.stops?.feed(batch.text.subarray(textFrom, batch.textBytes)) ?? -1;
    if (matched < 0) return stream.end;
    let tokens = 0;
    for (let bytes = 0; bytes < matched; tokens += 1) bytes += batch.textLength[batch.tokens - count + tokens] ?? 0;
    buffer.shorten(count - tokens);
    stream.stopped = true;
    return from + tokens;
  }

  #tellMarks(stream: SimStream, generated: number): void {
    for (const mark of stream.items.through(generated)) {
      this.#ports.outbox.before((events) => events.mark(stream.id, mark));
    }
  }

  #begin(stream: SimStream, doneUs: number): void {
    const { id, prompt, startOffset, cachedTokens } = stream;
    stream.started = true;
    const result = { promptTokens: prompt.tokens, cachedTokens, startOffset };
    this.#ports.outbox.before((events) => events.started(id, result));
    this.#tellMarks(stream, startOffset);
    this.#ports.schedule.load(id, {
      promptTokens: prompt.tokens,
      generated: startOffset,
      end: stream.end,
      room: this.#room(stream),
      widthKey: stream.key.a,
    });
    if (startOffset >= stream.end) this.#closeEnded(stream);
    else if (stream.wish === 'pause') this.#pauseNow(stream);
    else this.#run(stream, doneUs);
  }

  #run(stream: SimStream, fromUs: number): void {
    stream.state = 'running';
    this.#ports.schedule.run(stream.id, fromUs);
    this.#ports.pump.at(this.#ports.schedule.nextUs);
  }

  #left(stream: SimStream, why: Leave): void {
    if (why === 'end') this.#closeEnded(stream);
    else if (stream.wish === 'halt') this.#closeHalted(stream, 'after');
    else if (stream.wish === 'pause') this.#pauseNow(stream);
    else this.#stall(stream);
  }

  #pauseNow(stream: SimStream): void {
    this.#settle(stream, 'paused');
    if (stream.parks) this.#parkNow(stream);
  }

  #parkNow(stream: SimStream): void {
    const { kv, pump, schedule } = this.#ports;
    kv.parkClaim(stream.claim, stream.prompt.tokens + schedule.generated(stream.id));
    pump.at(kv.nextUs(false));
    this.kvFreed();
  }

  /** Lets a paused stream run, as soon as its KV is on the wafer. */
  #goOn(stream: SimStream): void {
    const { kv, pump } = this.#ports;
    const nowUs = pump.nowUs();
    if (!kv.isAway(stream.claim)) {
      kv.stay(stream.claim);
      this.#run(stream, nowUs);
    } else if (!this.#bringBack(stream)) {
      this.#stall(stream);
    }
  }

  #bringBack(stream: SimStream): boolean {
    const { kv, lane, pump, schedule } = this.#ports;
    const back = kv.bringBack(stream.claim);
    if (back === undefined) return false;
    const tokens = stream.prompt.tokens + schedule.generated(stream.id);
    schedule.setRoom(stream.id, this.#room(stream));
    stream.state = 'restoring';
    stream.readyUs = back.readyUs;
    this.#restoring.add(stream);
    if (back.cachedTokens < tokens) {
      stream.readyUs = Infinity;
      stream.job = prefillJob({
        class: PrefillClass.turn,
        newTokens: tokens - back.cachedTokens,
        cachedTokens: back.cachedTokens,
        after: undefined,
        readyUs: back.readyUs,
        done: (doneUs) => this.#returned(stream, doneUs),
      });
      lane.add(stream.job, pump.nowUs());
    }
    pump.at(Math.min(lane.nextUs, stream.readyUs));
    return true;
  }

  #returned(stream: SimStream, atUs: number): void {
    this.#restoring.delete(stream);
    if (stream.wish === 'pause') this.#pauseNow(stream);
    else this.#run(stream, atUs);
  }

  #stall(stream: SimStream): void {
    this.#kvStalls += 1;
    stream.state = 'stalled';
    this.#stalled.add(stream);
    this.#freeTried = this.#ports.kv.tokensFree;
    this.#ports.pump.at(this.#ports.kv.nextUs(true));
  }

  #unstall(stream: SimStream, nowUs: number): boolean {
    const { kv } = this.#ports;
    if (kv.isAway(stream.claim)) {
      if (!this.#bringBack(stream)) return false;
      this.#stalled.delete(stream);
      return true;
    }
    if (!kv.extend(stream.claim)) return false;
    this.#stalled.delete(stream);
    this.#run(stream, nowUs);
    return true;
  }

  #settle(stream: SimStream, state: 'paused' | 'closed'): void {
    this.#stalled.delete(stream);
    this.#restoring.delete(stream);
    stream.state = state;
  }

  #room(stream: SimStream): number {
    return this.#ports.kv.capacityOf(stream.claim) - stream.prompt.tokens;
  }

  #roomFor(stream: SimStream, offset: number): number {
    const needed = stream.prompt.tokens + offset;
    const { kv } = this.#ports;
    while (needed > kv.capacityOf(stream.claim) && kv.extend(stream.claim));
    return this.#room(stream);
  }

  #closeEnded(stream: SimStream): void {
    const { id } = stream;
    const generated = this.#close(stream);
    const finishReason = stream.stopped ? 'stop' : stream.finish;
    for (const mark of stream.items.end(generated)) this.#ports.outbox.after((events) => events.mark(id, mark));
    this.#ports.outbox.after((events) => events.ended(id, { finishReason, generated }));
  }

  #closeHalted(stream: SimStream, place: 'before' | 'after'): void {
    const generated = this.#close(stream);
    this.#ports.outbox[place]((events) => events.halted(stream.id, generated));
  }

  #close(stream: SimStream): number {
    this.#settle(stream, 'closed');
    const { prompt, claim, started, startOffset, cachedTokens } = stream;
    stream.generated = started ? this.#ports.schedule.generated(stream.id) : startOffset;
    this.#slotsUsed -= 1;
    this.#ports.kv.trim(claim, started ? prompt.tokens + stream.generated : cachedTokens);
    return stream.generated;
  }

  #forgetClosed(id: StreamId): void {
    const stream = this.#streams[id];
    assert(stream === undefined || stream.state === 'closed', 'a stream id is free');
    if (stream !== undefined) this.#ports.kv.drop(stream.claim);
    this.#streams[id] = undefined;
  }

  #open(id: StreamId): SimStream | undefined {
    const stream = this.#streams[id];
    return stream?.state === 'closed' ? undefined : stream;
  }

  #known(id: StreamId): SimStream {
    const stream = this.#streams[id];
    assert(stream !== undefined, 'the schedule runs known streams');
    return stream;
  }
}
