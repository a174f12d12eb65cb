/**
 * The session's vocabulary: what a client asks and what it is told, as plain values. Codecs (gRPC,
 * Responses, Chat) translate their wire forms to and from these; no codec holds a rule of its own.
 * All offsets are tokens of one turn; every `…ThroughOffset` is an exclusive end.
 */
import type { Tier } from '@reticle/core/domain';
import type { ErrorCode } from '@reticle/proto/contract';

/**
 * An item as its JSON. `tokens`: what it adds to the context, where whoever gave it has read and counted it; it is neither
 * read nor counted again then.
 */
export type ItemInput = { readonly kind: 'item'; readonly json: string; readonly tokens?: number };

export type TurnInput = ItemInput | { readonly kind: 'tokens'; readonly ids: readonly number[] };

export type TurnParams = {
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  readonly stop: readonly string[];
  /** `exact`: exactly `maxOutputTokens`, where the engine allows it. Absent: the engine's default. */
  readonly outputLength?: 'natural' | 'exact';
  /** Index among sibling turns of one request; absent: 0. */
  readonly choice?: number;
  /** JSON of `text.format`: what the output must be. */
  readonly textFormat?: string;
  /** JSON of `tools`: functions and custom tools that the model may call. Canonical in a {@link StartPlan}. */
  readonly tools?: string;
  /** Tokens of the item that tells `tools`, where whoever gave them has checked them, made them canonical and counted it. */
  readonly toolsTokens?: number;
  /** JSON of `tool_choice`; absent: `"auto"`. */
  readonly toolChoice?: string;
  /** False: at most one call per turn. Absent: as many as the model likes. */
  readonly parallelToolCalls?: boolean;
  /**
   * A parameter that was set and that no engine takes, in the request's notation. To ignore it would serve another
   * turn than the one asked for, so admission refuses the turn by this name.
   */
  readonly unsupported?: string;
};

export type StartTurn = {
  readonly turnId: string;
  /** Empty: the session's root (its prefix); in a redirect, the cut turn. */
  readonly parentTurnId: string;
  readonly input: readonly TurnInput[];
  readonly draft?: { readonly draftId: string; readonly revision: number };
  readonly params: TurnParams;
  /** Absent: the remaining context, capped by the engine's capability. */
  readonly maxOutputTokens?: number;
  readonly maxQueueWaitMs?: number;
  readonly maxDurationMs?: number;
  readonly tier?: Tier;
  /** True: evaluate the input, generate nothing (WarmSession). */
  readonly prefillOnly: boolean;
  /** Canonical bytes of the request, for idempotency: same id and same digest is a repeat. */
  readonly bodyDigest: string;
};

export type CutMode = 'discard-partial-items' | 'keep-through-offset' | 'keep-generated' | 'at-item-boundary';

export type Interrupt = {
  readonly turnId: string;
  readonly mode: CutMode;
  readonly keepThroughOffset?: number;
  readonly reason: string;
  /** Empty ids are filled by the gateway before they get here. */
  readonly signalId: string;
  readonly bodyDigest: string;
};

export type Redirect = { readonly cut: Interrupt; readonly successor: StartTurn };

export type Flow = { readonly turnId: string; readonly receivedThroughOffset: number; readonly creditTokens: number };

export type Draft = {
  readonly draftId: string;
  readonly revision: number;
  readonly parentTurnId: string;
  readonly prefix: readonly TurnInput[];
  readonly keepBytes: number;
  readonly append: string;
  readonly discard: boolean;
};

export type TurnCursor = { readonly turnId: string; readonly nextOffset: number; readonly creditTokens: number };

export type FramePolicy = {
  readonly maxTokens?: number;
  readonly maxDelayMs?: number;
  readonly includeTokenIds: boolean;
  readonly omitText: boolean;
};

export type Attach = {
  /** One of the two is set; the token wins. */
  readonly sessionId?: string;
  readonly resumeToken?: string;
  readonly cursors: readonly TurnCursor[];
  /** 0 means limits.creditTokensDefault. */
  readonly defaultCreditTokens: number;
  readonly framePolicy: FramePolicy;
};

/** A client message after Attach; `seq` starts at 1 per holder and grows by 1 across attachments. */
export type ClientCommand = { readonly seq: number } & (
  | { readonly kind: 'start-turn'; readonly start: StartTurn }
  | { readonly kind: 'interrupt'; readonly interrupt: Interrupt }
  | { readonly kind: 'redirect'; readonly redirect: Redirect }
  | { readonly kind: 'flow'; readonly flow: Flow }
  | { readonly kind: 'draft'; readonly draft: Draft }
);

