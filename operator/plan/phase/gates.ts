import { assertNever } from '@reticle/core/domain';
import type { PhaseFact, StoredPhase } from '../facts.ts';

type Gate = StoredPhase['spec']['gates'][number];
type GateStatus = NonNullable<NonNullable<StoredPhase['status']>['gates']>[number];

/** What a gate measures, what it takes to pass by default and for how long (OPERATOR §15). */
const defaults: Readonly<Record<Gate['type'], { readonly minimum: number; readonly windowMinutes: number }>> = {
  PowerMeasured: { minimum: 95, windowMinutes: 1_440 },
  SystemsInstalled: { minimum: 90, windowMinutes: 0 },
  WaferHealth: { minimum: 95, windowMinutes: 0 },
  BurnIn: { minimum: 72, windowMinutes: 4_320 },
  FabricLatency: { minimum: 200, windowMinutes: 60 },
  ThroughputVsPlan: { minimum: 95, windowMinutes: 60 },
  Canary: { minimum: 1_000, windowMinutes: 0 },
  Approval: { minimum: 1, windowMinutes: 0 },
};

/** Annotation by which somebody approves or waives a gate; its value is a name. */
export const approvalAnnotation = (gate: string): string => `reticle.dev/approve-${gate}`;
export const waiverAnnotation = (gate: string): string => `reticle.dev/waive-${gate}`;

/**
 * A gate as it stands. What nobody measured is Pending, never Passed; a measurement counts once it has held for the
 * gate's whole window.
 */
export function gateStatus(phase: StoredPhase, gate: Gate, fact: PhaseFact | undefined): GateStatus {
  const { name, type } = gate;
  const required = gate.minimum ?? defaults[type].minimum;
  const { annotations } = phase.meta;
  if (annotations[waiverAnnotation(name)] !== undefined) return { name, state: 'Waived', required };
  if (type === 'Approval') {
    const isGiven = annotations[approvalAnnotation(name)] !== undefined;
    return { name, state: isGiven ? 'Passed' : 'Pending', required, observed: isGiven ? 1 : 0 };
  }
  const measured = fact?.gates[type];
  if (measured === undefined) return { name, state: 'Pending', required };
  return { name, state: measuredState(gate, measured, required), required, observed: Math.floor(measured.value) };
}

type Measured = NonNullable<PhaseFact['gates'][Gate['type']]>;

function measuredState({ type, windowMinutes }: Gate, measured: Measured, required: number): GateStatus['state'] {
  if (!isEnough(type, measured.value, required)) return measured.failed ? 'Failed' : 'Pending';
  return measured.heldMinutes >= (windowMinutes ?? defaults[type].windowMinutes) ? 'Passed' : 'Pending';
}

/** Latency is a share of the profile's hop that must not be passed; everything else has a least value. */
function isEnough(type: Gate['type'], value: number, required: number): boolean {
  switch (type) {
    case 'FabricLatency':
      return value <= required;
    case 'PowerMeasured':
    case 'SystemsInstalled':
    case 'WaferHealth':
    case 'BurnIn':
    case 'ThroughputVsPlan':
    case 'Canary':
    case 'Approval':
      return value >= required;
    default:
      return assertNever(type);
  }
}
