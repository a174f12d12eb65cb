/**
 * A scripted driver on a virtual clock, for tests of the host and of what stands in front of it. Streams step
 * every `stepMs`, each by its own width; a token's text is `<start><offset> `, so that any run of tokens says
 * which start it belongs to and where it lies. Contexts are kept as plain lists, so that a test can read what
 * a cut kept.
 */
import { assert, type ReticleError } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import type {
  ContextId,
  DriverEvents,
  DriverLoad,
  EngineCapabilities,
  EngineDriver,
  EngineInput,
  ItemMark,
  PrefillWork,
  StartWork,
  StepBatch,
  StreamId,
  Truncation,
} from '../contract.ts';

export type FakeDriverOptions = {
  readonly clock: Clock;
  /** Default 1 ms. */
  readonly stepMs?: number;
  /** Time of any prefill. Default 1 ms. */
  readonly prefillMs?: number;
  /** Tokens of the step that begins at an offset. Default 1. */
  readonly width?: (offset: number) => number;
  readonly maxStepTokens?: number;
  readonly slots?: number;
  /** Marks of the n-th start (0-based), in order. Default: one message from 0 to the end. */
  readonly items?: (start: number) => readonly Pick<ItemMark, 'itemIndex' | 'kind' | 'atOffset' | 'closed'>[];
  /** Where the n-th start stops by itself; default its `maxOutputTokens`. */
  readonly stopAt?: (start: number) => number | undefined;
};

type FakeStream = {
  readonly work: StartWork;
  readonly index: number;
  readonly prompt: readonly string[];
  readonly marks: Pick<ItemMark, 'itemIndex' | 'kind' | 'atOffset' | 'closed'>[];
  started: boolean;
  paused: boolean;
  halting: boolean;
  closed: boolean;
  offset: number;
};

type FakeRow = { readonly id: StreamId; readonly first: number; readonly count: number; readonly index: number };

const MODEL = { model: 'fake', modelDigest: `sha256:${'0'.repeat(64)}`, vocab: 1_000_000 };

export class FakeDriver implements EngineDriver {
  readonly model = MODEL;
  readonly capabilities: EngineCapabilities;
  /** Contents of every live context. */
  readonly contexts = new Map<ContextId, readonly string[]>([[0, []]]);
  readonly starts: StartWork[] = [];
  readonly prefills: PrefillWork[] = [];
  readonly released: ContextId[] = [];
  readonly calls: string[] = [];
  /** The next start or prefill fails with it once. */
  failNext: ReticleError | undefined;
  kvFree = true;
  readonly #options: FakeDriverOptions;
  readonly #streams = new Map<StreamId, FakeStream>();
  #events: DriverEvents | undefined;
  #cancelStep: (() => void) | undefined;

  constructor(options: FakeDriverOptions) {
    this.#options = options;
    this.capabilities = {
      cut: 'token',
      cutBlockTokens: 128,
      appendMidRun: true,
      maxStepTokens: options.maxStepTokens ?? 1,
      modalities: ['text'],
      contextTokens: 131_072,
      maxOutputTokens: 65_536,
      exactOffsets: true,
      tokenIds: true,
      seededReplay: true,
      grammar: false,
      maxTopLogprobs: 0,
      fork: true,
      park: false,
      maxSessions: 64,
    };
  }

  connect(events: DriverEvents): void {
    this.#events = events;
  }

  canStart(): boolean {
    return this.kvFree && this.#open() < (this.#options.slots ?? 16);
  }

