import type { StoredPool, StoredReplica, StoredWafer } from '@reticle/operator/plan';

/** A node as a pool looks at it. */
export type PoolNode = { readonly name: string; readonly labels: Readonly<Record<string, string>> };

/** A Wafer to be made: its name and spec. */
export type NewWafer = {
  readonly name: string;
  readonly spec: {
    readonly poolRef: string;
    readonly classRef: string;
    readonly phaseRef?: string;
    readonly slot: number;
    readonly rack: string;
    readonly nodeName: string;
    readonly service: 'Open';
    readonly epoch: number;
  };
};

export type PoolChange = {
  readonly create: readonly NewWafer[];
  /** Unclaimed wafers that the pool has no place for any more. */
  readonly remove: readonly StoredWafer[];
};

export type PoolInventory = {
  readonly pool: StoredPool;
  /** Of this pool. */
  readonly wafers: readonly StoredWafer[];
  readonly nodes: readonly PoolNode[];
  /** All: a wafer that is made again must not go back behind the epochs that plans gave it. */
  readonly replicas: readonly StoredReplica[];
};

type Seat = { readonly name: string; readonly slot: number; readonly rack: string; readonly nodeName: string };

/**
 * Which Wafers a pool lacks, and which it has too many (OPERATOR §3 `source`). A seat that is there stays as it is: a
 * node that went away, or one more, moves no wafer.
 */
export function poolChange({ pool, wafers, nodes, replicas }: PoolInventory): PoolChange {
  const known = new Set(wafers.map(({ meta }) => meta.name));
  const taken = new Set(wafers.map(({ spec }) => spec.slot));
  const { simulated } = pool.spec.source;
  const wanted = pool.meta.deletionMs !== undefined ? [] : seatsOf(pool, nodes);
  const create = wanted.filter(({ name, slot }) => !known.has(name) && !taken.has(slot));
  const remove = wafers.filter(({ meta, spec }) => {
    if (spec.claim !== undefined || meta.deletionMs !== undefined) return false;
    return pool.meta.deletionMs !== undefined || (simulated !== undefined && spec.slot >= simulated.wafers);
  });
  return { create: create.map((seat) => newWafer(pool, seat, replicas)), remove };
}

function seatsOf(pool: StoredPool, nodes: readonly PoolNode[]): readonly Seat[] {
  const { source, fabric } = pool.spec;
  const selector = source.nodes?.matchLabels ?? source.simulated?.nodeSelector ?? {};
  const hosts = nodes.filter((node) => Object.entries(selector).every(([name, value]) => node.labels[name] === value));
  const sorted = hosts.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (source.simulated === undefined) return sorted.flatMap(hostSeat).filter(({ slot }) => slot < fabric.slots);
  if (sorted.length === 0) return [];
  return Array.from({ length: Math.min(source.simulated.wafers, fabric.slots) }, (_, slot) => ({
    name: `${pool.meta.name}-${String(slot).padStart(3, '0')}`,
    slot,
    rack: `r${String(Math.floor(slot / fabric.rackSize)).padStart(3, '0')}`,
    nodeName: sorted[slot % sorted.length]?.name ?? '',
  }));
}

/** The one wafer of a real host, as its labels say (OPERATOR §1 rule 10). */
function hostSeat({ name: nodeName, labels }: PoolNode): readonly Seat[] {
  const name = labels['reticle.dev/wafer-id'];
  const slot = labels['reticle.dev/slot'] ?? '';
  const rack = labels['reticle.dev/rack'];
  if (name === undefined || rack === undefined || !/^[0-9]{1,3}$/.test(slot)) return [];
  return [{ name, slot: Number(slot), rack, nodeName }];
}

function newWafer(pool: StoredPool, { name, ...seat }: Seat, replicas: readonly StoredReplica[]): NewWafer {
  const { classRef, phaseRef } = pool.spec;
  const phase = phaseRef === undefined ? {} : { phaseRef };
  const spec = { poolRef: pool.meta.name, classRef, ...phase, ...seat, service: 'Open' as const };
  return { name, spec: { ...spec, epoch: epochOf(name, replicas) } };
}

/** Above every epoch that a plan names for it (OPERATOR §23). */
function epochOf(wafer: string, replicas: readonly StoredReplica[]): number {
  let highest = -1;
  for (const { spec } of replicas) {
    for (const stage of spec.plan?.stages ?? []) {
      if (stage.wafer === wafer) highest = Math.max(highest, stage.waferEpoch ?? 0);
    }
  }
  return highest + 1;
}
