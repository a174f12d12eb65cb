/*
 * The wafer simulator as an engine driver (WAFER §6): schedule, prefill lane, KV, content and faults behind the
 * contract.
 *
 * Invariants
 *  1. Events leave from `#wake` alone, in the order of the outbox.
 *  2. A call from inside an event changes state at once; what it has to tell waits for the next wake.
 *  3. A hung or broken chain tells nothing; calls are accepted, and `load` answers.
 */
import { assert, isReticleError, type ReticleError } from '@reticle/core/domain';
import type {
  ContextId,
  DriverEvents,
  DriverLoad,
  EngineCapabilities,
  EngineDriver,
  EngineModel,
  Parkable,
  PrefillWork,
  StartWork,
  StreamId,
  TokenColumns,
  Truncation,
} from '../contract.ts';
import { ChainFaults } from './chain-faults.ts';
import { Contexts, promptOf, type Context } from './contexts.ts';
import { faultOf } from './faults/fault-schema.ts';
import type { Fault, FaultLogEntry } from './faults/fault.ts';
import type { WaferSimHealth } from './health.ts';
import { KvKeeper } from './kv-keeper.ts';
import type { WaferSimCounters, WaferSimSettings } from './options.ts';
import { Outbox } from './outbox.ts';
import { PrefillClass, PrefillLane } from './prefill-lane.ts';
import { Pump } from './pump.ts';
import { Schedule } from './schedule.ts';
import { noCapacity } from './sim-stream.ts';
import { SimStreams } from './sim-streams.ts';

export class WaferSimDriver implements EngineDriver {
  readonly model: EngineModel;
  readonly capabilities: EngineCapabilities;
  readonly #slots: number;
  readonly #faults: ChainFaults;
  readonly #kv: KvKeeper;
  readonly #lane: PrefillLane;
  readonly #schedule: Schedule;
  readonly #pump: Pump;
  readonly #outbox = new Outbox();
  readonly #contexts = new Contexts();
  readonly #streams: SimStreams;
  #events: DriverEvents | undefined;

