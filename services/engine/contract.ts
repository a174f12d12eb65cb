/**
 * The engine contract: what the host asks of a driver and what a driver tells the host. Drivers
 * (wafer simulator, llama.cpp, OpenAI-compatible upstream) implement it; one conformance suite runs
 * against each of them.
 *
 * Division of work. The driver owns the model: KV, prefill, pace, token content. The host owns the
 * turn: offsets, ring, credit, epochs, cuts' effective offset, idempotency, links. A driver knows no
 * session, tenant, lane or epoch.
 *
 * Invariants
 *  C1 Every call returns at once; results come as events, from the driver's own pump, never from
 *     inside the call that asked (so the host is never re-entered).
 *  C2 Tokens of a stream are emitted in order with no gap: the first row starts at `startOffset`.
 *  C3 After `halt` of a stream the driver finishes the running step at most, then tells `halted`, and
 *     emits nothing more for that stream. `truncate` then fixes what the KV keeps.
 *  C4 A context is immutable: a turn's end is a new context, so forks share KV and a cut copies at most
 *     one partial block. `release` drops a reference; KV is freed with the last one.
 *  C5 Exactly one of `ended`, `halted` or `failed` closes a stream, after its last row.
 */
import type { ReticleError } from '@reticle/core/domain';

/** A running generation; chosen by the host, reused only after the stream is closed. Indexes typed arrays: small. */
export type StreamId = number;
/** A node of the driver's KV tree; chosen by the host, never reused. 0 is the empty context. */
export type ContextId = number;

export type EngineInput =
  | { readonly kind: 'item'; readonly json: string }
  | { readonly kind: 'tokens'; readonly ids: readonly number[] };

export type CutGranularity = 'token' | 'block' | 'checkpoint' | 'none';

/** What the driver can do; sent to gateways in `Welcome` and `Presence` (PROTOCOL §2 `Capabilities`). */
export type EngineCapabilities = {
  readonly cut: CutGranularity;
  readonly cutBlockTokens: number;
  readonly appendMidRun: boolean;
  readonly maxStepTokens: number;
  readonly modalities: readonly string[];
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
  readonly exactOffsets: boolean;
  readonly tokenIds: boolean;
  readonly seededReplay: boolean;
  readonly grammar: boolean;
  readonly maxTopLogprobs: number;
  readonly fork: boolean;
  readonly park: boolean;
  readonly maxSessions: number;
};

export type EngineModel = {
  readonly model: string;
  readonly modelDigest: string;
  readonly vocab: number;
};

export type SamplingParams = {
  /** 0 is greedy. Absent: the model's default. */
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  readonly stop: readonly string[];
  /** JSON of `text.format`; only where `capabilities.grammar` is true. */
  readonly textFormat?: string;
  /** Canonical JSON of the tools that the turn may call; what the context was told stands in its input. */
  readonly tools?: string;
  /** JSON of `tool_choice`; absent: `"auto"`. */
  readonly toolChoice?: string;
  /** False: at most one call. Absent: any number. */
  readonly parallelToolCalls?: boolean;
};

/** Extends a context with input tokens, without generating. */
export type PrefillWork = {
  /** Chosen by the caller, echoed in `prefilled` or `failed`. */
  readonly op: number;
  readonly parent: ContextId;
  /** The context to make: parent + input. */
  readonly context: ContextId;
  readonly input: readonly EngineInput[];
  /** True when the parent ends in generated text, so the template closes it first (core/domain/tokens). */
  readonly afterOutput: boolean;
};

/** Starts a stream: prefill parent + input (+ forced), then decode. */
export type StartWork = {
  readonly stream: StreamId;
  readonly parent: ContextId;
  readonly input: readonly EngineInput[];
  readonly afterOutput: boolean;
  readonly params: SamplingParams;
  /** 0-based index among sibling turns of one request (Chat `n`); part of the sampler's identity. */
  readonly choice: number;
  readonly maxOutputTokens: number;
  /** False when the client named no limit, so that `maxOutputTokens` is only what context and engine leave. Default true. */
  readonly outputLimited?: boolean;
  /** `max` generates exactly `maxOutputTokens`; `natural` may stop earlier; absent: the driver's default. */
  readonly length?: 'natural' | 'max';
  /**
   * Tokens already delivered by another engine: verified, prefilled, and continued after (PROTOCOL E6). The marks of
   * items among them are told again, between `started` and the first row.
   */
  readonly forced: readonly number[];
  /** Successor of a redirect: its prefill goes before other turns' (PROTOCOL E9). */
  readonly successor: boolean;
  /** Among prefills of turns the higher goes first (PROTOCOL E9); from the tier. Default 0. */
  readonly priority?: number;
};

