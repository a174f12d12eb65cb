import type { ChildFact, PodFact, PresenceFact, StoredDeployment, StoredReplica, WaferClaim } from './facts.ts';
import type { PoolState, WaferState } from './pool-state.ts';
import type { Snapshot } from './snapshot.ts';

/** Everything of one replica, in one place. */
export type ReplicaView = ReplicaFacts & {
  /** Since when it has been Ready; undefined while it is not. */
  readonly readySinceMs: number | undefined;
};

/** A view before it is judged. */
export type ReplicaFacts = {
  readonly nowMs: number;
  readonly replica: StoredReplica;
  /** Absent once its deployment is gone. */
  readonly deployment: StoredDeployment | undefined;
  /** Of every epoch, by stage. */
  readonly pods: readonly PodFact[];
  readonly children: readonly ChildFact[];
  readonly presence: PresenceFact | undefined;
  /** Wafers that its uid holds, by stage. */
  readonly held: readonly HeldWafer[];
  /** Of its plan. */
  readonly pool: PoolState | undefined;
};

/** A claimed wafer. */
export type HeldWafer = { readonly state: WaferState; readonly claim: WaferClaim };

/** Finalizer of replicas and deployments (OPERATOR §2). */
export const DRAIN_FINALIZER = 'reticle.dev/drain';
/** Our scheduling gate: off once the fence is committed (OPERATOR §10). */
export const COMMIT_GATE = 'reticle.dev/committed';

/** Presence older than this is no evidence (OPERATOR §14). */
export const PRESENCE_FRESH_MS = 5_000;

const NONE: readonly never[] = [];

/** What is known of a replica; `held` comes from {@link heldByReplica}. */
export function replicaFacts(
  snapshot: Snapshot,
  replica: StoredReplica,
  held: ReadonlyMap<string, readonly HeldWafer[]>,
): ReplicaFacts {
  const { uid } = replica.meta;
  return {
    nowMs: snapshot.nowMs,
    replica,
    deployment: snapshot.deployments.get(replica.spec.deployment.uid),
    pods: snapshot.pods.get(uid) ?? NONE,
    children: snapshot.children.get(uid) ?? NONE,
    presence: snapshot.presence.get(uid),
    held: held.get(uid) ?? NONE,
    pool: snapshot.pools.get(replica.spec.plan?.pool ?? ''),
  };
}

/** Claimed wafers of one pool by the uid of their holder, by stage. */
export function heldIn({ wafers }: PoolState): ReadonlyMap<string, readonly HeldWafer[]> {
  const held = new Map<string, HeldWafer[]>();
  for (const state of wafers) {
    const { claim } = state.wafer.spec;
    if (claim === undefined) continue;
    const known = held.get(claim.uid);
    if (known === undefined) held.set(claim.uid, [{ state, claim }]);
    else known.push({ state, claim });
  }
  for (const own of held.values()) own.sort((a, b) => a.claim.stage - b.claim.stage);
  return held;
}

/** Claimed wafers by the uid of their holder; a holder in one pool keeps that pool's list. */
export function heldByReplica(
  pools: Iterable<ReadonlyMap<string, readonly HeldWafer[]>>,
): ReadonlyMap<string, readonly HeldWafer[]> {
  const held = new Map<string, readonly HeldWafer[]>();
  for (const own of pools) {
    for (const [uid, wafers] of own) {
      const known = held.get(uid);
      held.set(uid, known === undefined ? wafers : [...known, ...wafers]);
    }
  }
  return held;
}

/** Whether two views at different times saw the same. */
export function isSameView(a: ReplicaFacts, b: ReplicaFacts): boolean {
  return (
    a.replica === b.replica &&
    a.deployment === b.deployment &&
    a.pods === b.pods &&
    a.children === b.children &&
    a.presence === b.presence &&
    a.held === b.held &&
    a.pool === b.pool
  );
}

/** Stages of the plan of this epoch; 0 without one. */
export function stageCount({ replica }: ReplicaFacts): number {
  return replica.spec.plan?.stages.length ?? 0;
}

/** Pods of the replica's epoch. */
export function podsNow({ replica, pods }: ReplicaFacts): readonly PodFact[] {
  return pods.filter(({ epoch }) => epoch === replica.spec.epoch);
}

/** Whether the epoch is committed and not ended. */
export function isCommitted({ spec }: StoredReplica): boolean {
  return spec.fence?.outcome === 'Committed' && !isEnded(spec);
}

/** Whether somebody ended the present epoch. */
export function isEnded({ retire, epoch }: StoredReplica['spec']): boolean {
  return retire !== undefined && retire.epoch >= epoch;
}

/** Whether the replica is Ready; see {@link replicaView}. */
export function isReady({ readySinceMs }: ReplicaView): boolean {
  return readySinceMs !== undefined;
}

/**
 * The facts with what they say of Ready (OPERATOR §4): committed, and every stage's pod of this epoch is Ready; the
 * head's is Ready only when a prompt has gone round the whole ring. No other controller's word counts, and missing
 * telemetry makes nothing unready.
 */
export function replicaView(facts: ReplicaFacts): ReplicaView {
  return { ...facts, readySinceMs: readySinceMs(facts) };
}

function readySinceMs(facts: ReplicaFacts): number | undefined {
  if (!isCommitted(facts.replica)) return undefined;
  const stages = new Set<number>();
  let sinceMs = 0;
  for (const pod of podsNow(facts)) {
    if (!pod.ready || pod.deletionMs !== undefined) continue;
    stages.add(pod.stage);
    sinceMs = Math.max(sinceMs, pod.readySinceMs);
  }
  return stages.size === stageCount(facts) ? sinceMs : undefined;
}

/** Whether the replica has been Ready in its present epoch, as far as its status knows. */
export function hasBeenReady({ replica }: ReplicaView): boolean {
  const { status, spec } = replica;
  return status?.observedEpoch === spec.epoch && (status.phase === 'Ready' || status.phase === 'Degraded');
}
