/** Taking over a session that another gateway served: its turns as the engine recorded them (PROTOCOL §7, E6). */
import { createCredit } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';
import { controlAck, UNKNOWN_DIGEST } from './receipt.ts';
import { inheritTools, withTurn, type SessionState, type SessionStep } from './session-state.ts';
import type { CutAnswer } from './turn.ts';
import { isLive, type Ending, type Receipt, type TurnState } from './turn-state.ts';
import type { Continuation, ControlAck } from './commands.ts';
import type { Tier } from '@reticle/core/domain';

/** A turn as its engine knows it. */
export type TurnRecord = {
  readonly turnId: string;
  readonly parentTurnId: string;
  readonly bodyDigest: string;
  readonly tier: Tier | undefined;
  readonly prefillOnly: boolean;
  /** Tools at the head of its own input, as {@link toolsHeadOf} says. */
  readonly tools: string;
  /** Undefined: not started yet. */
  readonly started:
    | {
        readonly promptTokens: number;
        readonly cachedTokens: number;
        readonly startOffset: number;
        readonly continuation: Continuation;
      }
    | undefined;
  /** Undefined: it runs. */
  readonly ending: Ending | undefined;
  /** The end of a turn that was cut, also while its tokens are still told again; its E stands. */
  readonly cutAt: Ending | undefined;
  /** The same of a turn that ended by itself. */
  readonly endsAt: number | undefined;
  readonly generatedOffset: number;
  /** Final answers of its controls. */
  readonly cuts: readonly CutAnswer[];
};

export type Restored = {
  readonly lastSeq: number;
  readonly idleTtlMs: number;
  readonly rootTokens: number;
  /** Parents before children. */
  readonly turns: readonly TurnRecord[];
};

export function restore(state: SessionState, { lastSeq, idleTtlMs, rootTokens, turns }: Restored): SessionStep {
  let next: SessionState = {
    ...state,
    config: { ...state.config, idleTtlMs },
    lastSeq: Math.max(state.lastSeq, lastSeq),
    rootTokens,
    contextTokens: rootTokens,
  };
  for (const record of turns) {
    const turn = inheritTools(next, turnOf(record, turns));
    next = withTurn(next, turn).state;
    if (!isLive(turn) && turn.started) {
      next = { ...next, contextTokens: turn.promptTokens + (turn.ending?.endOffset ?? 0) };
    }
    next = { ...next, answers: withAnswers(next, record) };
  }
  return { state: next, effects: [] };
}

/** A turn of a record, as the reducer holds it. */
export function turnOf(record: TurnRecord, others: readonly TurnRecord[] = []): TurnState {
  const { started, ending } = record;
  return {
    turnId: record.turnId,
    parentTurnId: record.parentTurnId,
    bodyDigest: record.bodyDigest,
    tier: record.tier,
    prefillOnly: record.prefillOnly,
    tools: record.tools,
    quiet: record.prefillOnly,
    phase: phaseOf(record),
    started: started !== undefined,
    ...(started ?? NOT_STARTED),
    moves: 0,
    awaited: false,
    endsAt: record.endsAt,
    window: createCredit({ creditTokens: limits.creditTokensDefault, ringTokens: limits.ringTokens }),
    controls: [],
    receipt: receiptOf(record),
    successorTurnId: successorOf(record, others),
    ending,
  };
}

const NOT_STARTED = { promptTokens: 0, cachedTokens: 0, startOffset: 0, continuation: 'exact' } as const;

function successorOf({ turnId, cutAt }: TurnRecord, others: readonly TurnRecord[]): string {
  if (cutAt?.status !== 'redirected') return '';
  return others.find(({ parentTurnId }) => parentTurnId === turnId)?.turnId ?? '';
}

function phaseOf({ started, ending, cutAt }: TurnRecord): TurnState['phase'] {
  if (ending !== undefined) return 'ended';
  if (cutAt !== undefined) return 'cutting';
  return started === undefined ? 'starting' : 'running';
}

function receiptOf({ cutAt, cuts, generatedOffset }: TurnRecord): Receipt | undefined {
  if (cutAt === undefined) return undefined;
  const applied = cuts.find(({ outcome }) => outcome === 'applied');
  return {
    effectiveOffset: cutAt.endOffset,
    generatedOffset,
    kvAction: applied?.kvAction ?? 'none',
    kvKeptTokens: applied?.kvKeptTokens ?? 0,
  };
}

function withAnswers(state: SessionState, record: TurnRecord): SessionState['answers'] {
  const answers = new Map(state.answers);
  for (const cut of record.cuts) {
    if (cut.signalId === '' || cut.outcome === 'pending') continue;
    answers.set(cut.signalId, { digest: UNKNOWN_DIGEST, ack: ackOf(record.turnId, cut) });
  }
  return answers;
}

function ackOf(turnId: string, cut: CutAnswer): ControlAck {
  const { signalId, outcome, effectiveOffset, generatedOffset, kvAction, kvKeptTokens } = cut;
  return controlAck({
    asker: { kind: 'call', call: 0 },
    signalId,
    turnId,
    outcome,
    receipt: { effectiveOffset, generatedOffset, kvAction, kvKeptTokens },
    // What the gateway before had sent is not known here; it was at least what the client kept.
    sent: effectiveOffset,
  });
}
