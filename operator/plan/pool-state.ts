import type { NodeFact, StoredPool, StoredWafer, WaferFact } from './facts.ts';

/** A wafer above this share of dead tiles is placed on only where nothing else fits (OPERATOR §9.3). */
export const WORN_PERMILLE = 20;
/** A wafer above this share of dead tiles is not Healthy (OPERATOR §9.2). */
export const FAILED_PERMILLE = 50;
/** A node that is not Ready for longer is lost (OPERATOR §12). */
export const NODE_LOST_MS = 40_000;

/** Why a wafer takes no chain, in the order in which it is looked for. */
export type WaferFault = 'unknown' | 'lost' | 'mismatch' | 'unhealthy' | 'notBurnedIn' | 'closed' | 'noCapacity';

/** One wafer with what is known of it. */
export type WaferState = {
  readonly wafer: StoredWafer;
  readonly node?: NodeFact;
  readonly defectPermille: number;
  readonly bootId?: string;
  readonly hardwareId?: string;
  /** Digest of the shard whose weights it holds. */
  readonly residentShardDigest?: string;
  /** Absent: it may take a chain when it is unclaimed. */
  readonly fault?: WaferFault;
};

/** One pool with its wafers by rising slot. */
export type PoolState = {
  readonly pool: StoredPool;
  readonly wafers: readonly WaferState[];
  /** Unclaimed wafers without a fault, by rising slot. */
  readonly free: readonly WaferState[];
  /** When a node that is not Ready counts as lost: the state is made anew then. */
  readonly changesAtMs?: number;
};

/** What is known of hosts. */
export type Hosts = {
  readonly nodes: ReadonlyMap<string, NodeFact>;
  readonly wafers: ReadonlyMap<string, WaferFact>;
  readonly nowMs: number;
};

/** A named check of one wafer; what it finds is a fault. */
type WaferCheck = (seen: Seen) => boolean;
type Seen = {
  readonly pool: StoredPool;
  readonly wafer: StoredWafer;
  readonly node: NodeFact | undefined;
  readonly fact: WaferFact | undefined;
  readonly nowMs: number;
};

const isUnknown: WaferCheck = ({ node }) => node === undefined;

const isLost: WaferCheck = ({ node, wafer, fact, nowMs }) => {
  if (node !== undefined && !node.ready && nowMs - node.readySinceMs > NODE_LOST_MS) return true;
  // A lost wafer stays so until its host comes back with a new boot: pods of before may still run on it.
  return wafer.status?.phase === 'Lost' && wafer.status.bootId === (fact?.bootId ?? node?.bootId);
};

const isMismatch: WaferCheck = ({ node, wafer, fact }) => {
  if (node?.waferId !== undefined && node.waferId !== wafer.meta.name) return true;
  const known = wafer.status?.hardwareId;
  return known !== undefined && fact?.hardwareId !== undefined && fact.hardwareId !== known;
};

const isUnhealthy: WaferCheck = ({ node, fact }) =>
  (fact?.healthy ?? node?.waferHealthy ?? true) === false || defects(node, fact) > FAILED_PERMILLE;

/** A pool without a phase needs no burn-in (OPERATOR §23). */
const isNotBurnedIn: WaferCheck = ({ pool, node, fact }) =>
  pool.spec.phaseRef !== undefined && (fact?.burnedIn ?? node?.burnedIn ?? false) === false;

const isClosed: WaferCheck = ({ wafer, node }) =>
  wafer.spec.service !== 'Open' || wafer.meta.deletionMs !== undefined || node?.unschedulable === true;

const hasNoCapacity: WaferCheck = ({ node }) => node !== undefined && (!node.ready || node.waferCapacity < 1);

const checks: readonly (readonly [WaferFault, WaferCheck])[] = [
  ['unknown', isUnknown],
  ['lost', isLost],
  ['mismatch', isMismatch],
  ['unhealthy', isUnhealthy],
  ['notBurnedIn', isNotBurnedIn],
  ['closed', isClosed],
  ['noCapacity', hasNoCapacity],
];

/** A pool with its wafers, in whatever order they are given. */
export function poolState(pool: StoredPool, wafers: readonly StoredWafer[], hosts: Hosts): PoolState {
  return stateOf(
    pool,
    wafers.map((wafer) => waferState(pool, wafer, hosts)),
    hosts.nowMs,
  );
}

function stateOf(pool: StoredPool, unsorted: readonly WaferState[], nowMs: number): PoolState {
  const wafers = unsorted.toSorted(bySlot);
  const due = wafers.flatMap(({ node }) => {
    const lostAtMs = node === undefined || node.ready ? 0 : node.readySinceMs + NODE_LOST_MS + 1;
    return lostAtMs > nowMs ? [lostAtMs] : [];
  });
  const changesAtMs = due.length === 0 ? undefined : due.reduce((least, atMs) => Math.min(least, atMs));
  return { pool, wafers, free: wafers.filter(isFree), ...(changesAtMs === undefined ? {} : { changesAtMs }) };
}

/** The pool with one wafer changed, added or, when `wafer` is absent, removed. */
export function withWafer(
  state: PoolState,
  { name, wafer }: { readonly name: string; readonly wafer: StoredWafer | undefined },
  hosts: Hosts,
): PoolState {
  const others = state.wafers.filter((each) => each.wafer.meta.name !== name);
  const states = wafer === undefined ? others : [...others, waferState(state.pool, wafer, hosts)];
  return stateOf(state.pool, states, hosts.nowMs);
}

function waferState(pool: StoredPool, wafer: StoredWafer, { nodes, wafers, nowMs }: Hosts): WaferState {
  const node = nodes.get(wafer.spec.nodeName);
  const fact = wafers.get(wafer.meta.name);
  const fault = checks.find(([, check]) => check({ pool, wafer, node, fact, nowMs }))?.[0];
  const known = { ...idsOf(node, fact), ...(node === undefined ? {} : { node }) };
  const state = { wafer, defectPermille: defects(node, fact), ...known };
  return fault === undefined ? state : { ...state, fault };
}

/** A host's own word counts more than its node's. */
function idsOf(
  node: NodeFact | undefined,
  fact: WaferFact | undefined,
): Pick<WaferState, 'bootId' | 'hardwareId' | 'residentShardDigest'> {
  const { bootId = node?.bootId, hardwareId = node?.waferId, residentShardDigest } = fact ?? {};
  return {
    ...(bootId === undefined ? {} : { bootId }),
    ...(hardwareId === undefined ? {} : { hardwareId }),
    ...(residentShardDigest === undefined ? {} : { residentShardDigest }),
  };
}

function defects(node: NodeFact | undefined, fact: WaferFact | undefined): number {
  return fact?.defectPermille ?? node?.defectPermille ?? 0;
}

function isFree({ wafer, fault }: WaferState): boolean {
  return fault === undefined && wafer.spec.claim === undefined;
}

function bySlot(a: WaferState, b: WaferState): number {
  return a.wafer.spec.slot - b.wafer.spec.slot || compareText(a.wafer.meta.name, b.wafer.meta.name);
}

/** Order of two texts by code unit, the same on every machine. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
