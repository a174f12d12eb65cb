import type { Tier } from '@reticle/core/domain';
import type { CreditWindow } from '@reticle/core/flow';
import type { Continuation, CutMode, KvAction, Timing, TurnError, TurnStatus, Usage } from './commands.ts';

/** The states of a turn; the transition table stands in `turn.ts`. */
export type TurnPhase = 'queued' | 'starting' | 'running' | 'cutting' | 'pending' | 'ended';

/** Who asked for a control: a message of the stream, or a call from outside it (answered with `seq` 0). */
export type Asker =
  | { readonly kind: 'stream'; readonly seq: number }
  | { readonly kind: 'call'; readonly call: number };

/** A control that the engine has not answered for good. */
export type OpenControl = {
  readonly signalId: string;
  /** Digest of the whole request, successor included. */
  readonly digest: string;
  readonly mode: CutMode;
  readonly keepThroughOffset: number | undefined;
  readonly reason: string;
  /** Empty: an interrupt. */
  readonly successorTurnId: string;
  readonly askers: readonly Asker[];
  /** True after the engine has answered PENDING. */
  readonly waits: boolean;
};

/** Where a cut fell (PROTOCOL R2). */
export type Receipt = {
  readonly effectiveOffset: number;
  readonly generatedOffset: number;
  readonly kvAction: KvAction;
  readonly kvKeptTokens: number;
};

/** How a turn ended; `TurnEnded` is composed from it when it is sent, since only then the bill is known. */
export type Ending = {
  readonly status: TurnStatus;
  readonly endOffset: number;
  readonly finishReason: string;
  readonly usage: Usage;
  readonly timing: Timing;
  readonly error?: TurnError;
};

export type TurnState = {
  readonly turnId: string;
  /** Empty: the session's root. */
  readonly parentTurnId: string;
  readonly bodyDigest: string;
  /** Asked for by the turn itself; undefined: the session's tier. */
  readonly tier: Tier | undefined;
  readonly prefillOnly: boolean;
  /** Tools that the context was told last, here or before, as canonical JSON; empty without any. */
  readonly tools: string;
  /** True for a turn made by a call (WarmSession): its events go to nobody's stream. */
  readonly quiet: boolean;
  readonly phase: TurnPhase;
  /** True after the engine's `Started`. */
  readonly started: boolean;
  /** Context before offset 0: the gateway's count, then the engine's. */
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly startOffset: number;
  /** Times that the turn was begun again after its engine was lost (PROTOCOL E7). */
  readonly moves: number;
  /** A redirect's successor that comes to be with its cut: until it starts its engine does not know it. */
  readonly awaited: boolean;
  /** Where the turn ends, once an engine has said so (ALREADY_ENDED) before its last tokens came. */
  readonly endsAt: number | undefined;
  /** `exact` unless another engine went on with sampling that cannot be replayed (PROTOCOL R7). */
  readonly continuation: Continuation;
  /** What the client acknowledged and grants, on the current attachment. */
  readonly window: CreditWindow;
  readonly controls: readonly OpenControl[];
  readonly receipt: Receipt | undefined;
  /** Turn that took this one's slot; empty without a redirect. */
  readonly successorTurnId: string;
  readonly ending: Ending | undefined;
};

/** What the relay knows of a turn, stated with each event that needs it. */
export type Progress = {
  /** Exclusive end of what the engine has sent. */
  readonly received: number;
  /** Highest offset sent to any client: what is billed. */
  readonly sent: number;
  /** Exclusive end of what the current attachment was sent; an acknowledgement may reach it. */
  readonly cursor: number;
  /** Oldest offset that can still be read. */
  readonly oldest: number;
  /** First offset of the open item; undefined when none is open. */
  readonly openItemAt: number | undefined;
  /** True after a client was told the terminal. */
  readonly told: boolean;
};

export const NO_PROGRESS: Progress = {
  received: 0,
  sent: 0,
  cursor: 0,
  oldest: 0,
  openItemAt: undefined,
  told: false,
};
export const NO_USAGE: Usage = {
  inputTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  discardedTokens: 0,
  draftTokens: 0,
};
export const NO_TIMING: Timing = { queueMs: 0, prefillMs: 0, firstTokenMs: 0, decodeMs: 0, controlMs: 0 };

/** True while the turn holds a slot of the session. */
export function isLive(turn: TurnState): boolean {
  return turn.phase !== 'ended';
}

/** Context that a child of this ended turn begins with: prompt and kept output. */
export function contextAfter(turn: TurnState): number {
  return turn.promptTokens + (turn.ending?.endOffset ?? turn.receipt?.effectiveOffset ?? 0);
}
