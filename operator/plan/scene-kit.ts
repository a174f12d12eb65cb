import type { Facts } from './facts.ts';
import { fullPool, model, waferClass } from './plan-kit.ts';
import type { World } from './world-kit.ts';

/** A class, a model and pools `p00`, `p01`, … of so many sound wafers in one region, each in a hall of its own. */
export function scene({ pools }: { readonly pools: readonly number[] }): Partial<Facts> {
  const all = pools.map((wafers, index) =>
    fullPool(`p${String(index).padStart(2, '0')}`, wafers, { fabric: { slots: wafers } }),
  );
  return {
    objects: [waferClass(), model(), ...all.flatMap(({ objects }) => objects)],
    nodes: all.flatMap(({ nodes }) => nodes),
  };
}

/** Every committed chain has each of its wafers, and no wafer is in two plans that hold it. */
export function claimsOnce(world: World): void {
  const claims = new Map(
    world.wafers().flatMap(({ meta, spec }) => (spec.claim === undefined ? [] : [[meta.name, spec.claim]])),
  );
  for (const { meta, spec } of world.replicas()) {
    if (spec.fence?.outcome !== 'Committed' || spec.retire !== undefined) continue;
    for (const { wafer, stage } of spec.plan?.stages ?? []) {
      const claim = wafer === undefined ? undefined : claims.get(wafer);
      if (claim?.uid !== meta.uid || claim.stage !== stage || claim.replicaEpoch !== spec.epoch) {
        throw new Error(`stage ${stage} of ${meta.name} is not claimed`);
      }
    }
  }
}
