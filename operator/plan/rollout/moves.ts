import { drainAnnotations } from '@reticle/operator/api';
import type { RetireReason, StoredReplica } from '../facts.ts';
import type { ReplicaView } from '../replica-view.ts';
import type { Snapshot } from '../snapshot.ts';

/** Why a sound chain has to leave its wafers; undefined: it may stay (OPERATOR §11, K6). */
export function moveReason(snapshot: Snapshot, { pool, held, replica }: ReplicaView): RetireReason | undefined {
  if (pool?.pool.spec.service === 'Evacuate') return 'PoolEvacuate';
  if (snapshot.phases.size > 0 && phasesOf(held, pool).some((phase) => isClosing(snapshot, phase)))
    return 'PhaseRetire';
  const drains = held.some(
    ({ state: { node, wafer } }) => node?.unschedulable === true || wafer.spec.service === 'Evacuate',
  );
  return drains || isAsked(replica) ? 'NodeDrain' : undefined;
}

/** Somebody drains this one chain; the request goes with the replica. */
function isAsked({ meta }: StoredReplica): boolean {
  return meta.annotations[drainAnnotations.retireRequested] !== undefined;
}

function phasesOf(held: ReplicaView['held'], pool: ReplicaView['pool']): readonly string[] {
  const phases = new Set([pool?.pool.spec.phaseRef, ...held.map(({ state }) => state.wafer.spec.phaseRef)]);
  return [...phases].filter((phase) => phase !== undefined);
}

function isClosing(snapshot: Snapshot, name: string): boolean {
  const phase = snapshot.phases.get(name);
  return phase?.spec.retire === true || phase?.status?.state === 'Draining' || phase?.status?.state === 'Retired';
}
