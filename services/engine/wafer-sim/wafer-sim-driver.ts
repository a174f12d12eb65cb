/*
 * The wafer simulator as an engine driver (WAFER §6): schedule, prefill lane, KV tree and content behind the
 * contract.
 *
 * Invariants
 *  1. Events leave from `#wake` alone, in the order: what precedes rows (prefilled, failed, started, marks, halted
 *     of streams that do not run), the rows, what follows them (closing marks, ended, halted).
 *  2. A call from inside an event changes state at once; what it has to tell waits for the next wake.
 *  3. Every stream holds one slot and one KV claim from `start` until it closes; the claim stays, trimmed to what
 *     was generated, until `truncate` or the next `start` of the same id.
 */
import { assert, isReticleError, ReticleError } from '@reticle/core/domain';
import type {
  ContextId,
  DriverEvents,
  DriverLoad,
  EngineCapabilities,
  EngineDriver,
  EngineModel,
  PrefillWork,
  StartWork,
  StreamId,
  Truncation,
} from '../contract.ts';
import { Contexts, hashWithOutput, promptOf, type Context } from './contexts.ts';
import { KvTree } from './kv-tree.ts';
import type { WaferSimCounters, WaferSimSettings } from './options.ts';
import type { PaceModel } from './pace-model.ts';
import { PrefillClass, prefillJob, PrefillLane, type PrefillJob } from './prefill-lane.ts';
import { Pump } from './pump.ts';
import { Schedule, type Leave, type ScheduleSink } from './schedule.ts';
import { turnDraft, type SimStream } from './sim-stream.ts';
import { StepBuffer } from './step-buffer.ts';

/** Output tokens for which KV is reserved at a start (WAFER §6.4). */
const OUTPUT_RESERVE_TOKENS = 1024;

type Told = (events: DriverEvents) => void;

export class WaferSimDriver implements EngineDriver {
  readonly model: EngineModel;
  readonly capabilities: EngineCapabilities;
  readonly #settings: WaferSimSettings;
  readonly #pace: PaceModel;
  readonly #kv: KvTree;
  readonly #lane: PrefillLane;
  readonly #schedule: Schedule;
  readonly #pump: Pump;
  readonly #buffer = new StepBuffer();
  readonly #contexts = new Contexts();
  readonly #streams: (SimStream | undefined)[] = [];
  /** Streams that wait for a KV block, the longest waiting first. */
  readonly #stalled = new Set<SimStream>();
  #events: DriverEvents | undefined;
  #before: Told[] = [];
  #after: Told[] = [];
  #slotsUsed = 0;
  #kvStalls = 0;

