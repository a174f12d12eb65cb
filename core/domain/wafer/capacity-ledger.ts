import {
  chainsOfPools,
  chainsOfUsable,
  phaseCapacity,
  servedCapacity,
  type ChainFigures,
  type PhaseInput,
  type PoolSlots,
} from './capacity.ts';

/** Rows of a ledger in order; each loses something of the one before (OPERATOR §15). */
export const ledgerSteps = [
  'contracted',
  'it',
  'systems',
  'installed',
  'accepted',
  'schedulable',
  'usable',
  'chains',
  'users',
  'tokens',
  'weight',
] as const;
export type LedgerStep = (typeof ledgerSteps)[number];

/** Integers rounded down; power in kW (OPERATOR §3). */
export type LedgerUnit = 'kW' | 'systems' | 'wafers' | 'chains' | 'users' | 'tok/s' | 'percent';

/** One arrow of the conversion, expected beside observed. */
export type LedgerRow = {
  readonly step: LedgerStep;
  readonly unit: LedgerUnit;
  readonly expected: number;
  /** Absent: unknown, which counts as nothing and is shown as unknown. */
  readonly observed?: number;
  /** The input that this arrow rests on. */
  readonly assumption?: keyof PhaseInput;
  /** The first row whose observed figure is below 95 % of the expected one. */
  readonly lostHere: boolean;
};

/** What was measured; an absent figure is unknown. Power in MW. */
export type LedgerObserved = { readonly [Step in LedgerStep]?: number };

/** What a ledger is worked out from. */
export type LedgerInput = {
  readonly phase: PhaseInput;
  /** The chain that the phase is counted in; without one the ledger ends at usable wafers. */
  readonly chain?: ChainFigures;
  /** Pools of the phase, once they exist. */
  readonly pools?: readonly PoolSlots[];
  readonly weightPercent: number;
  readonly observed: LedgerObserved;
};

/** Below this share of the expected figure a row has lost something (WAFER §9.1). */
const LOST_BELOW = 0.95;

/** The ledger of a phase. */
export function capacityLedger(input: LedgerInput): readonly LedgerRow[] {
  const rows = expectedRows(input).map((row) => withObserved(row, input.observed));
  const lost = rows.findIndex(({ expected, observed }) => observed !== undefined && observed < LOST_BELOW * expected);
  return rows.map((row, index) => ({ ...row, lostHere: index === lost }));
}

type Expected = Omit<LedgerRow, 'observed' | 'lostHere'>;

function expectedRows({ phase, chain, pools, weightPercent }: LedgerInput): readonly Expected[] {
  const { itMegawatts, systems, accepted, schedulable, usable } = phaseCapacity(phase);
  const rows: readonly Expected[] = [
    { step: 'contracted', unit: 'kW', expected: phase.megawatts * 1_000 },
    { step: 'it', unit: 'kW', expected: itMegawatts * 1_000, assumption: phase.basis === 'IT' ? 'basis' : 'pue' },
    { step: 'systems', unit: 'systems', expected: systems, assumption: 'supportKw' },
    { step: 'installed', unit: 'systems', expected: systems },
    { step: 'accepted', unit: 'systems', expected: accepted, assumption: 'burnInYield' },
    { step: 'schedulable', unit: 'wafers', expected: schedulable, assumption: 'hotSpare' },
    { step: 'usable', unit: 'wafers', expected: usable, assumption: 'stranded' },
  ];
  const weight: Expected = { step: 'weight', unit: 'percent', expected: weightPercent };
  if (chain === undefined) return [...rows, weight];
  const chains =
    pools === undefined
      ? chainsOfUsable(usable, chain.wafers)
      : chainsOfPools(pools, chain.wafers, phase.maintenance.value);
  const served = servedCapacity(chains, chain);
  return [
    ...rows,
    { step: 'chains', unit: 'chains', expected: chains },
    { step: 'users', unit: 'users', expected: served.users },
    { step: 'tokens', unit: 'tok/s', expected: served.tokensPerSecond },
    weight,
  ];
}

function withObserved(row: Expected, observed: LedgerObserved): Omit<LedgerRow, 'lostHere'> {
  const seen = observed[row.step];
  const expected = Math.floor(row.expected);
  if (seen === undefined) return { ...row, expected };
  return { ...row, expected, observed: Math.floor(row.unit === 'kW' ? seen * 1_000 : seen) };
}
