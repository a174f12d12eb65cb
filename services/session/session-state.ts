import type { ReticleError, Tier } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { CreditWindow } from '@reticle/core/flow';
import type { ControlAck, ServerEvent, TurnEnded, TurnError, TurnInput, TurnParams } from './commands.ts';
import type { Drafts } from './drafts.ts';
import { isLive, type OpenControl, type TurnState } from './turn-state.ts';

/** Finished turns remembered per session: parents and answers to repeats. Older ones are `turn_not_found`. */
export const PAST_TURNS_MAX = 1024;

/** What the session's engine and caller allow; fixed for the session's life. */
export type SessionConfig = {
  /** Prompt and output together. */
  readonly contextLimit: number;
  readonly maxOutputTokens: number;
  readonly tiers: readonly Tier[];
  readonly idleTtlMs: number;
};

export type SessionState = {
  readonly config: SessionConfig;
  readonly epoch: number;
  /** Who may resume: opaque, made afresh when a session is opened without a token (PROTOCOL §7). */
  readonly holder: string;
  /** Last applied `seq` of this holder. */
  readonly lastSeq: number;
  /** The current attachment; 0 when nobody is attached. */
  readonly attachment: number;
  readonly halfClosed: boolean;
  readonly closed: boolean;
  readonly defaultCreditTokens: number;
  readonly live: ReadonlyMap<string, TurnState>;
  readonly past: ReadonlyMap<string, TurnState>;
  /** Final answers by signal id, the last `limits.signalAcksKept`. */
  readonly answers: ReadonlyMap<string, { readonly digest: string; readonly ack: ControlAck }>;
  readonly drafts: Drafts;
  /** Tokens of the prefix. */
  readonly rootTokens: number;
  /** Context of the turn that ended last. */
  readonly contextTokens: number;
  /** Monotonic time of the last sign of a client. */
  readonly touchedMs: number;
};

/** A turn ready for the link: all defaults are filled, drafts are expanded. */
export type StartPlan = {
  readonly turnId: string;
  readonly parentTurnId: string;
  readonly input: readonly TurnInput[];
  readonly params: TurnParams;
  /** 0: evaluate the input, generate nothing. */
  readonly maxOutputTokens: number;
  /** The client named no limit: the one above is the model's own. */
  readonly outputUnlimited?: boolean;
  readonly maxDurationMs: number;
  /** The gateway's count of parent context and input. */
  readonly promptTokens: number;
  readonly creditTokens: number;
  readonly tier: Tier | undefined;
  readonly seq: number;
  /** Digest of the client's request: a repeat of the id at any gateway is told from another body by it. */
  readonly bodyDigest: string;
};

export type SessionEffect =
  | { readonly kind: 'start'; readonly plan: StartPlan }
  /** A redirect's successor has come to be; it is sent with its cut. */
  | { readonly kind: 'prepare'; readonly plan: StartPlan }
  | {
      readonly kind: 'cut';
      readonly turnId: string;
      readonly control: OpenControl;
      readonly seq: number;
      readonly successor: StartPlan | undefined;
    }
  | { readonly kind: 'tell'; readonly event: ServerEvent }
  | { readonly kind: 'answer-call'; readonly call: number; readonly ack: ControlAck }
  | { readonly kind: 'refuse-call'; readonly call: number; readonly ended: TurnEnded }
  | { readonly kind: 'bar'; readonly turnId: string; readonly offset: number }
  /** Begins the turn again at the engine in force, from what was received of it (PROTOCOL E6). */
  | { readonly kind: 'restart'; readonly turnId: string }
  | { readonly kind: 'announce'; readonly turnId: string }
  /** The same answer again, for a repeated StartTurn: its TurnStarted, or its terminal. */
  | { readonly kind: 'repeat'; readonly turnId: string }
  | { readonly kind: 'finish'; readonly turnId: string }
  | { readonly kind: 'credit'; readonly turnId: string; readonly window: CreditWindow }
  | {
      readonly kind: 'read';
      readonly turnId: string;
      readonly nextOffset: number;
      readonly creditTokens: number;
      /** True when the client named the turn itself, so it has seen its TurnStarted. */
      readonly known: boolean;
    }
  | { readonly kind: 'forget'; readonly turnId: string }
  | { readonly kind: 'end-stream'; readonly attachment: number; readonly error: ReticleError | undefined }
  | { readonly kind: 'release'; readonly mode: 'detach' | 'drop' };

export type SessionStep = { readonly state: SessionState; readonly effects: readonly SessionEffect[] };

export type NewSession = {
  readonly config: SessionConfig;
  readonly holder: string;
  readonly nowMs: number;
};

export function createSession({ config, holder, nowMs }: NewSession): SessionState {
  return {
    config,
    epoch: 0,
    holder,
    lastSeq: 0,
    attachment: 0,
    halfClosed: false,
    closed: false,
    defaultCreditTokens: limits.creditTokensDefault,
    live: new Map(),
    past: new Map(),
    answers: new Map(),
    drafts: new Map(),
    rootTokens: 0,
    contextTokens: 0,
    touchedMs: nowMs,
  };
}

export function findTurn(state: SessionState, turnId: string): TurnState | undefined {
  return state.live.get(turnId) ?? state.past.get(turnId);
}

/** The turn with the tools of its parent, where it was told none of its own. */
export function inheritTools(state: SessionState, turn: TurnState): TurnState {
  const tools = turn.tools === '' ? (findTurn(state, turn.parentTurnId)?.tools ?? '') : turn.tools;
  return { ...turn, tools };
}

/** Stores a turn where its phase belongs; the oldest past turn beyond the bound is forgotten. */
export function withTurn(state: SessionState, turn: TurnState): SessionStep {
  if (isLive(turn)) return { state: { ...state, live: new Map(state.live).set(turn.turnId, turn) }, effects: [] };
  const past = new Map(state.past).set(turn.turnId, turn);
  const effects: SessionEffect[] = [];
  for (const turnId of past.keys()) {
    if (past.size <= PAST_TURNS_MAX) break;
    past.delete(turnId);
    effects.push({ kind: 'forget', turnId });
  }
  if (!state.live.has(turn.turnId)) return { state: { ...state, past }, effects };
  const live = new Map(state.live);
  live.delete(turn.turnId);
  return { state: { ...state, live, past }, effects };
}

export function turnError(error: ReticleError): TurnError {
  return {
    code: error.code,
    message: error.message,
    param: error.param ?? '',
    ...(error.retryAfterMs === undefined ? {} : { retryDelayMs: error.retryAfterMs }),
    ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
  };
}
