import type { RetireReason } from '../facts.ts';
import type { ReplicaView } from '../replica-view.ts';
import type { Snapshot } from '../snapshot.ts';

/** Why a sound chain has to leave its wafers; undefined: it may stay (OPERATOR §11, K6). */
export function moveReason(snapshot: Snapshot, { replica, held }: ReplicaView): RetireReason | undefined {
  const pool = replica.spec.plan?.pool;
  const state = pool === undefined ? undefined : snapshot.pools.get(pool);
  if (state?.pool.spec.service === 'Evacuate') return 'PoolEvacuate';
  const phases = new Set([state?.pool.spec.phaseRef, ...held.map((each) => each.state.wafer.spec.phaseRef)]);
  for (const phase of phases) if (phase !== undefined && isClosing(snapshot, phase)) return 'PhaseRetire';
  const drains = held.some(
    ({ state: { node, wafer } }) => node?.unschedulable === true || wafer.spec.service === 'Evacuate',
  );
  return drains ? 'NodeDrain' : undefined;
}

function isClosing(snapshot: Snapshot, name: string): boolean {
  const phase = snapshot.phases.get(name);
  return phase?.spec.retire === true || phase?.status?.state === 'Draining' || phase?.status?.state === 'Retired';
}
