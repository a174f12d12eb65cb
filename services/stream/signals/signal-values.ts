/** Values of services/session as the controls of a signal, and its answer back. Enums are numbers on the wire. */
import { tierNumber, tierOfNumber, wireDuration, type Tier } from '@reticle/core/domain';
import { isErrorCode } from '@reticle/proto/contract';
import type { ControlAck as WireControlAck } from '@reticle/proto/gen/session/v1/ControlAck';
import type { Interrupt__Input } from '@reticle/proto/gen/session/v1/Interrupt';
import type { Redirect__Input } from '@reticle/proto/gen/session/v1/Redirect';
import type { StartTurn__Input } from '@reticle/proto/gen/session/v1/StartTurn';
import type { Located as WireLocated } from '@reticle/proto/gen/signal/v1/Located';
import type { SignalAck } from '@reticle/proto/gen/signal/v1/SignalAck';
import type { ControlAck, Interrupt, Redirect, StartTurn } from '@reticle/services/session';
import { CUT_MODES, KV_ACTIONS, OUTCOMES } from '../wire-enums.ts';
import { wireInput, wireParams } from '../wire-values.ts';

export function wireInterrupt({ turnId, mode, keepThroughOffset, reason, signalId }: Interrupt): Interrupt__Input {
  const keep = keepThroughOffset === undefined ? {} : { keepThroughOffset };
  return { turnId, mode: CUT_MODES[mode], reason, signalId, ...keep };
}

export function wireRedirect({ cut, successor }: Redirect): Redirect__Input {
  return { cut: wireInterrupt(cut), successor: wireStartTurn(successor) };
}

function wireStartTurn(start: StartTurn): StartTurn__Input {
  const { turnId, parentTurnId, input, draft, params, maxOutputTokens, maxDurationMs, tier, prefillOnly } = start;
  return {
    turnId,
    parentTurnId,
    input: wireInput(input),
    params: wireParams(params),
    prefillOnly,
    ...(draft === undefined ? {} : { draft }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(maxDurationMs === undefined ? {} : { maxDuration: wireDuration(maxDurationMs) }),
    ...(tier === undefined ? {} : { tier: tierNumber(tier) as 1 | 2 | 3 | 4 }),
  };
}

/** The receipt in an engine's answer; `seq` is 0 and what was delivered is known to the turn's gateway alone. */
export function controlAckOf({ ack, signalId, code }: SignalAck): ControlAck {
  const { outcome, kvAction, code: _code, ...numbers } = ack ?? NO_RECEIPT;
  return {
    ...numbers,
    kind: 'control-ack',
    signalId,
    outcome: OUTCOMES[outcome - 1] ?? 'refused',
    kvAction: KV_ACTIONS[kvAction - 1] ?? 'none',
    ...(isErrorCode(code) ? { code } : {}),
  };
}

const NO_RECEIPT: WireControlAck = {
  seq: 0,
  signalId: '',
  turnId: '',
  outcome: 0,
  effectiveOffset: 0,
  generatedOffset: 0,
  deliveredOffset: 0,
  wastedTokens: 0,
  kvAction: 0,
  kvKeptTokens: 0,
  code: '',
};

/** The engine that holds a session. Nothing proves the answer: dial the address only if presence names it (PROTOCOL §7). */
export type Located = {
  readonly sessionId: string;
  readonly engineId: string;
  readonly address: string;
  readonly epoch: number;
  /** Absent when the engine was told none. */
  readonly tier: Tier | undefined;
};

export function locatedOf({ sessionId, engineId, address, epoch, tier }: WireLocated): Located {
  return { sessionId, engineId, address, epoch, tier: tierOfNumber(tier) };
}
