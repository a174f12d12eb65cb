/**
 * One link to one engine, kept up. Invariants:
 *  L1 At most one stream at a time; a new one begins only after the old one was declared dead.
 *  L2 A link is usable only after a Welcome that names the engine, digest and region that were routed to,
 *     at or above the routed replica epoch (E2).
 *  L3 After `linkPingMs` of silence there is a Ping; after `linkDeadMs` of silence the link is dead (E7).
 *  L4 Death is told once per link, with its cause; the handles of a dead link reach nobody.
 *  L5 While a turn is owed tokens there is a Ping every `linkPingMs`, whatever else is heard; a step count that stays
 *     the same for `linkDeadMs` (`upstreamStallMs` where offsets are nominal) is a hung engine (E7).
 *
 *  state     want        Welcome ok   Welcome wrong   stream closed   silence 1 s   backoff over
 *  idle      dialling    –            –               –               –             –
 *  dialling  –           ready        waiting         waiting         waiting       –
 *  ready     –           –            waiting         waiting         waiting       –
 *  waiting   (waits)     –            –               –               –             dialling
 *  closed    –           –            –               –               –             –
 */
import { assert, ReticleError } from '@reticle/core/domain';
import { Backoff, type Clock, type Random } from '@reticle/core/flow';
import type { Logger } from '@reticle/core/process';
import { limits } from '@reticle/proto/contract';
import { messageCodec } from '@reticle/proto/load';
import { StepFrameReader } from '@reticle/proto/wire';
import type { LinkResponse, LinkResponse__Input } from '@reticle/proto/gen/engine/v1/LinkResponse';
import type { Load } from '@reticle/proto/gen/engine/v1/Load';
import type { Welcome } from '@reticle/proto/gen/engine/v1/Welcome';
import type { EngineEntry } from '../engine-directory.ts';
import type { EngineLink, LinkFacts, LinkLoss } from './engine-link.ts';
import { LinkTable } from './link-table.ts';
import type { LinkTransport, OpenLink } from './link-transport.ts';

/** Version of the link protocol (PROTOCOL E2). */
const PROTOCOL_VERSION = 1;
const BACKOFF_BASE_MS = 50;
const BACKOFF_CAP_MS = 2_000;
/** An upstream's pauses are not its replica's doing (PROTOCOL E7). */
const UPSTREAM_STALL_MS = 5_000;

export type LinkClientOptions = {
  readonly transport: LinkTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly gatewayId: string;
  /** Distinguishes restarts of one gateway. */
  readonly incarnation: string;
  readonly region: string;
  /** A report of the engine's load, exact and newer than its presence. */
  readonly onLoad: (engineId: string, load: Load) => void;
  /** The engine answers on its link: told once per `linkPingMs` while that is so. */
  readonly onAlive: (engine: EngineEntry) => void;
  /** The link died, or could not be made. */
  readonly onLost: (cause: LinkLoss) => void;
};

/** One Ping that was sent and answered lies in it. */
const ALIVE_MS = 2 * limits.linkPingMs;

type Waiter = {
  /** Waits for one dial alone: whoever asks has another engine to turn to (E7). */
  readonly oneDial: boolean;
  readonly resolve: (link: EngineLink) => void;
  readonly reject: (error: ReticleError) => void;
};

export class LinkClient {
  readonly #options: LinkClientOptions;
  readonly #frame = new StepFrameReader();
  readonly #codec = messageCodec<LinkResponse__Input, LinkResponse>('reticle.engine.v1.LinkResponse');
  readonly #backoff: Backoff;
  readonly #waiters = new Set<Waiter>();
  #engine: EngineEntry;
  #state: 'idle' | 'dialling' | 'ready' | 'waiting' | 'closed' = 'idle';
  #stream: OpenLink | undefined;
  #table: LinkTable | undefined;
  #heardMs = 0;
  /** Progress of the engine as it was told last, and when it last changed or nothing was owed. */
  #step = -1;
  #steppedMs = 0;
  #nonce = 0;
  #cancelTimer: () => void = () => {};

