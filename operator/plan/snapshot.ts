import type {
  Change,
  ChildFact,
  Facts,
  LoadFact,
  NodeFact,
  PhaseFact,
  PodFact,
  PresenceFact,
  ScaleFact,
  StoredClass,
  StoredDeployment,
  StoredModel,
  StoredObject,
  StoredPhase,
  StoredPool,
  StoredReplica,
  StoredTier,
  StoredWafer,
  WaferFact,
} from './facts.ts';
import { compareText, poolState, withWafer, type PoolState } from './pool-state.ts';

/*
 * The frozen view of one pass (OPERATOR §8). Invariants:
 *
 * 1. A snapshot never changes; `changed` makes the next one and shares with it what did not change.
 * 2. It says nothing about the order in which facts came: lists are sorted by uid or slot, so the same facts make the
 *    same snapshot and the same plan.
 * 3. A change of one object costs its own pool or deployment, not the cell.
 */
export type Snapshot = {
  readonly nowMs: number;
  readonly classes: ReadonlyMap<string, StoredClass>;
  readonly phases: ReadonlyMap<string, StoredPhase>;
  readonly tiers: ReadonlyMap<string, StoredTier>;
  /** By `namespace/name`. */
  readonly models: ReadonlyMap<string, StoredModel>;
  /** By uid. */
  readonly deployments: ReadonlyMap<string, StoredDeployment>;
  /** By the uid of their deployment, sorted by uid. */
  readonly replicas: ReadonlyMap<string, readonly StoredReplica[]>;
  readonly pools: ReadonlyMap<string, PoolState>;
  /** Another object whenever a pool comes, goes or says something else of itself. */
  readonly layout: object;
  /** Wafers whose pool is not known. */
  readonly strayWafers: ReadonlyMap<string, StoredWafer>;
  readonly nodes: ReadonlyMap<string, NodeFact>;
  readonly waferFacts: ReadonlyMap<string, WaferFact>;
  /** By the uid of their replica, sorted by stage, then uid. */
  readonly pods: ReadonlyMap<string, readonly PodFact[]>;
  readonly children: ReadonlyMap<string, readonly ChildFact[]>;
  /** By the uid of the replica. */
  readonly presence: ReadonlyMap<string, PresenceFact>;
  /** By `deployment uid/region`. */
  readonly loads: ReadonlyMap<string, LoadFact>;
  readonly scales: ReadonlyMap<string, ScaleFact>;
  readonly phaseFacts: ReadonlyMap<string, PhaseFact>;
};

const EMPTY: Snapshot = {
  nowMs: 0,
  classes: new Map(),
  phases: new Map(),
  tiers: new Map(),
  models: new Map(),
  deployments: new Map(),
  replicas: new Map(),
  pools: new Map(),
  layout: {},
  strayWafers: new Map(),
  nodes: new Map(),
  waferFacts: new Map(),
  pods: new Map(),
  children: new Map(),
  presence: new Map(),
  loads: new Map(),
  scales: new Map(),
  phaseFacts: new Map(),
};

/** The snapshot of these facts. */
export function snapshotOf(facts: Facts): Snapshot {
  const { objects, nowMs } = facts;
  const nodes = new Map(facts.nodes.map((node) => [node.name, node]));
  const waferFacts = new Map(facts.wafers.map((fact) => [fact.wafer, fact]));
  const wafers = groupBy(objects.filter(isWafer), (wafer) => wafer.spec.poolRef);
  const pools = objects.filter(isPool).map((pool): [string, PoolState] => {
    const { name } = pool.meta;
    return [name, poolState(pool, wafers.get(name) ?? [], { nodes, wafers: waferFacts, nowMs })];
  });
  const known = new Map(pools);
  const strays = objects.filter(isWafer).filter((wafer) => !known.has(wafer.spec.poolRef));
  const rest = objects.filter((object) => object.kind !== 'Wafer' && object.kind !== 'WaferPool');
  const base = {
    ...EMPTY,
    nowMs,
    nodes,
    waferFacts,
    pools: sortedMap(pools),
    layout: {},
    strayWafers: sortedMap(strays.map((wafer): [string, StoredWafer] => [wafer.meta.name, wafer])),
  };
  return changed(base, { ...facts, objects: rest, nodes: [], wafers: [] });
}

/** The next snapshot: time goes on, and what is given replaces what it was. */
export function changed(snapshot: Snapshot, change: Change): Snapshot {
  const { nowMs, objects = [], removed: { objects: gone = [] } = {} } = change;
  const hosted = withHosts({ ...snapshot, nowMs }, change);
  const placed = withWafers(withPools(hosted, objects, gone), objects, gone);
  return { ...placed, ...kindsOf(placed, objects, gone), ...reportsOf(placed, change) };
}