  constructor(settings: WaferSimSettings) {
    this.#settings = settings;
    this.#pace = settings.pace;
    this.model = settings.model;
    this.capabilities = settings.capabilities;
    this.#kv = new KvTree(settings.pace.kvTokens);
    this.#schedule = new Schedule(settings.pace);
    this.#lane = new PrefillLane({
      layers: settings.pace.layers,
      chunkTokens: settings.pace.chunkTokens,
      prefillMicros: (newTokens, cachedTokens) => this.#pace.prefillUs(newTokens, cachedTokens),
      streamsRunning: () => this.#schedule.running,
    });
    this.#pump = new Pump({ ...settings.pump, wake: () => this.#wake() });
  }

  get counters(): WaferSimCounters {
    return { kvStalls: this.#kvStalls, paceSlipSeconds: this.#schedule.slipUs / 1e6 };
  }

  connect(events: DriverEvents): void {
    assert(this.#events === undefined, 'a driver is connected once');
    this.#events = events;
  }

  canStart(work: { readonly parent: ContextId; readonly inputTokensMax: number }): boolean {
    const parent = this.#contexts.find(work.parent);
    if (parent === undefined || this.#slotsUsed >= this.#pace.slots) return false;
    return this.#kv.fits(parent.kv, this.#reserveTokens(parent.tokens + work.inputTokensMax));
  }

  prefill(work: PrefillWork): void {
    this.#orFail({ op: work.op }, () => {
      const parent = this.#contexts.get(work.parent);
      const { input, afterOutput } = work;
      const prompt = promptOf(parent, { input, afterOutput, opensAnswer: false, vocab: this.model.vocab });
      const claim = this.#kv.claim(parent.kv, prompt.tokens);
      if (claim === undefined) throw noCapacity('no KV is free for the prefix');
      const cachedTokens = parent.kv.tokens;
      const prefilledTokens = prompt.tokens - cachedTokens;
      const result = { contextTokens: prompt.tokens, cachedTokens, prefilledTokens };
      const job = this.#enqueue(parent, PrefillClass.warm, prefilledTokens, () =>
        this.#before.push((events) => events.prefilled(work.op, result)),
      );
      this.#contexts.set(work.context, { ...prompt, kv: this.#kv.seal(claim, prompt.tokens), job });
    });
  }

  start(work: StartWork): void {
    this.#forgetClosed(work.stream);
    this.#orFail({ stream: work.stream }, () => {
      const parent = this.#contexts.get(work.parent);
      if (this.#slotsUsed >= this.#pace.slots) throw noCapacity('no slot is free');
      const { contextTokens } = this.capabilities;
      const draft = turnDraft(work, parent, { ...this.#settings.turn, ...this.model, contextTokens });
      const filledTokens = draft.prompt.tokens + draft.startOffset;
      const claim = this.#kv.claim(parent.kv, this.#reserveTokens(filledTokens));
      if (claim === undefined) throw noCapacity('no KV is free for the turn');
      this.#slotsUsed += 1;
      const priority = work.successor ? PrefillClass.successor : PrefillClass.turn;
      const job = this.#enqueue(parent, priority, filledTokens - parent.kv.tokens, (doneUs) =>
        this.#begin(stream, doneUs),
      );
      const state = { state: 'prefilling', wish: 'none', started: false, stopped: false, generated: 0 } as const;
      const stream: SimStream = { ...draft, ...state, id: work.stream, claim, job };
      this.#streams[work.stream] = stream;
    });
  }

  pause(id: StreamId): void {
    const stream = this.#open(id);
    if (stream === undefined || stream.wish === 'halt') return;
    stream.wish = 'pause';
    if (stream.state === 'running') this.#schedule.stop(id, this.#pump.nowUs(), 'pause');
    if (stream.state === 'stalled') this.#settle(stream, 'paused');
  }

  resume(id: StreamId): void {
    const stream = this.#open(id);
    if (stream === undefined || stream.wish !== 'pause') return;
    stream.wish = 'none';
    if (stream.state === 'running') this.#schedule.unpause(id);
    if (stream.state === 'paused') this.#run(stream, this.#pump.nowUs());
  }

  halt(id: StreamId): void {
    const stream = this.#open(id);
    if (stream === undefined || stream.wish === 'halt') return;
    stream.wish = 'halt';
    if (stream.state === 'running') {
      this.#schedule.stop(id, this.#pump.nowUs(), 'halt');
      return;
    }
    if (stream.state === 'prefilling') this.#lane.cancel(stream.job, this.#pump.nowUs());
    this.#closeHalted(stream, this.#before);
    this.#pump.soon();
  }

  truncate(id: StreamId, keepThrough: number, context: ContextId): Truncation {
    const stream = this.#streams[id];
    assert(stream?.state === 'closed', 'a stream is truncated once it is closed');
    assert(keepThrough >= 0 && keepThrough <= stream.generated, 'a cut keeps generated tokens');
    const { prompt, parent, content, started } = stream;
    const tokens = prompt.tokens + keepThrough;
    const kvKeptTokens = started ? tokens : parent.kv.tokens;
    this.#contexts.set(context, {
      tokens,
      kv: this.#kv.seal(stream.claim, kvKeptTokens),
      hash: hashWithOutput(prompt, content, keepThrough),
      canary: prompt.canary,
      lastUserText: prompt.lastUserText,
      job: started ? undefined : parent.job,
    });
    this.#streams[id] = undefined;
    this.#kvFreed();
    if (kvKeptTokens === tokens) return { kvAction: 'cut-in-place', kvKeptTokens };
    return { kvAction: kvKeptTokens === 0 ? 'none' : 'reprefill', kvKeptTokens };
  }

  release(id: ContextId): void {
    const context = this.#contexts.take(id);
    if (context === undefined) return;
    this.#kv.release(context.kv);
    this.#kvFreed();
  }

  load(): DriverLoad {
    return {
      slotsTotal: this.#pace.slots,
      slotsFree: this.#pace.slots - this.#slotsUsed,
      kvTokensTotal: this.#kv.tokensTotal,
      kvTokensFree: this.#kv.tokensFree,
      prefillBacklogTokens: this.#lane.backlogTokens,
      stepMicros: Math.round(this.#schedule.stepUs(this.#pump.nowUs())),
    };
  }

  close(): void {
    this.#pump.close();
  }

  #wake(): void {
    const nowUs = this.#pump.nowUs();
    this.#lane.advance(nowUs);
    this.#retryStalled(nowUs);
    this.#buffer.reset();
    this.#schedule.scan(nowUs, this.#sink);
    this.#deliver();
    this.#kvFreed();
    this.#pump.at(Math.min(this.#lane.nextUs, this.#schedule.nextUs));
  }

  #deliver(): void {
    const events = this.#events;
    assert(events !== undefined, 'a driver is connected before it works');
    const before = this.#before;
    const after = this.#after;
    this.#before = [];
    this.#after = [];
    for (const tell of before) tell(events);
    if (this.#buffer.batch.rows > 0) events.step(this.#buffer.batch);
    for (const tell of after) tell(events);
  }

  readonly #sink: ScheduleSink = {
    emit: (id, from, count, dueUs) => this.#emit(id, from, count, dueUs),
    extend: (id, offset) => this.#roomFor(this.#known(id), offset),
    left: (id, why) => this.#left(this.#known(id), why),
  };

  #emit(id: StreamId, from: number, count: number, dueUs: number): number {
    const stream = this.#known(id);
    const textFrom = this.#buffer.batch.textBytes;
    this.#buffer.append(id, stream.content, from, count);
    this.#buffer.stamp(dueUs);
    const end = stream.stops === undefined ? stream.end : this.#matchStops(stream, from, count, textFrom);
    const generated = Math.min(end, from + count);
    if (stream.items.dueAt <= generated) this.#tellMarks(stream, generated);
    return end;
  }

  /** End offset of the stream: that of the token in which a stop string ends, if one does. */
  #matchStops(stream: SimStream, from: number, count: number, textFrom: number): number {
    const { batch } = this.#buffer;
    const matched = stream.stops?.feed(batch.text.subarray(textFrom, batch.textBytes)) ?? -1;
    if (matched < 0) return stream.end;
    let tokens = 0;
    for (let bytes = 0; bytes < matched; tokens += 1) bytes += batch.textLength[batch.tokens - count + tokens] ?? 0;
    this.#buffer.shorten(count - tokens);
    stream.stopped = true;
    return from + tokens;
  }

  #tellMarks(stream: SimStream, generated: number): void {
    for (const mark of stream.items.through(generated)) this.#before.push((events) => events.mark(stream.id, mark));
  }

  #begin(stream: SimStream, doneUs: number): void {
    const { id, prompt, parent, startOffset, claim } = stream;
    stream.started = true;
    const result = { promptTokens: prompt.tokens, cachedTokens: parent.kv.tokens, startOffset };
    this.#before.push((events) => events.started(id, result));
    this.#tellMarks(stream, startOffset);
    this.#schedule.load(id, {
      promptTokens: prompt.tokens,
      generated: startOffset,
      end: stream.end,
      room: this.#kv.capacityOf(claim) - prompt.tokens,
      widthKey: stream.key.a,
    });
    if (stream.wish === 'pause') stream.state = 'paused';
    else this.#run(stream, doneUs);
  }

  #run(stream: SimStream, fromUs: number): void {
    stream.state = 'running';
    this.#schedule.run(stream.id, fromUs);
    this.#pump.at(this.#schedule.nextUs);
  }

  #left(stream: SimStream, why: Leave): void {
    if (why === 'end') this.#closeEnded(stream);
    else if (stream.wish === 'halt') this.#closeHalted(stream, this.#after);
    else if (stream.wish === 'pause') stream.state = 'paused';
    else this.#stall(stream);
  }

  #stall(stream: SimStream): void {
    this.#kvStalls += 1;
    stream.state = 'stalled';
    this.#stalled.add(stream);
  }

  #settle(stream: SimStream, state: 'paused' | 'closed'): void {
    this.#stalled.delete(stream);
    stream.state = state;
  }

  #retryStalled(nowUs: number): void {
    for (const stream of this.#stalled) {
      if (!this.#kv.extend(stream.claim)) return;
      this.#stalled.delete(stream);
      this.#run(stream, nowUs);
    }
  }

  #roomFor(stream: SimStream, offset: number): number {
    const needed = stream.prompt.tokens + offset;
    while (needed > this.#kv.capacityOf(stream.claim) && this.#kv.extend(stream.claim));
    return this.#kv.capacityOf(stream.claim) - stream.prompt.tokens;
  }

  #closeEnded(stream: SimStream): void {
    const generated = this.#close(stream);
    const finishReason = stream.stopped ? 'stop' : stream.finish;
    for (const mark of stream.items.end(generated)) this.#after.push((events) => events.mark(stream.id, mark));
    this.#after.push((events) => events.ended(stream.id, { finishReason, generated }));
  }

  #closeHalted(stream: SimStream, queue: Told[]): void {
    const generated = this.#close(stream);
    queue.push((events) => events.halted(stream.id, generated));
  }

  #close(stream: SimStream): number {
    this.#settle(stream, 'closed');
    stream.generated = stream.started ? this.#schedule.generated(stream.id) : 0;
    this.#slotsUsed -= 1;
    const { prompt, parent, claim, started, generated } = stream;
    this.#kv.trim(claim, started ? prompt.tokens + generated : parent.kv.tokens);
    return generated;
  }

  #enqueue(parent: Context, priority: PrefillClass, newTokens: number, done: (doneUs: number) => void): PrefillJob {
    const after = parent.job?.state === 'done' ? undefined : parent.job;
    const job = prefillJob({ class: priority, newTokens, cachedTokens: parent.kv.tokens, after, done });
    this.#lane.add(job, this.#pump.nowUs());
    this.#pump.at(this.#lane.nextUs);
    return job;
  }

  #reserveTokens(tokens: number): number {
    return Math.max(tokens, Math.min(tokens + OUTPUT_RESERVE_TOKENS, this.capabilities.contextTokens));
  }

  #forgetClosed(id: StreamId): void {
    const stream = this.#streams[id];
    assert(stream === undefined || stream.state === 'closed', 'a stream id is free');
    if (stream !== undefined) this.#kv.drop(stream.claim);
    this.#streams[id] = undefined;
  }

  #kvFreed(): void {
    if (this.#stalled.size > 0 && this.#kv.tokensFree > 0) this.#pump.soon();
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

  #orFail(subject: { stream: StreamId } | { op: number }, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isReticleError(error)) throw error;
      this.#before.push((events) => events.failed(subject, error));
      this.#pump.soon();
    }
  }
}

function noCapacity(message: string): ReticleError {
  return new ReticleError('no_capacity', message);
}
