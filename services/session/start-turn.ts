/** Admission of a turn to its session: an ordered list of checks, then a plan for the link. */
import { isReticleError, ReticleError } from '@reticle/core/domain';
import { createCredit } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';
import { checkParams, withCanonicalTools } from './check-params.ts';
import type { StartTurn } from './commands.ts';
import { submitDraft, type Drafts } from './drafts.ts';
import { priceInput } from './price-input.ts';
import { toolsHeadOf, withToolsHead } from './tools-head.ts';
import { controlAck, NO_RECEIPT, refusedTurn } from './receipt.ts';
import {
  findTurn,
  inheritTools,
  turnError,
  withTurn,
  type SessionEffect,
  type SessionState,
  type SessionStep,
  type StartPlan,
} from './session-state.ts';
import { contextAfter, isLive, type Asker, type TurnState } from './turn-state.ts';

/** Delay told when the session's slots are taken: about the time in which one of its turns ends. */
const SLOT_RETRY_MS = 1_000;

/** What a turn continues. */
export type Parent = {
  readonly turnId: string;
  readonly contextTokens: number;
  /** True when the parent's context ends in an opened answer (core/domain/tokens). */
  readonly afterOutput: boolean;
  /** Tools that its context was told last, as canonical JSON; empty without any. */
  readonly tools: string;
};

export type Admission = { readonly start: StartTurn; readonly asker: Asker; readonly nowMs: number };

/** A StartTurn of the stream, or a warm-up from outside it. */
export function startTurn(state: SessionState, admission: Admission): SessionStep {
  const { start, asker } = admission;
  const known = findTurn(state, start.turnId);
  if (known !== undefined) return repeatedStart(state, known, admission);
  try {
    checkSlots(state);
    const { plan, drafts } = planStart(state, admission, parentOf(state, start.parentTurnId));
    const stored = withTurn({ ...state, drafts }, newTurn(state, plan, start, asker.kind === 'call'));
    return { state: stored.state, effects: [...stored.effects, { kind: 'start', plan }] };
  } catch (error) {
    if (!isReticleError(error)) throw error;
    return { state, effects: [refusal(state, admission, error)] };
  }
}

/** Same id and body: the same answer. Same id and another body: refused, and the known turn goes on (R3). */
function repeatedStart(state: SessionState, known: TurnState, { start, asker }: Admission): SessionStep {
  // A turn that came by signal was never seen as a StartTurn: its digest is not known.
  if (known.bodyDigest !== '' && known.bodyDigest !== start.bodyDigest) {
    const ack = controlAck({
      asker,
      signalId: '',
      turnId: start.turnId,
      outcome: 'refused',
      receipt: NO_RECEIPT,
      sent: 0,
      code: 'idempotency_conflict',
    });
    return {
      state,
      effects: [
        asker.kind === 'stream' ? { kind: 'tell', event: ack } : { kind: 'answer-call', call: asker.call, ack },
      ],
    };
  }
  const answered = known.started || known.ending !== undefined;
  return { state, effects: answered ? [{ kind: 'repeat', turnId: known.turnId }] : [] };
}

/** Tells the refusal of a turn that never began: to the stream, or to the call that asked. */
export function refusal(state: SessionState, { start, asker }: Admission, error: ReticleError): SessionEffect {
  const ended = refusedTurn(start.turnId, state.epoch, turnError(error));
  return asker.kind === 'stream' ? { kind: 'tell', event: ended } : { kind: 'refuse-call', call: asker.call, ended };
}

function checkSlots(state: SessionState): void {
  if (state.live.size < limits.liveTurnsMax) return;
  const details = { limit: String(limits.liveTurnsMax) };
  const retryAfterMs = SLOT_RETRY_MS;
  throw new ReticleError('concurrency_exceeded', 'too many turns run in this session', { details, retryAfterMs });
}

