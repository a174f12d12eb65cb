/** The control that a signal carries, in the host's own terms. Every refusal here leaves the turn as it was. */
import { isClientId, isRandomId, ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { Start } from '@reticle/proto/gen/engine/v1/Start';
import type { Interrupt } from '@reticle/proto/gen/session/v1/Interrupt';
import type { ServiceTier } from '@reticle/proto/gen/session/v1/ServiceTier';
import type { StartTurn } from '@reticle/proto/gen/session/v1/StartTurn';
import type { Signal } from '@reticle/proto/gen/signal/v1/Signal';
import type { SignalOrder } from './cut-control.ts';
import { cutModeOf } from './messages.ts';

/**
 * Refuses ids outside their alphabets, a redirect that came over the bus (PROTOCOL S3), and an interrupt of a size
 * that only a redirect may have. Throws `ReticleError`.
 */
export function checkForm(signal: Signal, from: { readonly bytes: number; readonly onBus: boolean }): void {
  if (!isRandomId(signal.signalId)) throw invalid('not a signal id', 'signal_id');
  if (!isClientId(signal.turnId)) throw invalid('not a turn id', 'turn_id');
  if (signal.redirect) {
    if (from.onBus) throw invalid('a redirect does not cross the bus', 'redirect');
  } else if (from.bytes > limits.signalBytesMax) {
    throw new ReticleError('request_too_large', `a signal has at most ${limits.signalBytesMax} bytes`);
  }
}

/** The order of an interrupt or redirect. Throws `ReticleError`. */
export function orderOf(signal: Signal, tier: ServiceTier): SignalOrder {
  const { redirect } = signal;
  const cut = redirect ? redirect.cut : signal.interrupt;
  if (!cut) throw new ReticleError('missing_required_parameter', 'a signal holds a control', { param: 'action' });
  checkNames(signal, cut);
  const mode = cutModeOf(cut.mode);
  if (mode === undefined) throw invalid('unknown cut mode', 'mode');
  const { signalId } = signal;
  const requested = cut.keepThroughOffset;
  if (!redirect) return { signalId, mode, requested, successor: undefined };
  if (!redirect.successor)
    throw new ReticleError('missing_required_parameter', 'a redirect has a successor', { param: 'redirect.successor' });
  return { signalId, mode, requested, successor: successorOf(redirect.successor, tier) };
}

/** The control inside may leave its ids to the signal; it may not name others. */
function checkNames({ turnId, signalId }: Signal, cut: Interrupt): void {
  if (cut.turnId !== '' && cut.turnId !== turnId) throw invalid('the control names another turn', 'turn_id');
  if (cut.signalId !== '' && cut.signalId !== signalId) throw invalid('the control has another id', 'signal_id');
}

/** Drafts are a gateway's: what it sends here is the finished input. */
function successorOf(start: StartTurn, tier: ServiceTier): Start {
  const { turnId, parentTurnId, input, params, maxOutputTokens, maxDuration } = start;
  if (!isClientId(turnId)) throw invalid('not a turn id', 'redirect.successor.turn_id');
  if (start.prefillOnly) throw invalid('a warm-up does not follow a cut', 'redirect.successor.prefill_only');
  if (start.draft !== null) throw new ReticleError('draft_not_found', 'no draft has this id and revision');
  if (maxOutputTokens === 0)
    throw new ReticleError('value_out_of_range', 'a turn has at least one token', { param: 'max_output_tokens' });
  return {
    lane: 0,
    sid: 0,
    clientSeq: 0,
    turnId,
    parentTurnId,
    input,
    draft: null,
    params,
    maxOutputTokens: maxOutputTokens ?? 0,
    creditTokens: 0,
    forcedTokenIds: [],
    maxDuration,
    priority: start.tier || tier,
    traceparent: '',
    hold: false,
    twinEngineId: '',
    bodyDigest: '',
    outputUnlimited: maxOutputTokens === undefined,
  };
}

function invalid(text: string, param: string): ReticleError {
  return new ReticleError('invalid_request', text, { param });
}
