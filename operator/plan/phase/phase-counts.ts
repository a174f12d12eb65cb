import type { PoolState, WaferState } from '../pool-state.ts';

/** Wafers of a phase, as its status counts them. */
export type PhaseCounts = {
  readonly installed: number;
  readonly accepted: number;
  readonly schedulable: number;
  readonly usable: number;
  readonly claimed: number;
  readonly failed: number;
  /** The first few, by slot. */
  readonly holders: readonly string[];
};

const HOLDERS_MAX = 16;

export const NO_WAFERS: PhaseCounts = {
  installed: 0,
  accepted: 0,
  schedulable: 0,
  usable: 0,
  claimed: 0,
  failed: 0,
  holders: [],
};

/** A wafer belongs to the phase that it names, or to its pool's. */
export function phaseCounts({ pool, wafers }: PoolState): ReadonlyMap<string, PhaseCounts> {
  const counts = new Map<string, PhaseCounts>();
  for (const state of wafers) {
    const name = state.wafer.spec.phaseRef ?? pool.spec.phaseRef;
    if (name !== undefined) counts.set(name, joined(counts.get(name) ?? NO_WAFERS, countsOf(state)));
  }
  return counts;
}

/** The counts of two lots of wafers together. */
export function joined(a: PhaseCounts, b: PhaseCounts): PhaseCounts {
  return {
    installed: a.installed + b.installed,
    accepted: a.accepted + b.accepted,
    schedulable: a.schedulable + b.schedulable,
    usable: a.usable + b.usable,
    claimed: a.claimed + b.claimed,
    failed: a.failed + b.failed,
    holders: a.holders.length >= HOLDERS_MAX ? a.holders : [...a.holders, ...b.holders].slice(0, HOLDERS_MAX),
  };
}

const unaccepted = new Set<WaferState['fault']>(['unknown', 'unhealthy', 'notBurnedIn']);
const failed = new Set<WaferState['fault']>(['unhealthy', 'lost', 'mismatch']);

function countsOf({ wafer, fault }: WaferState): PhaseCounts {
  const isClaimed = wafer.spec.claim !== undefined;
  return {
    installed: 1,
    accepted: unaccepted.has(fault) ? 0 : 1,
    schedulable: fault === undefined ? 1 : 0,
    usable: fault === undefined && !isClaimed ? 1 : 0,
    claimed: isClaimed ? 1 : 0,
    failed: failed.has(fault) ? 1 : 0,
    holders: [`Wafer/${wafer.meta.name}`],
  };
}
