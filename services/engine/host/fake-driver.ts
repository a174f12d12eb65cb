/**
 * A scripted driver on a virtual clock, for tests of the host and of what stands in front of it. Streams step
 * every `stepMs`, each by its own width; a token's text is `<start><offset> `, so that any run of tokens says
 * which start it belongs to and where it lies; or, with `tokens: 'prompt'`, a function of everything before it, as
 * of a model, so that two drivers agree on a turn exactly when they agree on its prompt. Contexts are kept as plain
 * lists, so that a test can read what a cut kept.
 */
import { assert, ReticleError } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import type {
  ContextId,
  DriverEvents,
  DriverLoad,
  EngineCapabilities,
  EngineDriver,
  EngineInput,
  ItemMark,
  Parkable,
  PrefillWork,
  StartWork,
  StepBatch,
  StreamId,
  TokenColumns,
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
  /** Default `start`: the text names the start, and ids are offsets. */
  readonly tokens?: 'start' | 'prompt';
};

/** What a stream says at an offset; `kept` stands for it in a context. */
type FakeToken = { readonly id: number; readonly text: string; readonly kept: string };

type FakeStream = {
  readonly work: StartWork;
  readonly index: number;
  readonly prompt: readonly string[];
  readonly token: (offset: number) => FakeToken;
  readonly marks: Pick<ItemMark, 'itemIndex' | 'kind' | 'atOffset' | 'closed'>[];
  started: boolean;
  paused: boolean;
  halting: boolean;
  closed: boolean;
  offset: number;
};

type FakeRow = { readonly id: StreamId; readonly first: number; readonly tokens: readonly FakeToken[] };

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
  readonly parked: Parkable[] = [];
  /** The next start or prefill fails with it once. */
  failNext: ReticleError | undefined;
  kvFree = true;
  readonly #options: FakeDriverOptions;
  readonly #streams = new Map<StreamId, FakeStream>();
  #events: DriverEvents | undefined;
  #cancelStep: (() => void) | undefined;
  #broken = false;

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
    const parent = this.#context(work.parent);
    this.#later(() => {
      if (failure !== undefined) {
        this.#to().failed({ op: work.op }, failure);
        return;
      }
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
    const token = this.#options.tokens === 'prompt' ? promptTokens(prompt) : startTokens(index);
    const states = { started: false, paused: false, halting: false, closed: false };
    const stream = { work, index, prompt, token, marks, offset, ...states };
    this.#streams.set(work.stream, stream);
    this.#later(() => this.#begin(stream, failure ?? this.#refuse(stream), parent.length));
  }

  #begin(stream: FakeStream, failure: ReticleError | undefined, cachedTokens: number): void {
    const { work, prompt, offset } = stream;
    if (stream.closed || stream.halting) return;
    if (failure !== undefined) {
      stream.closed = true;
      this.#to().failed({ stream: work.stream }, failure);
      return;
    }
    stream.started = true;
    this.#to().started(work.stream, { promptTokens: prompt.length, cachedTokens, startOffset: offset });
    if (offset > 0) this.#tellMarks(work.stream, stream);
    this.#wake();
  }

  /** As a model that verifies what it is told to have said. */
  #refuse(stream: FakeStream): ReticleError | undefined {
    const { work, token } = stream;
    const own = this.#options.tokens !== 'prompt' || work.forced.every((id, at) => id === token(at).id);
    if (own && work.forced.length <= this.#endOf(stream)) return undefined;
    return new ReticleError('internal', 'the delivered tokens are of another turn');
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
    const { prompt, token, started, offset, closed } = this.#stream(stream);
    assert(closed, 'a stream is truncated after it was closed');
    assert(keepThrough <= offset, 'a truncation keeps what exists');
    const output = Array.from({ length: keepThrough }, (_, at) => token(at).kept);
    this.contexts.set(context, [...prompt, ...output]);
    return { kvAction: started ? 'cut-in-place' : 'none', kvKeptTokens: prompt.length + keepThrough };
  }

  forcedTokens(id: StreamId, first: number): TokenColumns {
    const { work, token, started } = this.#stream(id);
    assert(started, 'forced tokens are those of a stream that has started');
    assert(first >= 0 && first <= work.forced.length, 'forced tokens lie below the start offset');
    return columnsOf(Array.from({ length: work.forced.length - first }, (_, at) => token(first + at)));
  }

  park(subject: Parkable): void {
    this.parked.push(subject);
  }

  /** Nothing more comes from here on. */
  break(reason: string): void {
    this.#broken = true;
    this.#cancelStep?.();
    this.#to().broken(reason);
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
    if (this.#broken) return;
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
    if (halting) this.#to().halted(id, offset);
    else this.#to().ended(id, { finishReason: end < work.maxOutputTokens ? 'stop' : 'length', generated: offset });
  }

  #advance(id: StreamId, stream: FakeStream, rows: FakeRow[]): void {
    const end = this.#endOf(stream);
    const first = stream.offset;
    const count = Math.min(this.#options.width?.(first) ?? 1, end - first);
    if (count <= 0) return;
    stream.offset += count;
    this.#tellMarks(id, stream);
    rows.push({ id, first, tokens: Array.from({ length: count }, (_, at) => stream.token(first + at)) });
  }

  #tellMarks(id: StreamId, stream: FakeStream): void {
    for (let next = stream.marks[0]; next !== undefined && next.atOffset <= stream.offset; next = stream.marks[0]) {
      stream.marks.shift();
      this.#to().mark(id, { ...next, itemId: `item_${next.itemIndex}`, callId: '', toolName: '' });
    }
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
    this.#options.clock.after(this.#options.prefillMs ?? 1, () => {
      if (!this.#broken) callback();
    });
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

function startTokens(index: number): (offset: number) => FakeToken {
  return (offset) => ({ id: offset, text: tokenText(index, offset), kept: tokenText(index, offset) });
}

/** FNV-1a over the prompt and the offset: what comes next depends on all that came before. */
function promptTokens(prompt: readonly string[]): (offset: number) => FakeToken {
  const start = hashed(2_166_136_261, prompt.join('\n'));
  return (offset) => {
    const id = hashed(start, ` ${offset}`) % MODEL.vocab;
    return { id, text: `${id} `, kept: `${id}` };
  };
}

function hashed(start: number, text: string): number {
  let hash = start;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 16_777_619);
  return hash >>> 0;
}

function columnsOf(tokens: readonly FakeToken[]): TokenColumns {
  const texts = tokens.map(({ text }) => Buffer.from(text));
  return {
    tokenId: Uint32Array.from(tokens, ({ id }) => id),
    textLength: Uint32Array.from(texts, (text) => text.length),
    text: Buffer.concat(texts),
  };
}

function batchOf(rows: readonly FakeRow[], dueMicros: number): StepBatch {
  const columns = columnsOf(rows.flatMap(({ tokens }) => tokens));
  return {
    rows: rows.length,
    stream: Uint32Array.from(rows, (row) => row.id),
    firstOffset: Uint32Array.from(rows, (row) => row.first),
    count: Uint32Array.from(rows, (row) => row.tokens.length),
    dueMicros: new Uint32Array(rows.length).fill(dueMicros),
    ...columns,
    tokens: columns.tokenId.length,
    textBytes: columns.text.length,
  };
}