/** @throws ReticleError `turn_not_found`, or `response_in_flight` for a parent that still runs */
export function parentOf(state: SessionState, turnId: string): Parent {
  if (turnId === '') return { turnId, contextTokens: state.rootTokens, afterOutput: false, tools: '' };
  const parent = findTurn(state, turnId);
  if (parent === undefined) {
    throw new ReticleError('turn_not_found', 'the parent turn is not known', { param: 'parent_turn_id' });
  }
  if (isLive(parent)) {
    throw new ReticleError('response_in_flight', 'the parent turn still runs', { param: 'parent_turn_id' });
  }
  return { turnId, contextTokens: contextAfter(parent), afterOutput: !parent.prefillOnly, tools: parent.tools };
}

/** @throws ReticleError when the turn cannot run: tier, draft, input, output bound, context */
export function planStart(
  state: SessionState,
  { start, asker, nowMs }: Admission,
  parent: Parent,
): { plan: StartPlan; drafts: Drafts } {
  if (start.tier !== undefined && !state.config.tiers.includes(start.tier)) {
    throw new ReticleError('tier_required', 'the key may not use this tier', { param: 'tier' });
  }
  checkParams(start.params);
  const params = withCanonicalTools(start.params);
  const submitted = submitDraft(state.drafts, start, nowMs);
  if (submitted === undefined) {
    throw new ReticleError('draft_not_found', 'no draft has this id and revision', { param: 'draft' });
  }
  const input = withToolsHead(submitted.input, params, parent.tools);
  const inputTokens = priceInput(input, {
    afterOutput: parent.afterOutput,
    opensAnswer: !start.prefillOnly,
    param: 'input',
    headItems: input.length - submitted.input.length,
  });
  const promptTokens = parent.contextTokens + inputTokens;
  const plan: StartPlan = {
    turnId: start.turnId,
    parentTurnId: parent.turnId,
    input,
    params,
    maxOutputTokens: outputBound(state, start, promptTokens),
    ...(start.prefillOnly || start.maxOutputTokens !== undefined ? {} : { outputUnlimited: true }),
    maxDurationMs: start.maxDurationMs ?? limits.turnDurationMsDefault,
    promptTokens,
    creditTokens: state.defaultCreditTokens,
    tier: start.tier,
    seq: asker.kind === 'stream' ? asker.seq : 0,
    bodyDigest: start.bodyDigest,
  };
  return { plan, drafts: submitted.drafts };
}

/** Output tokens the engine may generate; 0 for a prefill. Exactly the context limit is accepted. */
function outputBound(state: SessionState, start: StartTurn, promptTokens: number): number {
  const { contextLimit, maxOutputTokens: cap } = state.config;
  const asked = start.maxOutputTokens;
  if (asked !== undefined && !start.prefillOnly && (asked < 1 || asked > cap)) {
    const details = { limit: String(cap), requested: String(asked) };
    throw new ReticleError('value_out_of_range', 'max_output_tokens is outside the range of the model', {
      param: 'max_output_tokens',
      details,
    });
  }
  const least = start.prefillOnly ? 0 : (asked ?? 1);
  if (promptTokens + least > contextLimit) throw contextExceeded(contextLimit, promptTokens + least);
  return start.prefillOnly ? 0 : (asked ?? Math.min(cap, contextLimit - promptTokens));
}

/** `context_length_exceeded` with both numbers, in the details and for surfaces that have only a message. */
export function contextExceeded(limit: number, requested: number): ReticleError {
  return new ReticleError(
    'context_length_exceeded',
    `the context limit is ${limit} tokens and ${requested} were requested`,
    { param: 'input', details: { limit: String(limit), requested: String(requested) } },
  );
}

export function newTurn(state: SessionState, plan: StartPlan, start: StartTurn, quiet: boolean): TurnState {
  return inheritTools(state, {
    turnId: plan.turnId,
    parentTurnId: plan.parentTurnId,
    bodyDigest: start.bodyDigest,
    tier: plan.tier,
    prefillOnly: start.prefillOnly,
    tools: toolsHeadOf(plan.input),
    quiet,
    phase: 'queued',
    started: false,
    promptTokens: plan.promptTokens,
    cachedTokens: 0,
    startOffset: 0,
    moves: 0,
    awaited: false,
    endsAt: undefined,
    continuation: 'exact',
    window: createCredit({ creditTokens: state.defaultCreditTokens, ringTokens: limits.ringTokens }),
    controls: [],
    receipt: undefined,
    successorTurnId: '',
    ending: undefined,
  });
}
