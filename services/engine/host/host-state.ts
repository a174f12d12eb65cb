/** What the host's parts share: the driver, its streams, contexts and operations, and the sessions. */
import { assert, ReticleError } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import type { Failpoint } from '@reticle/core/process';
import { limits } from '@reticle/proto/contract';
import type { ContextId, EngineDriver, StreamId } from '../contract.ts';
import type { LinkChannel } from './link-channel.ts';
import type { EngineHostOptions, EngineIdentity, HostObserver } from './ports.ts';
import type { PrefillCounts, PrefixNode, Session } from './session.ts';
import type { Turn } from './turn.ts';

/** How a prefill operation of the driver ends. */
export type PrefillOutcome = PrefillCounts | ReticleError;

/** `failed`: the replica is broken and its driver says nothing any more; what the host holds can still be fetched. */
export type HostCondition = 'ready' | 'draining' | 'fenced' | 'failed';

/** Delay told with a refusal because of the condition. */
const RETRY_MS = 1_000;

const SILENT: HostObserver = { count() {}, turnEnded() {} };

export class HostState {
  readonly driver: EngineDriver;
  readonly clock: Clock;
  readonly identity: EngineIdentity;
  readonly observer: HostObserver;
  readonly failpoint: Failpoint;
  readonly ringTokens: number;
  readonly sessions = new Map<string, Session>();
  readonly channels = new Set<LinkChannel>();
  readonly operations = new Map<number, (outcome: PrefillOutcome) => void>();
  condition: HostCondition = 'ready';
  /** Counts any work done: tokens, prefills, ends (PROTOCOL E7). */
  progress = 0;
  /** Tokens ever taken from the driver, for the rate in `Load`. */
  tokens = 0;
  /** Called when a slot, a session or the condition changes. */
  changed: () => void = () => {};
  /** Answers the controls that wait for a turn which has ended without a cut. */
  settleUncut: (turn: Turn) => void = () => {};
  readonly #streams: (Turn | undefined)[] = [];
  readonly #freeStreams: StreamId[] = [];
  #lastContext: ContextId = 0;
  #lastOperation = 0;
  #backlogTokens = 0;

  constructor({ driver, clock, identity, observer, failpoint, ringTokens }: EngineHostOptions) {
    this.driver = driver;
    this.clock = clock;
    this.identity = identity;
    this.observer = observer ?? SILENT;
    this.failpoint = failpoint ?? ((): void => {});
    this.ringTokens = ringTokens ?? limits.ringTokens;
  }

  /** A stream id for the turn: the smallest that was free longest, since drivers index arrays by it. */
  openStream(turn: Turn): StreamId {
    const stream = this.#freeStreams.pop() ?? this.#streams.length;
    this.#streams[stream] = turn;
    return stream;
  }

  turnOf(stream: StreamId): Turn | undefined {
    return this.#streams[stream];
  }

  closeStream(turn: Turn): void {
    assert(this.#streams[turn.stream] === turn, 'a stream is closed once, by its own turn');
    this.#streams[turn.stream] = undefined;
    this.#freeStreams.push(turn.stream);
    turn.stream = -1;
  }

  /** Turns that hold a stream of the driver. */
  *running(): Iterable<Turn> {
    for (const turn of this.#streams) if (turn !== undefined) yield turn;
  }

  nextContext(): ContextId {
    return ++this.#lastContext;
  }

  nextOperation(): number {
    return ++this.#lastOperation;
  }

  releaseContext(context: ContextId | undefined): void {
    if (context !== undefined && context !== 0) this.driver.release(context);
  }

  /** Releases a prefix once; one that is still being made releases itself (prefill.ts). */
  releaseNode(node: PrefixNode): void {
    if (node.released || node.waiting !== undefined) return;
    node.released = true;
    this.releaseContext(node.context);
  }

  /** Why this host takes no new sessions or work; meaningless while it is ready. */
  refusal(): ReticleError {
    if (this.condition === 'failed')
      return new ReticleError('engine_lost', 'the engine is broken', { retryAfterMs: 0 });
    return new ReticleError('draining', 'the engine takes no new work', { retryAfterMs: RETRY_MS });
  }

  /** Sends everything that may leave, on every link. */
  flush(): void {
    for (const channel of this.channels) channel.flush(this.progress);
  }

  /**
   * `progress`, with a prefill that has come further since the last call counted as progress. A host that owes nothing
   * moves with every question, so that a gateway whose lane has credit left takes no paused stream for a hung engine.
   */
  progressNow(): number {
    const { prefillBacklogTokens } = this.driver.load();
    if (prefillBacklogTokens !== this.#backlogTokens || !this.#owes()) this.progress++;
    this.#backlogTokens = prefillBacklogTokens;
    return this.progress;
  }

  #owes(): boolean {
    if (this.operations.size > 0) return true;
    for (const turn of this.running()) if (turn.phase !== 'decoding' || turn.pauseReasons === 0) return true;
    return false;
  }

  nowMicros(): number {
    return Math.floor(this.clock.nowMs() * 1_000) % 2 ** 32;
  }
}
