import type { Snapshot } from '@reticle/operator/plan';

type PoolState = Snapshot['pools'] extends ReadonlyMap<string, infer State> ? State : never;
type WaferState = PoolState['wafers'][number];

/** One slot of a pool. */
export type SlotMark = {
  readonly slot: number;
  /** One character: see {@link mapLegend}. */
  readonly mark: string;
  readonly wafer?: string;
  /** `namespace/name` of the replica that holds it. */
  readonly replica?: string;
  readonly stage?: number;
  /** Why it takes no chain. */
  readonly fault?: string;
};

/** A chain that holds wafers of the pool. */
export type ChainMark = {
  readonly letter: string;
  /** `namespace/name`. */
  readonly replica: string;
  readonly wafers: number;
  readonly streams?: number;
  readonly tokensPerSecond?: number;
};

/** A pool as a row of slots. */
export type PoolMap = {
  readonly pool: string;
  readonly region: string;
  readonly hall: string;
  readonly topology: string;
  readonly slots: number;
  readonly service: string;
  readonly serviceReason?: string;
  readonly marks: readonly SlotMark[];
  readonly chains: readonly ChainMark[];
  /** Each wafer once; `spare`: free wafers that the pool keeps (`spec.spares.minHot`). */
  readonly counts: {
    readonly total: number;
    readonly claimed: number;
    readonly free: number;
    readonly spare: number;
    readonly faulty: number;
  };
};

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** What the marks of a map mean. */
export const mapLegend =
  'A–Z chain   a–z chain, its wafer has a fault   . free   + hot spare   ! fault   ? host unknown   # closed   _ no wafer';

/** Maps of the pools that are asked for, by name; all of them without a filter. */
export function poolMaps(snapshot: Snapshot, wanted: (pool: string) => boolean = () => true): readonly PoolMap[] {
  const plans = plansByReplica(snapshot);
  return [...snapshot.pools.values()]
    .filter(({ pool }) => wanted(pool.meta.name))
    .map((state) => poolMap(state, plans));
}

type Predicted = { readonly tokensPerSecond: number; readonly streams: number };

function plansByReplica(snapshot: Snapshot): ReadonlyMap<string, Predicted> {
  const plans = new Map<string, Predicted>();
  for (const { meta, spec } of [...snapshot.replicas.values()].flat()) {
    if (spec.plan !== undefined) plans.set(meta.uid, spec.plan.predicted);
  }
  return plans;
}

function poolMap(state: PoolState, plans: ReadonlyMap<string, Predicted>): PoolMap {
  const { meta, spec } = state.pool;
  const letters = lettersOf(state.wafers);
  const spares = new Set(spec.spares.minHot === 0 ? [] : state.free.slice(-spec.spares.minHot));
  const bySlot = new Map(state.wafers.map((wafer) => [wafer.wafer.spec.slot, wafer]));
  const marks = Array.from({ length: spec.fabric.slots }, (_, slot) =>
    slotMark(slot, { state: bySlot.get(slot), letters, spares }),
  );
  const claimed = state.wafers.filter(({ wafer }) => wafer.spec.claim !== undefined).length;
  const total = state.wafers.length;
  const free = state.free.length - spares.size;
  return {
    pool: meta.name,
    region: spec.region,
    hall: spec.hall,
    topology: spec.fabric.topology,
    slots: spec.fabric.slots,
    service: spec.service,
    ...(spec.serviceReason === undefined ? {} : { serviceReason: spec.serviceReason }),
    marks,
    chains: [...letters]
      .map(([uid, { letter, replica, wafers }]) => ({ letter, replica, wafers, ...plans.get(uid) }))
      .map(chainMark),
    counts: { total, claimed, free, spare: spares.size, faulty: total - claimed - state.free.length },
  };
}

function chainMark({ letter, replica, wafers, streams, tokensPerSecond }: ChainMark): ChainMark {
  return {
    letter,
    replica,
    wafers,
    ...(streams === undefined ? {} : { streams }),
    ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }),
  };
}

type Lettered = { readonly letter: string; readonly replica: string; readonly wafers: number };

/** Letters in the order of the first slot; past 26 chains they begin anew. */
function lettersOf(wafers: readonly WaferState[]): ReadonlyMap<string, Lettered> {
  const letters = new Map<string, Lettered>();
  for (const { wafer } of wafers) {
    const { claim } = wafer.spec;
    if (claim === undefined) continue;
    const known = letters.get(claim.uid);
    const letter = known?.letter ?? LETTERS[letters.size % LETTERS.length] ?? 'A';
    const replica = `${claim.namespace}/${claim.replica}`;
    letters.set(claim.uid, { letter, replica, wafers: (known?.wafers ?? 0) + 1 });
  }
  return letters;
}

type Marking = {
  readonly state: WaferState | undefined;
  readonly letters: ReadonlyMap<string, Lettered>;
  readonly spares: ReadonlySet<WaferState>;
};

function slotMark(slot: number, { state, letters, spares }: Marking): SlotMark {
  if (state === undefined) return { slot, mark: '_' };
  const { wafer, fault } = state;
  const { claim } = wafer.spec;
  const known = { slot, wafer: wafer.meta.name, ...(fault === undefined ? {} : { fault }) };
  if (claim === undefined) return { ...known, mark: spares.has(state) ? '+' : freeMark(fault) };
  const letter = letters.get(claim.uid)?.letter ?? '*';
  const mark = fault === undefined ? letter : letter.toLowerCase();
  return { ...known, mark, replica: `${claim.namespace}/${claim.replica}`, stage: claim.stage };
}

function freeMark(fault: string | undefined): string {
  if (fault === undefined) return '.';
  if (fault === 'unknown') return '?';
  return fault === 'closed' ? '#' : '!';
}
