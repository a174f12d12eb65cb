import { refOf, type Action } from '../action.ts';
import type { StoredPool, StoredReplica } from '../facts.ts';
import { runLengths } from '../place/window.ts';
import type { PoolState, WaferState } from '../pool-state.ts';
import { sameValue } from '../same-value.ts';
import { conditions, type Said } from '../status/conditions.ts';
import { waferPhase, type WaferPhase } from './wafer-status.ts';

type Status = NonNullable<StoredPool['status']>;
type Counts = NonNullable<Status['counts']>;

/** What a pool's status is made of, beside the pool. */
export type PoolFigures = {
  readonly holders: ReadonlyMap<string, StoredReplica>;
  /** Smallest chain of a live deployment; 1 without any. */
  readonly smallest: number;
  readonly inventoryRevision: string;
  readonly nowMs: number;
};

const HOLDERS_MAX = 16;

/** Writes the pool's status when it says something else: once for a burst of changes, not once a wafer. */
export function poolStatus(state: PoolState, figures: PoolFigures): readonly Action[] {
  const { pool } = state;
  const status = statusOf(state, figures);
  if (pool.status !== undefined && sameValue(status, pool.status)) return [];
  const because = status.conditions?.[0]?.reason ?? 'AsExpected';
  return [{ kind: 'setStatus', target: refOf(pool), because, body: { status } }];
}

function statusOf(state: PoolState, { holders, smallest, inventoryRevision, nowMs }: PoolFigures): Status {
  const { pool, free } = state;
  const counts = countsOf(state, holders);
  const runs = pool.spec.fabric.topology === 'Switched' ? [free.length] : runLengths(pool.spec.fabric, free);
  const largestWindow = runs.reduce((most, length) => Math.max(most, length), 0);
  const scattered = free.length === 0 ? 0 : Math.round(1_000 * (1 - largestWindow / free.length));
  const held = heldBy(state);
  return {
    observedGeneration: pool.meta.generation,
    counts,
    largestWindow,
    stranded: runs.reduce((sum, length) => sum + (length % smallest), 0),
    fragmentationPermille: scattered,
    inventoryRevision,
    ...(held.length === 0 ? {} : { holders: held }),
    conditions: conditions(pool, said(pool, counts), nowMs),
  };
}

/** Each wafer once: what is wrong with it before who has it. A free one that no chain may take counts as degraded. */
function countsOf({ pool, wafers, free }: PoolState, holders: PoolFigures['holders']): Counts {
  const spare = Math.min(pool.spec.spares.minHot, free.length);
  const counts = { reserved: 0, claimed: 0, degraded: 0, lost: 0, unknown: 0 };
  for (const state of wafers) {
    const counted = countOf(waferPhase(state, holders.get(state.wafer.spec.claim?.uid ?? '')), state);
    if (counted !== undefined) counts[counted] += 1;
  }
  return { total: wafers.length, free: free.length - spare, spare, ...counts };
}

function countOf(
  phase: WaferPhase,
  { fault }: WaferState,
): Exclude<keyof Counts, 'total' | 'free' | 'spare'> | undefined {
  switch (phase) {
    case 'Lost':
      return 'lost';
    case 'Unknown':
      return 'unknown';
    case 'Reserved':
      return 'reserved';
    case 'Running':
    case 'Draining':
      return 'claimed';
    case 'Degraded':
      return 'degraded';
    case 'Free':
      return fault === undefined ? undefined : 'degraded';
  }
}

function heldBy({ wafers }: PoolState): readonly string[] {
  const names = new Set(
    wafers.flatMap(({ wafer: { spec } }) =>
      spec.claim === undefined ? [] : [`ModelReplica/${spec.claim.namespace}/${spec.claim.replica}`],
    ),
  );
  return [...names].slice(0, HOLDERS_MAX);
}

function said({ spec }: StoredPool, counts: Counts): readonly Said[] {
  return [available(spec, counts), { type: 'Accepted', status: 'True', reason: 'AsExpected' }];
}

function available({ service, serviceReason = '', spares }: StoredPool['spec'], counts: Counts): Said {
  if (service !== 'Open')
    return { type: 'Available', status: 'False', reason: 'PoolEvacuating', detail: serviceReason };
  if (counts.spare < spares.minHot) {
    const detail = `${counts.spare} of ${spares.minHot}`;
    return { type: 'Available', status: 'True', reason: 'SparesShort', detail };
  }
  return { type: 'Available', status: 'True', reason: 'AsExpected' };
}