  constructor(settings: WaferSimSettings) {
    const { pace } = settings;
    this.model = settings.model;
    this.capabilities = settings.capabilities;
    this.#slots = pace.slots;
    this.#pump = new Pump({ ...settings.pump, wake: () => this.#wake() });
    const nowUs = () => this.#pump.nowUs();
    this.#faults = new ChainFaults(settings.faults, pace, nowUs());
    this.#kv = new KvKeeper({
      kvTokens: pace.kvTokens,
      parkTokens: settings.parkTokens,
      nowUs,
      moveUs: (tokens) => this.#faults.pace.restoreUs(tokens),
    });
    this.#schedule = new Schedule(pace);
    this.#lane = new PrefillLane({
      layers: pace.layers,
      chunkTokens: pace.chunkTokens,
      prefillMicros: (newTokens, cachedTokens) => this.#faults.pace.prefillUs(newTokens, cachedTokens),
      streamsRunning: () => this.#schedule.running,
    });
    this.#streams = new SimStreams({
      settings,
      contexts: this.#contexts,
      kv: this.#kv,
      lane: this.#lane,
      schedule: this.#schedule,
      pump: this.#pump,
      outbox: this.#outbox,
      generated: (from, through) => this.#faults.script.generated(from, through),
    });
  }

  get counters(): WaferSimCounters {
    return { kvStalls: this.#streams.kvStalls, paceSlipSeconds: this.#schedule.slipUs / 1e6 };
  }

  get faultLog(): readonly FaultLogEntry[] {
    return this.#faults.script.log;
  }

  connect(events: DriverEvents): void {
    assert(this.#events === undefined, 'a driver is connected once');
    this.#events = events;
    this.#pump.at(this.#faults.nextUs);
  }

  canStart(work: { readonly parent: ContextId; readonly inputTokensMax: number }): boolean {
    const parent = this.#contexts.find(work.parent);
    if (parent === undefined || this.#streams.slotsUsed >= this.#slots || this.#faults.isBroken) return false;
    return this.#kv.fits(parent, this.#streams.reserveTokens(parent.tokens + work.inputTokensMax));
  }

  prefill(work: PrefillWork): void {
    this.#orFail({ op: work.op }, () => {
      const parent = this.#contexts.get(work.parent);
      const { input, afterOutput } = work;
      const prompt = promptOf(parent, { input, afterOutput, opensAnswer: false, vocab: this.model.vocab });
      const claim = this.#kv.claim(parent, prompt.tokens);
      if (claim === undefined) throw noCapacity('no KV is free for the prefix');
      const cachedTokens = parent.kv.tokens;
      const prefilledTokens = prompt.tokens - cachedTokens;
      const result = { contextTokens: prompt.tokens, cachedTokens, prefilledTokens };
      const job = this.#streams.enqueue(parent, PrefillClass.warm, prefilledTokens, () => {
        this.#outbox.before((events) => events.prefilled(work.op, result));
        if (this.#contexts.find(work.context) === made) this.#kv.computed(made);
      });
      const made: Context = { ...prompt, ...this.#kv.seal(claim, prompt.tokens, job), job };
      this.#contexts.set(work.context, made);
      this.#kv.adopt(made);
    });
  }

  start(work: StartWork): void {
    this.#orFail({ stream: work.stream }, () => this.#streams.start(work));
  }

  pause(id: StreamId): void {
    this.#streams.pause(id);
  }

  resume(id: StreamId): void {
    this.#streams.resume(id);
  }

  halt(id: StreamId): void {
    this.#streams.halt(id);
  }

  truncate(id: StreamId, keepThrough: number, context: ContextId): Truncation {
    const truncation = this.#streams.truncate(id, keepThrough, context);
    this.#streams.kvFreed();
    return truncation;
  }

  forcedTokens(id: StreamId, first: number): TokenColumns {
    return this.#streams.forcedTokens(id, first);
  }

  park(subject: Parkable): void {
    if ('stream' in subject) {
      this.#streams.park(subject.stream);
      return;
    }
    const context = this.#contexts.find(subject.context);
    if (context === undefined) return;
    this.#kv.park(context);
    this.#pump.at(this.#kv.nextUs(false));
    this.#streams.kvFreed();
  }

  release(id: ContextId): void {
    const context = this.#contexts.take(id);
    if (context === undefined) return;
    this.#kv.release(context);
    this.#streams.kvFreed();
  }

  load(): DriverLoad {
    return {
      slotsTotal: this.#slots,
      slotsFree: this.#slots - this.#streams.slotsUsed,
      kvTokensTotal: this.#kv.tokensTotal,
      kvTokensFree: this.#kv.tokensFree,
      prefillBacklogTokens: this.#lane.backlogTokens,
      stepMicros: Math.round(this.#schedule.stepUs(this.#pump.nowUs())),
    };
  }

  /**
   * A fault that begins now, for tests and the console (WAFER §6.5).
   *
   * @throws ReticleError of `faultOf`
   */
  inject(fault: Fault): void {
    this.#faults.script.inject(faultOf(fault, this.#faults.stages));
    this.#pump.soon();
  }

  /** The chain cannot go on, as found by whoever watches its stages; told once as `broken`. */
  breakChain(reason: string): void {
    this.#faults.break(reason, this.#pump.nowUs());
    this.#pump.soon();
  }

  health(): WaferSimHealth {
    return {
      ...this.#faults.health(this.#schedule.running, this.#schedule.meanContextTokens),
      stepMicros: this.load().stepMicros,
      kvTokensTotal: this.#kv.tokensTotal,
      park: this.#kv.figures,
    };
  }

  close(): void {
    this.#pump.close();
  }

  #wake(): void {
    const events = this.#events;
    assert(events !== undefined, 'a driver is connected before it works');
    const nowUs = this.#pump.nowUs();
    this.#turnFaults(nowUs);
    if (!this.#faults.isMute) {
      this.#work(nowUs, events);
      this.#turnFaults(nowUs);
    }
    this.#tellBroken(nowUs, events);
    if (this.#faults.isMute) this.#pump.at(this.#faults.nextUs);
    else {
      const { nextUs } = this.#schedule;
      this.#pump.at(Math.min(nextUs, this.#lane.nextUs, this.#streams.nextUs, this.#faults.nextUs));
    }
  }

  #work(nowUs: number, events: DriverEvents): void {
    this.#kv.advance();
    this.#lane.advance(nowUs);
    this.#streams.advance(nowUs);
    this.#outbox.buffer.reset();
    this.#schedule.scan(nowUs, this.#streams.sink);
    this.#outbox.deliver(events, this.#faults.script.random);
    this.#streams.kvFreed();
  }

  /** Lets faults begin and end; what they change holds from now on. */
  #turnFaults(nowUs: number): void {
    const begun = this.#faults.advance(nowUs, this.#schedule.steps);
    if (begun === undefined) return;
    for (const fault of begun) if (fault.kind === 'garble') this.#outbox.garble(fault.what);
    this.#schedule.setPace(this.#faults.pace);
    this.#kv.resize(this.#faults.pace.kvTokens);
    this.#streams.kvFreed();
  }

  #tellBroken(nowUs: number, events: DriverEvents): void {
    const reason = this.#faults.takeBroken(nowUs);
    if (reason === undefined) return;
    this.#outbox.clear();
    events.broken(reason);
  }

  #orFail(subject: { stream: StreamId } | { op: number }, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isReticleError(error)) throw error;
      const failure: ReticleError = error;
      this.#outbox.before((events) => events.failed(subject, failure));
      this.#pump.soon();
    }
  }
}