export type DriverLoad = {
  readonly slotsTotal: number;
  readonly slotsFree: number;
  readonly kvTokensTotal: number;
  readonly kvTokensFree: number;
  readonly prefillBacklogTokens: number;
  /** Step time in force, µs; 0 when nothing runs. */
  readonly stepMicros: number;
};

/**
 * One wake's tokens of all streams, columnar. Row i is `count[i]` tokens of `stream[i]` from
 * `firstOffset[i]`; ids and lengths are concatenated over rows, text likewise. The driver reuses the
 * arrays: the host copies what it keeps before it returns.
 */
export type StepBatch = {
  rows: number;
  readonly stream: Uint32Array;
  readonly firstOffset: Uint32Array;
  readonly count: Uint32Array;
  /** Due time of the row's newest token, µs modulo 2^32. */
  readonly dueMicros: Uint32Array;
  readonly tokenId: Uint32Array;
  /** Bytes of each token's text. */
  readonly textLength: Uint32Array;
  readonly text: Uint8Array;
  /** Tokens and text bytes in use. */
  tokens: number;
  textBytes: number;
};

export type ItemKind = 'message' | 'reasoning' | 'function-call' | 'custom-tool-call';

/** An output item opens or closes at an offset of a stream. Told before the rows at or past that offset. */
export type ItemMark = {
  readonly itemIndex: number;
  readonly kind: ItemKind;
  readonly atOffset: number;
  readonly closed: boolean;
  readonly itemId: string;
  readonly callId: string;
  readonly toolName: string;
};

export interface DriverEvents {
  prefilled(op: number, result: { contextTokens: number; cachedTokens: number; prefilledTokens: number }): void;
  /** Prefill of a stream is done and its first step is scheduled. */
  started(stream: StreamId, result: { promptTokens: number; cachedTokens: number; startOffset: number }): void;
  mark(stream: StreamId, mark: ItemMark): void;
  step(batch: StepBatch): void;
  /** The stream finished by itself; `generated` is its end offset. */
  ended(stream: StreamId, result: { finishReason: 'stop' | 'length'; generated: number }): void;
  /**
   * Answer to `halt`: nothing at or past `generated` exists. A stream that had not started yet has generated what was
   * forced: its count, 0 without any.
   */
  halted(stream: StreamId, generated: number): void;
  failed(subject: { stream: StreamId } | { op: number }, error: ReticleError): void;
  /**
   * The replica cannot go on (a stage is gone): nothing more comes for any stream or operation, not even an end. The
   * host tells its gateways, which go elsewhere. Told once.
   */
  broken(reason: string): void;
}

/** Ids, text lengths (bytes) and text of consecutive tokens. */
export type TokenColumns = {
  readonly tokenId: Uint32Array;
  readonly textLength: Uint32Array;
  readonly text: Uint8Array;
};

/** What may leave the wafer while nobody uses it. */
export type Parkable = { readonly stream: StreamId } | { readonly context: ContextId };

export type Truncation = {
  readonly kvAction: 'cut-in-place' | 'block-aligned-cut' | 'checkpoint-replay' | 'reprefill' | 'none';
  /** Tokens of context + output whose KV is kept. */
  readonly kvKeptTokens: number;
};

export interface EngineDriver {
  readonly model: EngineModel;
  readonly capabilities: EngineCapabilities;
  /** Called once before any work. */
  connect(events: DriverEvents): void;
  /** False when no KV or slot is free for this work now; the host answers `no_capacity`. */
  canStart(work: { readonly parent: ContextId; readonly inputTokensMax: number }): boolean;
  prefill(work: PrefillWork): void;
  start(work: StartWork): void;
  /** Stops emission at the next step border (ring full); the stream leaves the batch. */
  pause(stream: StreamId): void;
  resume(stream: StreamId): void;
  /** Asks the stream to stop at the end of its running step. */
  halt(stream: StreamId): void;
  /**
   * After `halted` or `ended`: makes `context` = the stream's prompt + output [0, keepThrough) and frees the rest.
   * Synchronous: the KV tail is dropped at once. `promptOnly` contexts have keepThrough 0. A stream that had not
   * started keeps its prompt and its forced tokens below keepThrough.
   */
  truncate(stream: StreamId, keepThrough: number, context: ContextId): Truncation;
  /**
   * The forced tokens [first, forced.length) of a stream that has started, with their text, so that they can be
   * replayed like any other. Valid until the next call of the driver.
   */
  forcedTokens(stream: StreamId, first: number): TokenColumns;
  /**
   * A hint: the subject is idle, its KV may leave the wafer. `resume`, or work on the context, brings it back at the
   * price of a restore. Does nothing where `capabilities.park` is false.
   */
  park(subject: Parkable): void;
  /** Drops a reference to a context. */
  release(context: ContextId): void;
  load(): DriverLoad;
  close(): void;
}
