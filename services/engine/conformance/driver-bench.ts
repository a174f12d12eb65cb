import { assert } from '@reticle/core/domain';
import type { ContextId, EngineDriver, StartWork, StreamId, Truncation } from '../contract.ts';
import { Recorder, type RecordedStream, type Terminal } from './recorder.ts';

/** A driver under test and the passing of its time. */
export type DriverUnderTest = {
  readonly driver: EngineDriver;
  /** Lets time pass until the condition holds; fails when it does not come to hold. */
  settle(until: () => boolean): Promise<void>;
  /** Lets `steps` decode steps of one stream pass; fractions are part of a step. */
  steps(steps: number): Promise<void>;
  /** True when every step is told in a row of its own, so that row sizes are step widths. */
  readonly exactSteps: boolean;
  /** Breaks the replica, where there is a way: `broken` is told now or while time passes. */
  readonly breakNow?: () => void;
};

export type DriverFactory = () => DriverUnderTest;

/** Prompt tokens that any model has in its vocabulary. */
export function promptIds(count: number, from = 1): readonly number[] {
  return Array.from({ length: count }, (_, index) => 1 + ((from * 31 + index) % 997));
}

type StartAsk = Partial<StartWork> & { readonly ids?: readonly number[] };

/** A watched driver with short-hands: tokens as input, greedy seeded turns of an exact length, ids handed out. */
export class DriverBench {
  readonly recorder = new Recorder();
  readonly driver: EngineDriver;
  readonly under: DriverUnderTest;
  #stream = 0;
  #context = 0;
  #op = 0;

  constructor(factory: DriverFactory) {
    this.under = factory();
    this.driver = this.recorder.watch(this.under.driver);
    this.driver.connect(this.recorder);
  }

  newContext(): ContextId {
    this.#context += 1;
    return this.#context;
  }

  start(ask: StartAsk = {}): StreamId {
    const { ids = promptIds(40), ...work } = ask;
    const stream = ask.stream ?? (this.#stream += 1);
    this.driver.start({
      parent: 0,
      input: [{ kind: 'tokens', ids }],
      afterOutput: false,
      params: { temperature: 0, seed: 7, stop: [] },
      choice: 0,
      maxOutputTokens: 64,
      length: 'max',
      forced: [],
      successor: false,
      ...work,
      stream,
    });
    return stream;
  }

  async prefill(parent: ContextId, ids: readonly number[]): Promise<ContextId> {
    const op = (this.#op += 1);
    const context = this.newContext();
    this.driver.prefill({ op, parent, context, input: [{ kind: 'tokens', ids }], afterOutput: false });
    await this.under.settle(() => this.recorder.op(op) !== undefined);
    assert(this.recorder.op(op)?.kind === 'prefilled', 'the prefix was prefilled');
    return context;
  }

  seen(stream: StreamId): RecordedStream {
    return this.recorder.stream(stream);
  }

  async closed(stream: StreamId): Promise<Terminal> {
    await this.under.settle(() => this.seen(stream).terminal !== undefined);
    const { terminal } = this.seen(stream);
    assert(terminal !== undefined, 'the stream is closed');
    return terminal;
  }

  /** Runs until at least so many tokens are out. */
  async tokens(stream: StreamId, count: number): Promise<void> {
    await this.under.settle(() => this.seen(stream).ids.length >= count);
  }

  /** Halts, and returns the end offset. */
  async halt(stream: StreamId): Promise<number> {
    this.driver.halt(stream);
    const terminal = await this.closed(stream);
    assert(terminal.kind === 'halted', 'the stream was halted');
    return terminal.generated;
  }

  truncate(stream: StreamId, keepThrough: number): Truncation & { readonly context: ContextId } {
    const context = this.newContext();
    return { ...this.driver.truncate(stream, keepThrough, context), context };
  }

  /** Output of a turn that nobody disturbs. */
  async output(ask: StartAsk): Promise<readonly number[]> {
    const stream = this.start(ask);
    await this.closed(stream);
    this.driver.release(this.truncate(stream, 0).context);
    return this.seen(stream).ids;
  }
}
