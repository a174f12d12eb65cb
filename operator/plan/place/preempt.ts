import type { Finding } from '../action.ts';
import type { StoredReplica } from '../facts.ts';
import type { WaferState } from '../pool-state.ts';
import type { Snapshot } from '../snapshot.ts';
import { priorityOf } from '../tier-terms.ts';
import { windowOf, type BoardPool } from './board.ts';
import type { Demand } from './demand.ts';
import type { Ground } from './ground.ts';

/** Victims are lower by at least this (OPERATOR §9.6). */
export const PRIORITY_GAP = 100;

type Victim = {
  readonly replica: StoredReplica;
  readonly wafers: readonly WaferState[];
  readonly sessions: number;
};

/**
 * Proposes chains of lower tiers that would make room, fewest sessions first, in the pool that needs fewest of them.
 * Only a proposal: nobody is retired by it (OPERATOR §23).
 */
export function preemptFor(snapshot: Snapshot, ground: Ground, demand: Demand): Finding | undefined {
  if (demand.preemption !== 'LowerTier') return undefined;
  const priorities = new Map([...snapshot.deployments].map(([uid, each]) => [uid, priorityOf(snapshot, each)]));
  let best: { readonly pool: BoardPool; readonly victims: readonly Victim[] } | undefined;
  for (const pool of ground.board.pools()) {
    if (!demand.filter.allowed.has(pool.state.pool.meta.name)) continue;
    const victims = enoughOf(ground, demand, {
      pool,
      candidates: candidatesIn(snapshot, demand, { pool, priorities }),
    });
    if (victims !== undefined && (best === undefined || sessionsOf(victims) < sessionsOf(best.victims))) {
      best = { pool, victims };
    }
  }
  if (best === undefined) return undefined;
  const victims = best.victims.map(({ replica }) => `mr/${replica.meta.name}`);
  return { kind: 'preempt', subject: demand.subject, pool: best.pool.state.pool.meta.name, victims };
}

type Places = { readonly pool: BoardPool; readonly priorities: ReadonlyMap<string, number> };

function candidatesIn(snapshot: Snapshot, demand: Demand, { pool, priorities }: Places): readonly Victim[] {
  const held = new Map<string, WaferState[]>();
  for (const state of pool.state.wafers) {
    const uid = state.wafer.spec.claim?.uid;
    if (uid !== undefined) held.set(uid, [...(held.get(uid) ?? []), state]);
  }
  const replicas = [...snapshot.replicas.values()].flat().filter(({ meta }) => held.has(meta.uid));
  return replicas
    .filter(
      ({ spec }) =>
        spec.desired === 'Run' && demand.priority - (priorities.get(spec.deployment.uid) ?? Infinity) >= PRIORITY_GAP,
    )
    .map((replica) => ({
      replica,
      wafers: (held.get(replica.meta.uid) ?? []).filter(({ fault }) => fault === undefined),
      sessions: snapshot.presence.get(replica.meta.uid)?.residentSessions ?? Number.MAX_SAFE_INTEGER,
    }))
    .toSorted((a, b) => a.sessions - b.sessions || b.replica.meta.creationMs - a.replica.meta.creationMs);
}

type Offer = { readonly pool: BoardPool; readonly candidates: readonly Victim[] };

/** The fewest of them in order whose wafers make the room; the board is left as it was. */
function enoughOf({ board }: Ground, demand: Demand, { pool, candidates }: Offer): readonly Victim[] | undefined {
  for (let count = 1; count <= candidates.length; count += 1) {
    const victims = candidates.slice(0, count);
    const undo = board.give(
      pool,
      victims.flatMap(({ wafers }) => wafers),
    );
    const fits = pool.room >= demand.wafers && windowOf(pool, demand.wafers) !== undefined;
    undo();
    if (fits) return victims;
  }
  return undefined;
}

function sessionsOf(victims: readonly Victim[]): number {
  return victims.reduce((sum, { sessions }) => sum + sessions, 0);
}
