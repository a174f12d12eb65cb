import { assert, type ReticleError } from '@reticle/core/domain';
import type { DriverEvents, EngineDriver, ItemMark, StepBatch, StreamId } from '../contract.ts';

/** How a stream closed. */
export type Terminal =
  | { readonly kind: 'ended'; readonly finishReason: 'stop' | 'length'; readonly generated: number }
  | { readonly kind: 'halted'; readonly generated: number }
  | { readonly kind: 'failed'; readonly error: ReticleError };

/** What a driver told about one use of a stream id. */
export type RecordedStream = {
  started: { promptTokens: number; cachedTokens: number; startOffset: number } | undefined;
  /** Tokens that the stream was told to have said. */
  readonly forced: number;
  readonly ids: number[];
  readonly texts: Uint8Array[];
  /** Tokens of each row. */
  readonly rows: number[];
  readonly marks: ItemMark[];
  terminal: Terminal | undefined;
};

export type RecordedOp =
  | {
      readonly kind: 'prefilled';
      readonly contextTokens: number;
      readonly cachedTokens: number;
      readonly prefilledTokens: number;
    }
  | { readonly kind: 'failed'; readonly error: ReticleError };

/** Called after an event was checked and noted, for tests that act from inside one. */
export type Reaction = (event: 'started' | 'step' | 'closed', stream: StreamId) => void;

/**
 * Records what a driver tells and throws on what the contract forbids: an event from inside a call (C1), a gap or
 * a step back (C2), anything after a terminal or a second one (C3, C5), rows before `started`, an item of which the
 * rows come before the mark, columns that do not add up, a replica that speaks after it has broken.
 */
export class Recorder implements DriverEvents {
  readonly #streams = new Map<StreamId, RecordedStream>();
  readonly #ops = new Map<number, RecordedOp>();
  #calls = 0;
  react: Reaction = () => undefined;
  /** The reason that the driver gave when it broke. */
  brokenFor: string | undefined;

  /** The driver, with every call watched for C1. */
  watch(driver: EngineDriver): EngineDriver {
    const during = <Result>(call: () => Result): Result => {
      this.#calls += 1;
      try {
        return call();
      } finally {
        this.#calls -= 1;
      }
    };
    return {
      model: driver.model,
      capabilities: driver.capabilities,
      connect: (events) => during(() => driver.connect(events)),
      canStart: (work) => during(() => driver.canStart(work)),
      prefill: (work) => during(() => driver.prefill(work)),
      start: (work) => {
        this.#streams.set(work.stream, emptyStream(work.forced.length));
        during(() => driver.start(work));
      },
      pause: (stream) => during(() => driver.pause(stream)),
      resume: (stream) => during(() => driver.resume(stream)),
      halt: (stream) => during(() => driver.halt(stream)),
      truncate: (stream, keepThrough, context) => during(() => driver.truncate(stream, keepThrough, context)),
      forcedTokens: (stream, first) => during(() => driver.forcedTokens(stream, first)),
      park: (subject) => during(() => driver.park(subject)),
      release: (context) => during(() => driver.release(context)),
      load: () => during(() => driver.load()),
      close: () => during(() => driver.close()),
    };
  }

  stream(id: StreamId): RecordedStream {
    const stream = this.#streams.get(id);
    assert(stream !== undefined, 'the stream was started');
    return stream;
  }

  op(op: number): RecordedOp | undefined {
    return this.#ops.get(op);
  }

  prefilled(op: number, result: { contextTokens: number; cachedTokens: number; prefilledTokens: number }): void {
    this.#outsideCalls();
    assert(!this.#ops.has(op), 'an op is answered once');
    this.#ops.set(op, { kind: 'prefilled', ...result });
  }

  started(id: StreamId, result: { promptTokens: number; cachedTokens: number; startOffset: number }): void {
    const stream = this.#openStream(id);
    assert(stream.started === undefined, 'a stream starts once');
    assert(result.startOffset === stream.forced, 'a stream starts behind what it was told to have said');
    stream.started = result;
    this.react('started', id);
  }

  mark(id: StreamId, mark: ItemMark): void {
    const stream = this.#openStream(id);
    assert(mark.atOffset >= (stream.marks.at(-1)?.atOffset ?? 0), 'marks come in order of offset');
    assert(
      mark.closed || mark.atOffset >= lengthOf(stream) || lengthOf(stream) === startOf(stream),
      'a mark precedes its rows',
    );
    stream.marks.push(mark);
  }

  step(batch: StepBatch): void {
    this.#outsideCalls();
    let token = 0;
    let byte = 0;
    for (let row = 0; row < batch.rows; row += 1) {
      const id = batch.stream[row] ?? -1;
      const stream = this.#openStream(id);
      assert(stream.started !== undefined, 'rows come after started');
      assert(stream.marks.length > 0, 'tokens belong to an open item');
      assert(batch.firstOffset[row] === lengthOf(stream), 'a row begins where the last one ended');
      const count = batch.count[row] ?? 0;
      assert(count > 0, 'a row holds a token');
      stream.rows.push(count);
      for (let last = token + count; token < last; token += 1) {
        const bytes = batch.textLength[token] ?? 0;
        stream.ids.push(batch.tokenId[token] ?? -1);
        stream.texts.push(batch.text.slice(byte, byte + bytes));
        byte += bytes;
      }
    }
    assert(token === batch.tokens && byte === batch.textBytes, 'rows, tokens and text add up');
    for (const id of new Set(batch.stream.slice(0, batch.rows))) this.react('step', id);
  }

  ended(id: StreamId, result: { finishReason: 'stop' | 'length'; generated: number }): void {
    const stream = this.#openStream(id);
    assert(stream.started !== undefined, 'only a started stream ends by itself');
    assert(result.generated === lengthOf(stream), 'a stream ends after its last row');
    this.#close(id, { kind: 'ended', ...result });
  }

  halted(id: StreamId, generated: number): void {
    const stream = this.#openStream(id);
    assert(generated === lengthOf(stream), 'a halt is told after the last row');
    this.#close(id, { kind: 'halted', generated });
  }

  failed(subject: { stream: StreamId } | { op: number }, error: ReticleError): void {
    this.#outsideCalls();
    if ('stream' in subject) this.#close(subject.stream, { kind: 'failed', error });
    else this.#ops.set(subject.op, { kind: 'failed', error });
  }

  broken(reason: string): void {
    this.#outsideCalls();
    this.brokenFor = reason;
  }

  #close(id: StreamId, terminal: Terminal): void {
    this.#openStream(id).terminal = terminal;
    this.react('closed', id);
  }

  #openStream(id: StreamId): RecordedStream {
    this.#outsideCalls();
    const stream = this.stream(id);
    assert(stream.terminal === undefined, 'nothing follows a terminal');
    return stream;
  }

  #outsideCalls(): void {
    assert(this.#calls === 0, 'no event comes from inside a call');
    assert(this.brokenFor === undefined, 'a broken replica says nothing more');
  }
}

function emptyStream(forced: number): RecordedStream {
  return { started: undefined, forced, ids: [], texts: [], rows: [], marks: [], terminal: undefined };
}

function startOf(stream: RecordedStream): number {
  return stream.forced;
}

function lengthOf(stream: RecordedStream): number {
  return startOf(stream) + stream.ids.length;
}