  constructor(engine: EngineEntry, options: LinkClientOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#backoff = new Backoff({ random: options.random, baseMs: BACKOFF_BASE_MS, capMs: BACKOFF_CAP_MS });
  }

  /** The link when it is up, or as soon as it is; `engine_lost` after `boundMs` without one. */
  ready(engine: EngineEntry, boundMs: number = limits.linkDeadMs): Promise<EngineLink> {
    this.#engine = engine;
    if (this.#state === 'ready' && this.#table !== undefined) return Promise.resolve(this.#table);
    if (this.#state === 'closed') return Promise.reject(lostError());
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.after(boundMs, () => {
        this.#waiters.delete(waiter);
        reject(lostError());
      });
      const waiter: Waiter = {
        oneDial: boundMs < limits.linkDeadMs,
        resolve: (link) => {
          cancel();
          resolve(link);
        },
        reject: (error) => {
          cancel();
          reject(error);
        },
      };
      this.#waiters.add(waiter);
      if (this.#state === 'idle' || (this.#state === 'waiting' && waiter.oneDial)) this.#dial();
    });
  }

  close(): void {
    this.#state = 'closed';
    this.#cancelTimer();
    this.#drop('closed');
    for (const waiter of this.#waiters) waiter.reject(lostError());
    this.#waiters.clear();
  }

  #dial(): void {
    const { transport, gatewayId, incarnation, region } = this.#options;
    this.#cancelTimer();
    this.#state = 'dialling';
    this.#heardMs = this.#options.clock.nowMs();
    this.#steppedMs = this.#heardMs;
    let current: OpenLink | undefined;
    const mine = (): boolean => current !== undefined && this.#stream === current;
    current = transport.open(this.#engine.address, {
      data: (bytes) => {
        if (mine()) this.#data(bytes);
      },
      closed: (reason) => {
        if (mine()) this.#dead('transport', reason);
      },
    });
    this.#stream = current;
    current.send({
      hello: {
        protocol: PROTOCOL_VERSION,
        gatewayId,
        incarnation,
        region,
        linkIndex: 0,
        linkCount: 1,
        minReplicaEpoch: this.#engine.replicaEpoch,
        wantModelDigest: this.#engine.modelDigest,
      },
    });
    this.#watch();
  }

  #data(bytes: Uint8Array): void {
    this.#heardMs = this.#options.clock.nowMs();
    let response: LinkResponse | undefined;
    try {
      if (!this.#frame.read(bytes)) response = this.#codec.decode(bytes);
    } catch {
      // The step reader and protobufjs throw on bytes that are no message: the peer's fault, whatever it was.
      this.#dead('garbled', 'malformed message');
      return;
    }
    if (response !== undefined) this.#message(response);
    else {
      this.#steppedMs = this.#heardMs;
      this.#table?.step(this.#frame);
    }
  }

