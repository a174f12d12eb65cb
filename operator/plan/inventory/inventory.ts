import type { Action } from '../action.ts';
import type { StoredReplica } from '../facts.ts';
import type { PlanMemo } from '../plan-memo.ts';
import type { PoolState } from '../pool-state.ts';
import type { Snapshot } from '../snapshot.ts';
import { poolStatus } from './pool-status.ts';
import { waferStatus } from './wafer-status.ts';

/** A pool whose statuses said what they should, with everything that this was judged by. */
export type RestingPool = { readonly holders: readonly (StoredReplica | undefined)[]; readonly smallest: number };

/** Statuses of pools and wafers that say something else than what is observed; pools that rest cost nothing. */
export function inventory(snapshot: Snapshot, memo: PlanMemo): readonly Action[] {
  const replicas = [...snapshot.replicas.values()].flat();
  const holders = new Map(replicas.map((replica) => [replica.meta.uid, replica]));
  const smallest = smallestChain(replicas);
  return [...snapshot.pools.values()].flatMap((state) => {
    const own = holdersIn(state, holders);
    if (isResting(memo.restingPool(state), { holders: own, smallest })) return [];
    const written = statusesOf(snapshot, memo, { state, holders, smallest });
    if (written.length === 0) memo.restPool(state, { holders: own, smallest });
    return written;
  });
}

function smallestChain(replicas: readonly StoredReplica[]): number {
  const lengths = replicas.filter(({ spec }) => spec.desired === 'Run').map(({ spec }) => spec.inputs.shape.wafers);
  return lengths.length === 0
    ? 1
    : Math.max(
        1,
        lengths.reduce((least, wafers) => Math.min(least, wafers)),
      );
}

function holdersIn({ wafers }: PoolState, holders: ReadonlyMap<string, StoredReplica>): RestingPool['holders'] {
  const uids = new Set(wafers.flatMap(({ wafer }) => wafer.spec.claim?.uid ?? []));
  return [...uids].map((uid) => holders.get(uid));
}

function isResting(before: RestingPool | undefined, now: RestingPool): boolean {
  if (before === undefined || before.smallest !== now.smallest) return false;
  return (
    before.holders.length === now.holders.length && before.holders.every((each, index) => each === now.holders[index])
  );
}

type Pool = {
  readonly state: PoolState;
  readonly holders: ReadonlyMap<string, StoredReplica>;
  readonly smallest: number;
};

function statusesOf(snapshot: Snapshot, memo: PlanMemo, { state, holders, smallest }: Pool): readonly Action[] {
  const { nowMs } = snapshot;
  const inventoryRevision = memo.inventoryRevision(state);
  const wafers = state.wafers.flatMap((each) =>
    waferStatus(each, holders.get(each.wafer.spec.claim?.uid ?? ''), nowMs),
  );
  return [...wafers, ...poolStatus(state, { holders, smallest, inventoryRevision, nowMs })];
}
