import { utcMs } from '@reticle/operator/api';
import type { PhaseFact, PhaseState, StoredPhase } from '../facts.ts';
import { gateStatus } from './gates.ts';

/*
 * States of a capacity phase (OPERATOR §15): forward only, one at a time.
 *
 *   Contracted → Powered → Racked → BurnIn → Accepted → Online → Draining → Retired
 *
 * A state is entered when every gate that guards it is Passed or Waived, and its evidence is there: power for Powered,
 * wafers for Racked. `hold` freezes state and weight. Online climbs the ramp, one step per bake with all gates green; a
 * red gate goes back to the last good step and keeps the hardware. `retire` leads to Draining from Online or Accepted,
 * and to Retired when nothing is claimed any more.
 */

type Status = NonNullable<StoredPhase['status']>;
type GateStatus = NonNullable<Status['gates']>[number];

const states: readonly PhaseState[] = [
  'Contracted',
  'Powered',
  'Racked',
  'BurnIn',
  'Accepted',
  'Online',
  'Draining',
  'Retired',
];

/** What a phase becomes. */
export type PhaseStep = {
  readonly state: PhaseState;
  readonly sinceMs: number;
  readonly weightPercent: number;
  readonly gates: readonly GateStatus[];
  readonly isDegraded: boolean;
  readonly wakeAtMs?: number;
};

type Given = {
  readonly phase: StoredPhase;
  readonly fact: PhaseFact | undefined;
  /** Wafers of the phase that exist, and that chains hold. */
  readonly wafers: { readonly installed: number; readonly claimed: number };
  readonly nowMs: number;
};

/** The next state, weight and gates. */
export function phaseStep(given: Given): PhaseStep {
  const { phase } = given;
  const now = present(given);
  if (phase.spec.hold) return now;
  const next = nextState(given, now);
  if (next !== undefined) return entered(given, { ...now, state: next });
  return now.state === 'Online' ? ramped(given, now) : now;
}

/** What the status says, and the gates as they stand; without a status a phase begins anew. */
function present({ phase, fact, nowMs }: Given): PhaseStep {
  const { state = 'Contracted', since, weightPercent = 0 } = phase.status ?? {};
  const gates = phase.spec.gates.map((gate) => gateStatus(phase, gate, fact));
  const sinceMs = since === undefined ? undefined : utcMs(since);
  return {
    state,
    sinceMs: sinceMs ?? nowMs,
    weightPercent,
    gates,
    isDegraded: gates.some((gate) => gate.state === 'Failed'),
  };
}

function nextState(given: Given, now: PhaseStep): PhaseState | undefined {
  const { phase, wafers } = given;
  if (now.state === 'Retired') return undefined;
  if (now.state === 'Draining') return wafers.claimed === 0 ? 'Retired' : undefined;
  if (phase.spec.retire) return wafers.installed === 0 ? 'Retired' : 'Draining';
  const next = states[states.indexOf(now.state) + 1];
  if (next === undefined || next === 'Draining') return undefined;
  return isGuarded(given, now, next) || !hasEvidence(next, given) ? undefined : next;
}

function isGuarded({ phase }: Given, { gates }: PhaseStep, state: PhaseState): boolean {
  const guards = phase.spec.gates.filter(({ into }) => into === state).map(({ name }) => name);
  return gates.some((gate) => guards.includes(gate.name) && gate.state !== 'Passed' && gate.state !== 'Waived');
}

/** Power that is measured, wafers that are there; a later state has its gates alone. */
function hasEvidence(state: PhaseState, { fact, wafers }: Pick<Given, 'fact' | 'wafers'>): boolean {
  if (state === 'Powered') return (fact?.gates.PowerMeasured?.value ?? 0) > 0 || wafers.installed > 0;
  return wafers.installed > 0;
}

/** Accepted wafers carry no traffic yet; Online begins at the first step of the ramp. */
function entered({ phase, nowMs }: Given, next: PhaseStep): PhaseStep {
  const weightPercent = next.state === 'Online' ? (phase.spec.ramp[0] ?? 100) : 0;
  return { ...next, sinceMs: nowMs, weightPercent: next.state === 'Draining' ? next.weightPercent : weightPercent };
}

/** `since` is when the present weight began. */
function ramped({ phase, nowMs }: Given, now: PhaseStep): PhaseStep {
  const { ramp, rampBakeMinutes } = phase.spec;
  if (now.isDegraded) {
    const good = ramp.findLast((step) => step < now.weightPercent) ?? ramp[0] ?? 100;
    const isFirst = now.weightPercent <= (ramp[0] ?? 100);
    return isFirst || wasDegraded(phase) ? now : { ...now, weightPercent: good, sinceMs: nowMs };
  }
  const next = ramp.find((step) => step > now.weightPercent);
  if (next === undefined) return now;
  const bakedMs = now.sinceMs + rampBakeMinutes * 60_000;
  const isGreen = now.gates.every(({ state }) => state === 'Passed' || state === 'Waived');
  if (nowMs < bakedMs) return { ...now, wakeAtMs: bakedMs };
  return isGreen ? { ...now, weightPercent: next, sinceMs: nowMs } : now;
}

/** One red gate costs one step: the next one is for a gate that turned green and red again. */
function wasDegraded({ status }: StoredPhase): boolean {
  return status?.gates?.some(({ state }) => state === 'Failed') ?? false;
}