  prefill(work: PrefillWork): void {
    this.prefills.push(work);
    const failure = this.#takeFailure();
    this.#later(() => {
      if (failure !== undefined) {
        this.#to().failed({ op: work.op }, failure);
        return;
      }
      const parent = this.#context(work.parent);
      const context = [...parent, ...inputText(work.input)];
      this.contexts.set(work.context, context);
      const counts = { contextTokens: context.length, cachedTokens: parent.length };
      this.#to().prefilled(work.op, { ...counts, prefilledTokens: context.length - parent.length });
    });
  }

  start(work: StartWork): void {
    const index = this.starts.push(work) - 1;
    const failure = this.#takeFailure();
    const parent = this.#context(work.parent);
    const prompt = [...parent, ...inputText(work.input)];
    const marks = [...(this.#options.items?.(index) ?? [mark(0, 0, false)])];
    const closed = this.#streams.get(work.stream)?.closed ?? true;
    assert(closed, 'a stream id is free when it is used again');
    const offset = work.forced.length;
    const stream = { work, index, prompt, marks, started: false, paused: false, halting: false, closed: false, offset };
    this.#streams.set(work.stream, stream);
    this.#later(() => {
      if (stream.closed || stream.halting) return;
      if (failure !== undefined) {
        stream.closed = true;
        this.#to().failed({ stream: work.stream }, failure);
        return;
      }
      stream.started = true;
      const counts = { promptTokens: prompt.length, cachedTokens: parent.length, startOffset: offset };
      this.#to().started(work.stream, counts);
      this.#wake();
    });
  }

  pause(stream: StreamId): void {
    this.calls.push(`pause ${stream}`);
    this.#stream(stream).paused = true;
  }

  resume(stream: StreamId): void {
    this.calls.push(`resume ${stream}`);
    this.#stream(stream).paused = false;
    this.#wake();
  }

  halt(stream: StreamId): void {
    this.calls.push(`halt ${stream}`);
    this.#stream(stream).halting = true;
    this.#wake();
  }

  truncate(stream: StreamId, keepThrough: number, context: ContextId): Truncation {
    const { prompt, index, started, offset, closed } = this.#stream(stream);
    assert(closed, 'a stream is truncated after it was closed');
    assert(keepThrough <= (started ? offset : 0), 'a truncation keeps what exists');
    const output = Array.from({ length: keepThrough }, (_, at) => tokenText(index, at));
    this.contexts.set(context, [...prompt, ...output]);
    return { kvAction: started ? 'cut-in-place' : 'none', kvKeptTokens: prompt.length + keepThrough };
  }

  release(context: ContextId): void {
    assert(this.contexts.delete(context), 'a context is released once');
    this.released.push(context);
  }

  load(): DriverLoad {
    const slotsTotal = this.#options.slots ?? 16;
    const open = this.#open();
    return {
      slotsTotal,
      slotsFree: slotsTotal - open,
      kvTokensTotal: 1_000_000,
      kvTokensFree: 1_000_000 - open * 1_000,
      prefillBacklogTokens: 0,
      stepMicros: open > 0 ? (this.#options.stepMs ?? 1) * 1_000 : 0,
    };
  }

  close(): void {
    this.#cancelStep?.();
  }

  #wake(): void {
    this.#cancelStep ??= this.#options.clock.after(this.#options.stepMs ?? 1, () => this.#step());
  }

  #step(): void {
    this.#cancelStep = undefined;
    const rows: FakeRow[] = [];
    const open = [...this.#streams].filter(([, stream]) => !stream.closed);
    for (const [id, stream] of open) if (stream.started && !stream.paused) this.#advance(id, stream, rows);
    if (rows.length > 0) this.#to().step(batchOf(rows, Math.floor(this.#options.clock.nowMs() * 1_000)));
    for (const [id, stream] of open) this.#stop(id, stream);
    for (const stream of this.#streams.values()) if (isRunning(stream)) this.#wake();
  }

  /** Closes the stream when it was halted or has reached its end. */
  #stop(id: StreamId, stream: FakeStream): void {
    const { started, halting, offset, work } = stream;
    const end = this.#endOf(stream);
    if (!halting && !(started && offset >= end)) return;
    stream.closed = true;
    if (halting) this.#to().halted(id, started ? offset : 0);
    else this.#to().ended(id, { finishReason: end < work.maxOutputTokens ? 'stop' : 'length', generated: offset });
  }

  #advance(id: StreamId, stream: FakeStream, rows: FakeRow[]): void {
    const end = this.#endOf(stream);
    const first = stream.offset;
    const count = Math.min(this.#options.width?.(first) ?? 1, end - first);
    if (count <= 0) return;
    stream.offset += count;
    for (let next = stream.marks[0]; next !== undefined && next.atOffset <= stream.offset; next = stream.marks[0]) {
      stream.marks.shift();
      this.#to().mark(id, { ...next, itemId: `item_${next.itemIndex}`, callId: '', toolName: '' });
    }
    rows.push({ id, first, count, index: stream.index });
  }

  #endOf(stream: FakeStream): number {
    return Math.min(this.#options.stopAt?.(stream.index) ?? Number.POSITIVE_INFINITY, stream.work.maxOutputTokens);
  }

  #open(): number {
    let open = 0;
    for (const stream of this.#streams.values()) if (!stream.closed) open++;
    return open;
  }

  #later(callback: () => void): void {
    this.#options.clock.after(this.#options.prefillMs ?? 1, callback);
  }

  #takeFailure(): ReticleError | undefined {
    const failure = this.failNext;
    this.failNext = undefined;
    return failure;
  }

  #context(context: ContextId): readonly string[] {
    const content = this.contexts.get(context);
    assert(content !== undefined, 'a context exists when work names it');
    return content;
  }

  #stream(id: StreamId): FakeStream {
    const stream = this.#streams.get(id);
    assert(stream !== undefined, 'a stream exists when the host names it');
    return stream;
  }

  #to(): DriverEvents {
    assert(this.#events !== undefined, 'the driver is connected before work');
    return this.#events;
  }
}

function isRunning({ closed, halting, started, paused }: FakeStream): boolean {
  return !closed && (halting || (started && !paused));
}

/** Text of a token of the n-th start. */
export function tokenText(start: number, offset: number): string {
  return `${String.fromCodePoint(97 + (start % 26))}${offset} `;
}

function mark(
  itemIndex: number,
  atOffset: number,
  closed: boolean,
): Pick<ItemMark, 'itemIndex' | 'kind' | 'atOffset' | 'closed'> {
  return { itemIndex, kind: 'message', atOffset, closed };
}

function inputText(input: readonly EngineInput[]): string[] {
  return input.flatMap((part) => (part.kind === 'item' ? [part.json] : part.ids.map(String)));
}

function batchOf(rows: readonly FakeRow[], dueMicros: number): StepBatch {
  const texts = rows.flatMap(({ first, count, index }) =>
    Array.from({ length: count }, (_, at) => Buffer.from(tokenText(index, first + at))),
  );
  const ids = rows.flatMap(({ first, count }) => Array.from({ length: count }, (_, at) => first + at));
  return {
    rows: rows.length,
    stream: Uint32Array.from(rows, (row) => row.id),
    firstOffset: Uint32Array.from(rows, (row) => row.first),
    count: Uint32Array.from(rows, (row) => row.count),
    dueMicros: new Uint32Array(rows.length).fill(dueMicros),
    tokenId: Uint32Array.from(ids),
    textLength: Uint32Array.from(texts, (text) => text.length),
    text: Buffer.concat(texts),
    tokens: ids.length,
    textBytes: texts.reduce((sum, text) => sum + text.length, 0),
  };
}
