/*
 * Capacity of power (WAFER §9.1). Reals are carried; only chains and users are floored.
 *
 *   IT MW       = MW·{Utility: (1 − utilityLoss)/PUE | Facility: 1/PUE | IT: 1}
 *   systems     = IT kW/(kW wafer + kW support) → installed → accepted = installed·burnInYield
 *   schedulable = accepted·(1 − hotSpare)·(1 − maintenance) → usable = schedulable·(1 − stranded)
 *   chains      = ⌊usable/S⌋ before racks exist; ⌊(1 − maintenance)·Σ_pools ⌊(slots − spares)/S⌋⌋ with pools
 *   users       = chains·N → open sessions = users/duty → tok/s = chains·chain rate
 *   J/token     = S·kW·PUE/chain rate → parked bytes = open sessions·κ·x
 */

/** A figure with what it rests on. */
export type Assumed<T> = {
  readonly value: T;
  readonly source: string;
  readonly confidence: 'High' | 'Medium' | 'Low' | 'Assumption';
};

/** Where the megawatts of a contract are counted; it moves the systems almost 2× (WAFER §9.3). */
export type PowerBasis = 'Utility' | 'Facility' | 'IT';

/** Power of a phase and what is assumed on its way to wafers. Shares are from 0 to 1. */
export type PhaseInput = {
  readonly region: string;
  readonly megawatts: number;
  readonly basis: PowerBasis;
  /** Of basis Utility alone. */
  readonly utilityLoss: Assumed<number>;
  readonly pue: Assumed<number>;
  readonly waferKw: Assumed<number>;
  readonly supportKw: Assumed<number>;
  readonly burnInYield: Assumed<number>;
  readonly hotSpare: Assumed<number>;
  readonly maintenance: Assumed<number>;
  readonly stranded: Assumed<number>;
};

/** A chain of so many wafers, as the ledger counts it. */
export type ChainFigures = {
  readonly wafers: number;
  /** N at the mean context. */
  readonly streams: number;
  /** Of all streams together. */
  readonly chainTokensPerSecond: number;
};

/** Slots of a pool and the hot spares that it keeps (R7). */
export type PoolSlots = { readonly slots: number; readonly spares: number };

/** Reals of the conversion, from the contract to what may hold chains. */
export type PhaseCapacity = {
  readonly itMegawatts: number;
  readonly systems: number;
  readonly accepted: number;
  readonly schedulable: number;
  readonly usable: number;
};

/** What the phase amounts to. A negative or absent power counts as none. */
export function phaseCapacity(input: PhaseInput): PhaseCapacity {
  const itMegawatts = Math.max(0, input.megawatts) * itShare(input);
  const systems = (itMegawatts * 1_000) / (input.waferKw.value + input.supportKw.value);
  const accepted = systems * input.burnInYield.value;
  const schedulable = accepted * (1 - input.hotSpare.value) * (1 - input.maintenance.value);
  return { itMegawatts, systems, accepted, schedulable, usable: schedulable * (1 - input.stranded.value) };
}

function itShare({ basis, pue, utilityLoss }: PhaseInput): number {
  switch (basis) {
    case 'Utility':
      return (1 - utilityLoss.value) / pue.value;
    case 'Facility':
      return 1 / pue.value;
    case 'IT':
      return 1;
  }
}

/** Chains of the usable wafers before racks exist. */
export function chainsOfUsable(usable: number, wafers: number): number {
  return Math.floor(usable / wafers);
}

/** Chains once pools are known, their exact arithmetic in place of the stranded share (R7). */
export function chainsOfPools(pools: readonly PoolSlots[], wafers: number, maintenance: number): number {
  const whole = pools.reduce((sum, { slots, spares }) => sum + Math.floor(Math.max(0, slots - spares) / wafers), 0);
  return Math.floor((1 - maintenance) * whole);
}

/** Users and rates of so many chains. */
export type ServedCapacity = {
  readonly chains: number;
  readonly users: number;
  readonly tokensPerSecond: number;
};

/** Users at their floor, and tokens per second, of so many chains. */
export function servedCapacity(chains: number, chain: ChainFigures): ServedCapacity {
  return {
    chains,
    users: chains * chain.streams,
    tokensPerSecond: chains * chain.chainTokensPerSecond,
  };
}

/** Sessions that may be open when one is active for this share of its time. */
export function openSessions(users: number, duty: Assumed<number>): number {
  return Math.floor(users / duty.value);
}

/** Bytes of the copies of all open sessions, each of a mean context. */
export function parkedBytes(sessions: number, kvBytesPerToken: number, contextTokens: number): number {
  return sessions * kvBytesPerToken * contextTokens;
}

/** Energy of one token when the chain makes so many a second, in joules at the facility. */
export function joulesPerToken(input: PhaseInput, wafers: number, tokensPerSecond: number): number {
  const kilowatts = wafers * (input.waferKw.value + input.supportKw.value) * input.pue.value;
  return (kilowatts * 1_000) / tokensPerSecond;
}