function kindsOf(
  snapshot: Snapshot,
  some: readonly StoredObject[],
  gone: readonly StoredObject[],
): Pick<Snapshot, 'classes' | 'phases' | 'tiers' | 'models' | 'deployments' | 'replicas'> {
  return {
    classes: replaced(snapshot.classes, some.filter(isClass), gone.filter(isClass), nameOf),
    phases: replaced(snapshot.phases, some.filter(isPhase), gone.filter(isPhase), nameOf),
    tiers: replaced(snapshot.tiers, some.filter(isTier), gone.filter(isTier), nameOf),
    models: replaced(snapshot.models, some.filter(isModel), gone.filter(isModel), modelKey),
    deployments: replaced(snapshot.deployments, some.filter(isDeployment), gone.filter(isDeployment), uidOf),
    replicas: regrouped(snapshot.replicas, {
      some: some.filter(isReplica),
      gone: gone.filter(isReplica),
      by: replicaGroup,
    }),
  };
}

function reportsOf(
  snapshot: Snapshot,
  { pods = [], children = [], presence = [], loads = [], scales = [], phases = [], removed = {} }: Change,
): Pick<Snapshot, 'pods' | 'children' | 'presence' | 'loads' | 'scales' | 'phaseFacts'> {
  const byRegion = (fact: LoadFact | ScaleFact): string => loadKey(fact.deploymentUid, fact.region);
  return {
    pods: regrouped(snapshot.pods, { some: pods, gone: removed.pods ?? [], by: podGroup }),
    children: regrouped(snapshot.children, { some: children, gone: removed.children ?? [], by: childGroup }),
    presence: replaced(snapshot.presence, presence, [], (fact) => fact.replicaUid),
    loads: replaced(snapshot.loads, loads, [], byRegion),
    scales: replaced(snapshot.scales, scales, [], byRegion),
    phaseFacts: replaced(snapshot.phaseFacts, phases, [], (fact) => fact.phase),
  };
}

/** Key of `Snapshot.loads` and `Snapshot.scales`. */
export function loadKey(deploymentUid: string, region: string): string {
  return `${deploymentUid}/${region}`;
}

/** Key of `Snapshot.models` for the model that a deployment names. */
export function modelKeyOf(deployment: StoredDeployment): string {
  return `${deployment.meta.namespace ?? ''}/${deployment.spec.modelRef.name}`;
}

/** Nodes, wafer facts and time change the states of the pools that stand on them. */
function withHosts(snapshot: Snapshot, { nodes: some = [], wafers: told = [], removed = {} }: Change): Snapshot {
  const gone = removed.nodes ?? [];
  const nodes = replaced(snapshot.nodes, some, gone, (node) => node.name);
  const waferFacts = replaced(snapshot.waferFacts, told, [], (fact) => fact.wafer);
  const hosts = { nodes, wafers: waferFacts, nowMs: snapshot.nowMs };
  const isTouched = touching([...some, ...gone], told);
  const pools = new Map(snapshot.pools);
  for (const [name, state] of pools) {
    if ((state.changesAtMs ?? Infinity) > snapshot.nowMs && !isTouched(state)) continue;
    const wafers = state.wafers.map(({ wafer }) => wafer);
    pools.set(name, poolState(state.pool, wafers, hosts));
  }
  return { ...snapshot, nodes, waferFacts, pools };
}

/** Whether a pool has a wafer on one of these nodes, or one that something is told of. */
function touching(nodes: readonly NodeFact[], told: readonly WaferFact[]): (state: PoolState) => boolean {
  const names = new Set(nodes.map((node) => node.name));
  const wafers = new Set(told.map((fact) => fact.wafer));
  if (names.size === 0 && wafers.size === 0) return () => false;
  return (state) => state.wafers.some(({ wafer }) => names.has(wafer.spec.nodeName) || wafers.has(wafer.meta.name));
}

function withPools(snapshot: Snapshot, some: readonly StoredObject[], gone: readonly StoredObject[]): Snapshot {
  const now = some.filter(isPool);
  const lost = gone.filter(isPool);
  if (now.length === 0 && lost.length === 0) return snapshot;
  const pools = new Map(snapshot.pools);
  const strays = new Map(snapshot.strayWafers);
  const hosts = { nodes: snapshot.nodes, wafers: snapshot.waferFacts, nowMs: snapshot.nowMs };
  const wafersIn = (pool: StoredPool): readonly StoredWafer[] =>
    (pools.get(pool.meta.name)?.wafers ?? []).map(({ wafer }) => wafer);
  for (const pool of lost) {
    for (const wafer of wafersIn(pool)) strays.set(wafer.meta.name, wafer);
    pools.delete(pool.meta.name);
  }
  for (const pool of now) {
    const own = [...strays.values()].filter((wafer) => wafer.spec.poolRef === pool.meta.name);
    for (const wafer of own) strays.delete(wafer.meta.name);
    pools.set(pool.meta.name, poolState(pool, [...wafersIn(pool), ...own], hosts));
  }
  return { ...snapshot, pools: sortedMap([...pools]), layout: {}, strayWafers: sortedMap([...strays]) };
}