  #message(response: LinkResponse): void {
    if (response.welcome) this.#welcome(response.welcome);
    else if (response.load) this.#options.onLoad(this.#engine.engineId, response.load);
    else if (response.pong) this.#progress(response.pong.step);
    else this.#table?.message(response);
  }

  /** L5. */
  #progress(step: number): void {
    if (step !== this.#step) this.#steppedMs = this.#heardMs;
    this.#step = step;
  }

  #welcome(welcome: Welcome): void {
    const refusal = this.#state === 'dialling' ? wrongWelcome(welcome, this.#engine) : 'a second Welcome';
    if (refusal !== undefined) {
      this.#dead('refused', refusal);
      return;
    }
    const { clock } = this.#options;
    const table = new LinkTable({
      facts: factsOf(welcome, this.#engine),
      clock,
      write: (request) => this.#stream?.send(request),
      fault: (reason) => this.#dead('garbled', reason),
    });
    this.#table = table;
    this.#state = 'ready';
    this.#backoff.reset();
    if (welcome.load) this.#options.onLoad(welcome.engineId, welcome.load);
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.resolve(table);
  }

  /** L3, L5: looks at the link once per interval. */
  #watch(): void {
    this.#cancelTimer();
    const silenceMs = this.#options.clock.nowMs() - this.#heardMs;
    const delayMs = silenceMs >= limits.linkPingMs ? limits.linkPingMs : limits.linkPingMs - silenceMs;
    const wokenMs = this.#options.clock.nowMs() + delayMs;
    this.#cancelTimer = this.#options.clock.after(delayMs, () => {
      const nowMs = this.#options.clock.nowMs();
      const owed = this.#table?.owed === true;
      if (nowMs - wokenMs > limits.linkPingMs) this.#excuse(nowMs);
      if (!owed) this.#steppedMs = nowMs;
      if (this.#state === 'ready' && nowMs - this.#heardMs <= ALIVE_MS) this.#options.onAlive(this.#engine);
      if (nowMs - this.#heardMs >= limits.linkDeadMs) this.#dead('silent', 'silence');
      else if (owed && nowMs - this.#steppedMs >= this.#stallMs) this.#dead('hung', 'no progress');
      else this.#ask(nowMs, owed);
    });
  }

  /** This process woke up late: what the engine sent meanwhile is still unread, so its silence is not its own. */
  #excuse(nowMs: number): void {
    const excusedMs = nowMs - limits.linkDeadMs + limits.linkPingMs;
    this.#heardMs = Math.max(this.#heardMs, excusedMs);
    this.#steppedMs = Math.max(this.#steppedMs, excusedMs);
  }

  get #stallMs(): number {
    return this.#table?.facts.capabilities.exactOffsets === false ? UPSTREAM_STALL_MS : limits.linkDeadMs;
  }

  #ask(nowMs: number, owed: boolean): void {
    const quiet = owed ? nowMs - this.#steppedMs : nowMs - this.#heardMs;
    if (quiet >= limits.linkPingMs && this.#state === 'ready') {
      this.#nonce = (this.#nonce + 1) >>> 0;
      this.#stream?.send({ ping: { nonce: this.#nonce } });
    }
    this.#watch();
  }

  #dead(cause: LinkLoss, reason: string): void {
    assert(this.#state === 'dialling' || this.#state === 'ready', 'only a running link dies');
    this.#options.logger.warn('link lost', { engine: this.#engine.engineId, reason });
    this.#options.onLost(cause);
    const waiters = [...this.#waiters].filter(({ oneDial }) => oneDial);
    this.#state = 'waiting';
    this.#cancelTimer();
    this.#drop(cause);
    for (const waiter of waiters) {
      this.#waiters.delete(waiter);
      waiter.reject(lostError());
    }
    if (this.#state !== 'waiting') return;
    this.#cancelTimer = this.#options.clock.after(this.#backoff.nextMs(), () => this.#dial());
  }

  #drop(cause: LinkLoss): void {
    const stream = this.#stream;
    const table = this.#table;
    this.#stream = undefined;
    this.#table = undefined;
    stream?.close();
    table?.lost(cause);
  }
}

const lostError = (): ReticleError =>
  new ReticleError('engine_lost', 'the engine cannot be reached', { retryAfterMs: limits.linkDeadMs });

function wrongWelcome(welcome: Welcome, engine: EngineEntry): string | undefined {
  if (welcome.protocol < PROTOCOL_VERSION) return 'protocol version';
  if (welcome.engineId !== engine.engineId) return 'another engine answers';
  if (welcome.modelDigest !== engine.modelDigest) return 'another model digest';
  if (welcome.region !== engine.region) return 'another region';
  if (welcome.replicaEpoch < engine.replicaEpoch) return 'an older replica epoch';
  return welcome.capabilities ? undefined : 'no capabilities';
}

function factsOf(welcome: Welcome, engine: EngineEntry): LinkFacts {
  assert(welcome.capabilities !== null, 'a Welcome without capabilities was refused');
  const { engineId, region, modelDigest, replicaEpoch, capabilities } = welcome;
  return { engineId, address: engine.address, region, modelDigest, replicaEpoch, capabilities };
}