export type SessionView = {
  readonly sessionId: string;
  readonly model: string;
  readonly modelDigest: string;
  readonly region: string;
  readonly allowedRegions: readonly string[];
  readonly tier: Tier;
  readonly epoch: number;
  readonly contextTokens: number;
  readonly contextLimit: number;
  readonly expireTimeMs: number;
};

export type ControlOutcome =
  | 'applied'
  | 'already-ended'
  | 'not-found'
  | 'stale'
  | 'unsupported'
  | 'pending'
  | 'refused';

export type KvAction = 'cut-in-place' | 'block-aligned-cut' | 'checkpoint-replay' | 'reprefill' | 'none';
export type TurnStatus = 'completed' | 'interrupted' | 'redirected' | 'incomplete' | 'failed';
export type ServeReason = 'as-requested' | 'tenant-default' | 'failover' | 'drain' | 'region-policy';
export type Continuation = 'exact' | 'resampled';
export type ItemKind = 'message' | 'reasoning' | 'function-call' | 'custom-tool-call';

/** The receipt of a control (PROTOCOL R2). */
export type ControlAck = {
  readonly kind: 'control-ack';
  /** `seq` of the message that asked; 0 when it came from outside the stream. */
  readonly seq: number;
  readonly signalId: string;
  readonly turnId: string;
  readonly outcome: ControlOutcome;
  readonly effectiveOffset: number;
  readonly generatedOffset: number;
  readonly deliveredOffset: number;
  readonly wastedTokens: number;
  readonly kvAction: KvAction;
  readonly kvKeptTokens: number;
  /** Registry code of a refusal; absent otherwise. */
  readonly code?: ErrorCode;
};

export type Usage = {
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly discardedTokens: number;
  readonly draftTokens: number;
};

export type Timing = {
  readonly queueMs: number;
  readonly prefillMs: number;
  readonly firstTokenMs: number;
  readonly decodeMs: number;
  readonly controlMs: number;
};

export type TurnError = {
  readonly code: ErrorCode;
  readonly message: string;
  readonly param: string;
  readonly retryDelayMs?: number;
  /** Small facts a client can act on (`limit`, `requested`); codecs without a place for them leave them out. */
  readonly details?: Readonly<Record<string, string>>;
};

export type TurnEnded = {
  readonly kind: 'turn-ended';
  readonly turnId: string;
  readonly epoch: number;
  readonly status: TurnStatus;
  readonly endOffset: number;
  readonly finishReason: string;
  readonly usage: Usage;
  readonly timing: Timing;
  readonly successorTurnId: string;
  readonly error?: TurnError;
};

export type TurnStarted = {
  readonly kind: 'turn-started';
  readonly turnId: string;
  readonly epoch: number;
  readonly startOffset: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly model: string;
  readonly modelDigest: string;
  readonly region: string;
  readonly requestedTier: Tier;
  readonly servedTier: Tier;
  readonly reason: ServeReason;
  readonly reasonDetail: string;
  readonly replica: string;
  readonly resumeToken: string;
  readonly continuation: Continuation;
};

/** Everything a stream says besides token frames. */
export type ServerEvent =
  | {
      readonly kind: 'attached';
      readonly session: SessionView;
      readonly resumeToken: string;
      readonly replay: readonly TurnCursor[];
      readonly lastAppliedSeq: number;
    }
  | {
      readonly kind: 'turn-queued';
      readonly turnId: string;
      readonly position: number;
      readonly estimatedWaitMs: number;
      readonly reason: string;
    }
  | TurnStarted
  | {
      readonly kind: 'item-mark';
      readonly turnId: string;
      readonly itemIndex: number;
      readonly itemKind: ItemKind;
      readonly atOffset: number;
      readonly closed: boolean;
      readonly itemId: string;
      readonly callId: string;
      readonly toolName: string;
    }
  | ControlAck
  | TurnEnded
  | {
      readonly kind: 'draft-state';
      readonly draftId: string;
      readonly revision: number;
      readonly prefilledTokens: number;
      readonly stableBytes: number;
      readonly code: string;
    }
  | { readonly kind: 'go-away'; readonly timeLeftMs: number; readonly resumeToken: string; readonly reason: string };