function withWafers(snapshot: Snapshot, some: readonly StoredObject[], gone: readonly StoredObject[]): Snapshot {
  const changes = [
    ...gone.filter(isWafer).map((wafer) => ({ of: wafer, wafer: undefined })),
    ...some.filter(isWafer).map((wafer) => ({ of: wafer, wafer })),
  ];
  if (changes.length === 0) return snapshot;
  const pools = new Map(snapshot.pools);
  const strays = new Map(snapshot.strayWafers);
  const hosts = { nodes: snapshot.nodes, wafers: snapshot.waferFacts, nowMs: snapshot.nowMs };
  for (const { of, wafer } of changes) {
    const { name } = of.meta;
    const state = pools.get(of.spec.poolRef);
    if (state !== undefined) pools.set(of.spec.poolRef, withWafer(state, { name, wafer }, hosts));
    else if (wafer === undefined) strays.delete(name);
    else strays.set(name, wafer);
  }
  return { ...snapshot, pools, strayWafers: sortedMap([...strays]) };
}

function replaced<T>(
  before: ReadonlyMap<string, T>,
  some: readonly T[],
  gone: readonly T[],
  keyOf: (value: T) => string,
): ReadonlyMap<string, T> {
  if (some.length === 0 && gone.length === 0) return before;
  const next = new Map(before);
  for (const value of gone) next.delete(keyOf(value));
  const isNew = some.some((value) => !next.has(keyOf(value)));
  for (const value of some) next.set(keyOf(value), value);
  return isNew ? sortedMap([...next]) : next;
}

type Grouping<T> = { readonly group: (value: T) => string; readonly id: (value: T) => string };

const replicaGroup: Grouping<StoredReplica> = { group: (replica) => replica.spec.deployment.uid, id: uidOf };
const podGroup: Grouping<PodFact> = {
  group: (pod) => pod.replicaUid,
  id: (pod) => `${String(pod.stage).padStart(3, '0')} ${pod.uid}`,
};
const childGroup: Grouping<ChildFact> = {
  group: (child) => child.replicaUid,
  id: (child) => `${child.kind} ${child.uid}`,
};

function regrouped<T>(
  before: ReadonlyMap<string, readonly T[]>,
  { some, gone, by }: { readonly some: readonly T[]; readonly gone: readonly T[]; readonly by: Grouping<T> },
): ReadonlyMap<string, readonly T[]> {
  if (some.length === 0 && gone.length === 0) return before;
  const next = new Map(before);
  const goneIn = groupBy(gone, by.group);
  const someIn = groupBy(some, by.group);
  for (const group of new Set([...goneIn.keys(), ...someIn.keys()])) {
    const members = regroup(next.get(group) ?? [], {
      some: someIn.get(group) ?? [],
      gone: goneIn.get(group) ?? [],
      by,
    });
    if (members.length === 0) next.delete(group);
    else next.set(group, members);
  }
  return [...someIn.keys()].some((group) => !before.has(group)) ? sortedMap([...next]) : next;
}

function regroup<T>(
  before: readonly T[],
  { some, gone, by }: { readonly some: readonly T[]; readonly gone: readonly T[]; readonly by: Grouping<T> },
): readonly T[] {
  const members = new Map(before.map((value) => [by.id(value), value]));
  for (const value of gone) members.delete(by.id(value));
  for (const value of some) members.set(by.id(value), value);
  return [...members].toSorted(([a], [b]) => compareText(a, b)).map(([, value]) => value);
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group === undefined) groups.set(keyOf(value), [value]);
    else group.push(value);
  }
  return groups;
}

function sortedMap<T>(entries: readonly (readonly [string, T])[]): Map<string, T> {
  return new Map(entries.toSorted(([a], [b]) => compareText(a, b)));
}

function nameOf(object: StoredObject): string {
  return object.meta.name;
}

function uidOf(object: StoredObject): string {
  return object.meta.uid;
}

function modelKey({ meta }: StoredModel): string {
  return `${meta.namespace ?? ''}/${meta.name}`;
}

const isClass = (object: StoredObject): object is StoredClass => object.kind === 'WaferClass';
const isPool = (object: StoredObject): object is StoredPool => object.kind === 'WaferPool';
const isWafer = (object: StoredObject): object is StoredWafer => object.kind === 'Wafer';
const isPhase = (object: StoredObject): object is StoredPhase => object.kind === 'CapacityPhase';
const isTier = (object: StoredObject): object is StoredTier => object.kind === 'AccessTier';
const isModel = (object: StoredObject): object is StoredModel => object.kind === 'Model';
const isDeployment = (object: StoredObject): object is StoredDeployment => object.kind === 'ModelDeployment';
const isReplica = (object: StoredObject): object is StoredReplica => object.kind === 'ModelReplica';
