import { factKeys } from './policies/facts.ts';

type PoolPlace = { readonly region: string; readonly residency: readonly string[] };
type PhaseTerms = PoolPlace & {
  readonly contract: { readonly ref: string; readonly ceilingMegawatts: number };
  readonly power: { readonly megawatts: number };
};

/**
 * Content of the ConfigMap of facts, from the specs of pools and phases. A region carries what any pool or phase of it
 * carries, so that what is refused at the door could be placed nowhere in it. Of one contract's phases the lowest ceiling
 * counts; less than nothing is left of one that is overrun.
 */
export function factsData(
  pools: readonly PoolPlace[],
  phases: readonly PhaseTerms[],
): Readonly<Record<string, string>> {
  const residency = new Map<string, Set<string>>();
  for (const { region, residency: classes } of [...pools, ...phases]) {
    residency.set(region, new Set([...(residency.get(region) ?? []), ...classes]));
  }
  const left = new Map<string, { ceiling: number; used: number }>();
  for (const { contract, power } of phases) {
    const { ceiling, used } = left.get(contract.ref) ?? { ceiling: contract.ceilingMegawatts, used: 0 };
    const lowest = Math.min(ceiling, contract.ceilingMegawatts);
    left.set(contract.ref, { ceiling: lowest, used: used + power.megawatts });
  }
  const entries = [
    ...[...residency].map(([region, classes]) => [factKeys.residency(region), [...classes].toSorted().join(',')]),
    ...[...left].map(([ref, { ceiling, used }]) => [factKeys.megawattsLeft(ref), String(ceiling - used)]),
  ];
  return Object.fromEntries(entries.toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1))) as Record<string, string>;
}
