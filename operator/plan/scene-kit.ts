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

/** Throws unless every committed chain that runs has each of its wafers by its own claim. */
export function claimsOnce(world: World): void {
  const claims = new Map(world.wafers().map(({ meta, spec }) => [meta.name, spec.claim]));
  const running = world
    .replicas()
    .filter(({ spec }) => spec.fence?.outcome === 'Committed' && spec.retire === undefined);
  for (const { meta, spec } of running) {
    for (const { wafer = '', stage } of spec.plan?.stages ?? []) {
      const said = `${claims.get(wafer)?.uid} ${claims.get(wafer)?.stage} ${claims.get(wafer)?.replicaEpoch}`;
      if (said !== `${meta.uid} ${stage} ${spec.epoch}`) throw new Error(`stage ${stage} of ${meta.name} has ${said}`);
    }
  }
}
