import { tiers, type Tier } from '@reticle/core/domain';
import type { StoredDeployment } from './facts.ts';
import type { Snapshot } from './snapshot.ts';

/** Defaults of a tier where no AccessTier says otherwise (ADMISSION §3). */
const defaults: Readonly<Record<Tier, { readonly priority: number; readonly floor: number }>> = {
  ultrafast: { priority: 900, floor: 750 },
  fast: { priority: 700, floor: 80 },
  default: { priority: 500, floor: 0 },
  flex: { priority: 100, floor: 0 },
};

/** Priority of a deployment: that of its highest tier; without tiers it serves all of them. */
export function priorityOf(snapshot: Snapshot, { spec }: StoredDeployment): number {
  const names = spec.tiers?.map(({ name }) => name) ?? tiers;
  return Math.max(...names.map((name) => snapshot.tiers.get(name)?.spec.priority ?? defaults[name].priority));
}

/**
 * Tokens per second that a chain of the deployment must give each stream: the highest floor of the tiers it names. One
 * that names none is held to no tier's default, only to floors that somebody wrote down.
 */
export function floorOf(snapshot: Snapshot, { spec }: StoredDeployment): number {
  if (spec.tiers === undefined) {
    return Math.max(0, ...tiers.map((name) => snapshot.tiers.get(name)?.spec.floorTokensPerSecond ?? 0));
  }
  const floors = spec.tiers.map(
    ({ name, floorTokensPerSecond }) =>
      floorTokensPerSecond ?? snapshot.tiers.get(name)?.spec.floorTokensPerSecond ?? defaults[name].floor,
  );
  return Math.max(0, ...floors);
}
