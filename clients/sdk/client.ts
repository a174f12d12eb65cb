import { base32, RANDOM_ID_BYTES, ReticleError, tierNumber, wireDuration, type Tier } from '@reticle/core/domain';
import type { Clock, Random } from '@reticle/core/flow';
import { environment, systemEnv } from '@reticle/core/process';
import { limits } from '@reticle/proto/contract';
import type { CreateSessionRequest__Input } from '@reticle/proto/gen/session/v1/CreateSessionRequest';
import type { SignalTurnRequest__Input } from '@reticle/proto/gen/session/v1/SignalTurnRequest';
import { receiptOf, sessionInfoOf, type Receipt, type SessionInfo } from './answers.ts';
import type { Health } from './channel.ts';
import { Channels } from './channels.ts';
import { interrupt, startTurn, type CutOptions, type TurnOptions } from './commands.ts';
import { fromOutcome } from './errors.ts';
import { inputItems, type Input } from './input.ts';
import { Session, type Cursor, type SessionOptions, type SessionParts } from './session.ts';
import { settings, type ConnectOptions } from './settings.ts';

export type ClientOptions = ConnectOptions & {
  /** How long an outage may last before a session is given up. Default 60 s. */
  readonly reconnectMs?: number;
  /** Time and randomness; for tests and simulations. */
  readonly clock?: Clock;
  readonly random?: Random;
};

export type CreateSessionOptions = SessionOptions & {
  readonly model?: string;
  /** Context shared by all turns, evaluated at once. */
  readonly prefix?: Input;
  readonly tier?: Tier;
  /** How long the idle session is kept. Default 30 min, at most 12 h. */
  readonly idleTtlMs?: number;
  readonly cacheKey?: string;
  readonly allowedRegions?: readonly string[];
};

/** A control from outside the stream: any process with the session's id or token may cut. */
export type SignalOptions = CutOptions & {
  readonly turnId: string;
  readonly sessionId?: string;
  readonly resumeToken?: string;
  /** With it the cut is a redirect; the successor runs on the session's own stream. */
  readonly successor?: TurnOptions & { readonly input: Input };
};

const RECONNECT_MS = 60_000;

/** A channel to each gateway address. Sessions share them; closing the client ends their streams. */
export class ReticleClient implements AsyncDisposable {
  readonly #channels: Channels;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #reconnectMs: number;
  readonly #model: string | undefined;
  readonly #sessions = new Set<Session>();

  constructor(options: ClientOptions) {
    const system = systemEnv();
    const resolved = settings(options, environment());
    this.#clock = options.clock ?? system.clock;
    this.#random = options.random ?? system.random;
    this.#reconnectMs = options.reconnectMs ?? RECONNECT_MS;
    this.#model = resolved.model;
    this.#channels = new Channels(resolved, this.#clock);
  }

  /** Creates a session and attaches to it. */
  async createSession(options: CreateSessionOptions = {}): Promise<Session> {
    const { tier, prefix, idleTtlMs, cacheKey, allowedRegions } = options;
    const model = options.model ?? this.#model;
    if (model === undefined) {
      throw new ReticleError('missing_required_parameter', 'no model: give one or set RETICLE_MODEL', {
        param: 'model',
      });
    }
    const request: CreateSessionRequest__Input = {
      requestId: this.#newId(),
      model,
      ...(tier === undefined ? {} : { tier: tierNumber(tier) as 1 }),
      ...(prefix === undefined ? {} : { prefix: inputItems(prefix) }),
      ...(idleTtlMs === undefined ? {} : { idleTtl: wireDuration(idleTtlMs) }),
      ...(cacheKey === undefined ? {} : { cacheKey }),
      ...(allowedRegions === undefined ? {} : { allowedRegions: [...allowedRegions] }),
    };
    const { resumeToken } = await this.#channels.unary((channel) => channel.createSession(request));
    return await this.#session(resumeToken, [], options);
  }

  /**
   * Attaches to a session by its token. `cursors` name the turns whose tokens are wanted, and from where; they are
   * then among `session.turns`.
   */
  async resume(resumeToken: string, cursors: readonly Cursor[] = [], options: SessionOptions = {}): Promise<Session> {
    return await this.#session(resumeToken, cursors, options);
  }

  /** Cuts or redirects a turn from outside its stream. */
  async signal(options: SignalOptions): Promise<Receipt> {
    const { turnId, sessionId, resumeToken, successor } = options;
    const cut = interrupt(turnId, this.#newId(), options);
    const target = { ...(sessionId ? { sessionId } : {}), ...(resumeToken ? { resumeToken } : {}) };
    const request: SignalTurnRequest__Input =
      successor === undefined
        ? { ...target, interrupt: cut }
        : {
            ...target,
            redirect: { cut, successor: startTurn(successor.turnId ?? this.#newId(), '', successor.input, successor) },
          };
    const { ack } = await this.#channels.unary((channel) => channel.signalTurn(request));
    if (ack === null) throw new ReticleError('upstream_protocol_error', 'the answer holds no ack');
    const receipt = receiptOf(ack);
    if (['applied', 'already-ended', 'pending'].includes(receipt.outcome)) return receipt;
    throw fromOutcome(receipt.outcome, ack.code);
  }

  /** What the service knows of a session. */
  async session(sessionId: string): Promise<SessionInfo> {
    const { session } = await this.#channels.unary((channel) => channel.getSession({ sessionId }));
    if (session === null) throw new ReticleError('upstream_protocol_error', 'the answer holds no session');
    return sessionInfoOf(session);
  }

  /** `grpc.health.v1` of the first gateway that answers. */
  health(): Promise<Health> {
    return this.#channels.unary((channel) => channel.health());
  }

  /** Leaves all sessions as they are on the service and closes the channel. */
  close(): void {
    for (const session of this.#sessions) session.detach();
    this.#sessions.clear();
    this.#channels.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  async #session(resumeToken: string, cursors: readonly Cursor[], options: SessionOptions): Promise<Session> {
    const parts: SessionParts = {
      ...(options.framePolicy === undefined ? {} : { framePolicy: options.framePolicy }),
      ...(options.creditTokens === undefined ? {} : { creditTokens: options.creditTokens }),
      clock: this.#clock,
      random: this.#random,
      reconnectMs: this.#reconnectMs,
      resumeToken,
      cursors,
      gateways: this.#channels,
      newId: () => this.#newId(),
      closeSession: async (sessionId) => {
        await this.#channels.unary((channel) => channel.closeSession({ sessionId }));
      },
      defaultCreditTokens: limits.creditTokensDefault,
    };
    const session = new Session(parts);
    await session.connect();
    this.#sessions.add(session);
    session.onClosed(() => this.#sessions.delete(session));
    return session;
  }

  #newId(): string {
    return base32(this.#random.bytes(RANDOM_ID_BYTES));
  }
}

/** A client of a gateway. Nothing is sent before the first call. Throws a ReticleError for missing settings. */
export function connect(options: ClientOptions = {}): ReticleClient {
  return new ReticleClient(options);
}
