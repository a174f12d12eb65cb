/**
 * The border between codecs and the gateway's session layer. A codec authenticates, decodes its wire
 * form into values of services/session, calls this port, and writes what the sink is told. Refusals are
 * thrown as `ReticleError`; refusals that end nothing arrive as events (PROTOCOL §1.1).
 */
import type {
  Attach,
  ClientCommand,
  ControlAck,
  FramePolicy,
  Interrupt,
  Redirect,
  ServerEvent,
  SessionView,
  TurnCursor,
  TurnInput,
} from '@reticle/services/session';
import type { ReticleError, Tier, TierModels, TraceContext } from '@reticle/core/domain';
import type { WireTokenRun } from '@reticle/proto/wire';

/** Who is speaking, established once by services/edge/auth before anything else runs. */
export type Caller = {
  readonly tenant: string;
  readonly keyId: string;
  /** Models the key may use; empty means all. */
  readonly models: readonly string[];
  readonly tiers: readonly Tier[];
  readonly defaultTier: Tier;
  /** Models of a tier, where it does not serve all that the key may use. */
  readonly tierModels?: TierModels;
  /** What a caller rests on that came with a token. */
  readonly token?: TokenFacts;
};

/** Plain values, so that a caller can be taken in by another process. */
export type TokenFacts = {
  readonly issuer: string;
  readonly kid: string;
  /** SHA-256 of the key behind the `kid`. */
  readonly keyPrint: string;
  readonly expiresMs: number;
};

/** Tiers that serve a model to a caller, fastest first; empty: to this caller there is no such model. */
export function tiersFor({ tiers, models, tierModels = {} }: Caller, model: string): readonly Tier[] {
  if (models.length > 0 && !models.includes(model)) return [];
  return tiers.filter((tier) => tierModels[tier]?.includes(model) ?? true);
}

/**
 * Tokens of one turn on their way to one client: a view into buffers that the session layer reuses. The
 * sink encodes or copies before it returns.
 */
export type TokenRun = WireTokenRun & { readonly turnId: string };

/** A codec's outgoing side, one per attachment or replay. */
export interface ClientSink {
  /** True from the stream's end, or its transport's: what is handed over reaches nobody, and is not sent. */
  readonly ended: boolean;
  /** Control: overtakes queued frames (R9); flushed at once. */
  event(event: ServerEvent): void;
  /** Tokens, in order and dense per turn. False: the socket is full; the caller keeps tokens until `drained`. */
  tokens(run: TokenRun): boolean;
  /** Ends the stream; without an error it ends OK. Nothing may follow. */
  end(error?: ReticleError): void;
}

/** An attached Converse stream. */
export interface Attachment {
  /** `trace`: the place in its caller's trace of the turn that it starts. */
  command(command: ClientCommand, trace?: TraceContext): void;
  /** The sink's socket takes data again. */
  drained(): void;
  /** The client half-closed: running turns finish, then the stream ends OK (R10). */
  halfClose(): void;
  /** The transport is gone without a client's close (R6). */
  disconnected(): void;
  /** Fatal protocol refusal seen by the codec: ends the attachment, not the session. */
  refuse(error: ReticleError): void;
}

export type CreateSession = {
  readonly requestId: string;
  readonly model: string;
  readonly tier?: Tier;
  readonly allowedRegions: readonly string[];
  readonly cacheKey: string;
  readonly prefix: readonly TurnInput[];
  readonly idleTtlMs?: number;
  /** The caller's place in its own trace. */
  readonly trace?: TraceContext | undefined;
  readonly bodyDigest: string;
};

export type WarmSession = {
  readonly sessionId: string;
  readonly requestId: string;
  readonly parentTurnId: string;
  readonly prefix: readonly TurnInput[];
  readonly bodyDigest: string;
};

export type ReplayTurn = {
  readonly sessionId?: string;
  readonly resumeToken?: string;
  readonly turnId: string;
  readonly nextOffset: number;
  readonly framePolicy: FramePolicy;
};

export interface SessionFront {
  createSession(caller: Caller, request: CreateSession): Promise<{ session: SessionView; resumeToken: string }>;
  warmSession(
    caller: Caller,
    request: WarmSession,
  ): Promise<{ turnId: string; prefilledTokens: number; cachedTokens: number }>;
  /** Resolves after `attached` went to the sink; rejects with the stream's fatal error. */
  attach(caller: Caller, request: Attach, sink: ClientSink): Promise<Attachment>;
  /** Read-only: never moves an epoch; closing it changes nothing. Returns the function that stops it. */
  replayTurn(caller: Caller, request: ReplayTurn, sink: ClientSink): Promise<{ drained(): void; close(): void }>;
  signalTurn(
    caller: Caller,
    request: { sessionId?: string; resumeToken?: string; signal: Interrupt | Redirect },
  ): Promise<ControlAck>;
  getSession(caller: Caller, sessionId: string): Promise<{ session: SessionView; liveTurns: readonly TurnCursor[] }>;
  closeSession(caller: Caller, sessionId: string): Promise<void>;
}
