import { refOf, type Action } from '../action.ts';
import type { StoredReplica, StoredWafer } from '../facts.ts';
import type { WaferState } from '../pool-state.ts';
import { isEnded } from '../replica-view.ts';
import { sameValue } from '../same-value.ts';
import { conditions, type Said } from '../status/conditions.ts';

type Status = NonNullable<StoredWafer['status']>;
export type WaferPhase = NonNullable<Status['phase']>;

/** The phase of a wafer by its claim, its holder and its faults. */
export function waferPhase({ wafer, fault }: WaferState, holder: StoredReplica | undefined): WaferPhase {
  if (fault === 'lost') return 'Lost';
  if (fault === 'unknown') return 'Unknown';
  if (fault === 'unhealthy' || fault === 'mismatch') return 'Degraded';
  if (wafer.spec.claim === undefined) return 'Free';
  if (holder?.spec.fence?.outcome !== 'Committed') return 'Reserved';
  return isEnded(holder.spec) ? 'Draining' : 'Running';
}

/** Writes the wafer's status when it says something else. */
export function waferStatus(state: WaferState, holder: StoredReplica | undefined, nowMs: number): readonly Action[] {
  const { wafer } = state;
  const status = statusOf(state, holder, nowMs);
  if (wafer.status !== undefined && sameValue(status, wafer.status)) return [];
  const because = status.conditions?.find(({ status: value }) => value === 'False')?.reason ?? 'AsExpected';
  return [{ kind: 'setStatus', target: refOf(wafer), because, body: { status } }];
}

/**
 * The first hardware id that was seen stays, so that another wafer in the slot is noticed; a lost wafer keeps the boot
 * in which it was lost.
 */
function statusOf(state: WaferState, holder: StoredReplica | undefined, nowMs: number): Status {
  const { wafer, defectPermille } = state;
  const before = wafer.status;
  const phase = waferPhase(state, holder);
  const hardwareId = before?.hardwareId ?? state.hardwareId;
  const bootId = phase === 'Lost' ? (before?.bootId ?? state.bootId) : state.bootId;
  const shard = state.residentShardDigest;
  return {
    observedGeneration: wafer.meta.generation,
    phase,
    defectPermille,
    conditions: conditions(wafer, said(state), nowMs),
    ...(hardwareId === undefined ? {} : { hardwareId }),
    ...(bootId === undefined ? {} : { bootId }),
    ...(shard === undefined ? {} : { residentShardDigest: shard }),
  };
}

const unhealthy = {
  unknown: 'NodeLost',
  lost: 'NodeLost',
  mismatch: 'WaferIdMismatch',
  unhealthy: 'WaferUnhealthy',
} as const;

function said({ fault }: WaferState): readonly Said[] {
  const ill =
    fault === 'unknown' || fault === 'lost' || fault === 'mismatch' || fault === 'unhealthy' ? fault : undefined;
  return [
    ill === undefined
      ? { type: 'Healthy', status: 'True', reason: 'AsExpected' }
      : { type: 'Healthy', status: ill === 'unknown' ? 'Unknown' : 'False', reason: unhealthy[ill] },
    fault === 'notBurnedIn'
      ? { type: 'BurnedIn', status: 'False', reason: 'PhaseNotOpen' }
      : { type: 'BurnedIn', status: 'True', reason: 'AsExpected' },
    schedulable(fault),
  ];
}

function schedulable(fault: WaferState['fault']): Said {
  switch (fault) {
    case undefined:
      return { type: 'Schedulable', status: 'True', reason: 'AsExpected' };
    case 'closed':
      return { type: 'Schedulable', status: 'False', reason: 'PoolEvacuating' };
    case 'notBurnedIn':
      return { type: 'Schedulable', status: 'False', reason: 'PhaseNotOpen' };
    case 'noCapacity':
      return { type: 'Schedulable', status: 'False', reason: 'NodeLost' };
    case 'unknown':
    case 'lost':
    case 'mismatch':
    case 'unhealthy':
      return { type: 'Schedulable', status: 'False', reason: unhealthy[fault] };
  }
}
