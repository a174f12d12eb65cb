import { describe, expect, test } from '@jest/globals';
import { kinds } from './kinds.ts';
import { noFitCodes, reasonClasses, reasonMessage, reasonNames, reasons, type ReasonRow } from './reasons.ts';

/** OPERATOR §4, in its words. */
const registry = {
  ok: 'AsExpected, ProbePassed, Placed, Committed, AllReplicasReady, Paused',
  capacity:
    'NoFit, InsufficientWafers, SparesShort, PhaseNotOpen, ContractExceeded, GuaranteesExceedCapacity, NoSurgeCapacity, PoolEvacuating, Preempted, CapacityLost',
  pods: 'PodsPending, PodsNotReady, PodRejected, ExternallyGated, CrashLooping, ImagePullFailed, StageRestarted, NodeLost',
  updating:
    'Reserving, ReserveTimedOut, RollingOut, RolloutStalled, RolledBack, ScalingUp, ScalingDown, Retiring, DrainTimedOut, Repairing',
  config:
    'InvalidSpec, ModelNotFound, ModelMismatch, TierNotFound, PoolNotFound, ServedNameConflict, SlotConflict, ResidencyViolation, NamespaceNotEnabled, UnsupportedVersion, StillReferenced',
  upstream:
    'ProbeFailed, SlowerThanPlan, UpstreamUnreachable, WaferUnhealthy, WaferIdMismatch, BurnInFailed, GateFailed, TelemetryStale, ParkStoreUnavailable',
  control: 'CacheStale, ClaimConflict, FencedByHigherEpoch, SnapshotGuardTripped, InvariantBroken',
} as const;

describe('reasons', () => {
  test('are those of OPERATOR §4, in their classes', () => {
    const byClass = Object.fromEntries(
      reasonClasses.map((group) => [group, reasonNames.filter((name) => reasons[name].class === group).join(', ')]),
    );
    expect(byClass).toEqual(registry);
  });

  test.each(Object.entries<ReasonRow>(reasons))('%s names its kinds, what it means and what to do', (_, row) => {
    const shortNames = Object.values(kinds).map((kind) => kind.shortName);
    expect(row.kinds.length).toBeGreaterThan(0);
    expect(row.kinds.filter((kind) => !shortNames.includes(kind))).toEqual([]);
    expect(row.text).toMatch(/^[a-zA-Z].+[^.]$/);
    expect(row.next).toMatch(/^[a-zA-Z].+[^.]$|^wait$/);
  });

  test('are never an alarm when all is well, and always ask for something when it is an error', () => {
    const rows = Object.values<ReasonRow>(reasons);
    expect(rows.filter((row) => row.class === 'ok' && row.severity !== 'info')).toEqual([]);
    expect(rows.filter((row) => row.severity === 'error' && /^(wait|nothing to do)$/.test(row.next))).toEqual([]);
  });

  test('make a message with its detail, or without one', () => {
    expect(reasonMessage('NoFit', 'need 21, best has 19')).toBe(
      'no pool of the region can hold the chain: need 21, best has 19',
    );
    expect(reasonMessage('NoFit')).toBe('no pool of the region can hold the chain');
    expect(reasonMessage('NoFit', '')).toBe('no pool of the region can hold the chain');
  });

  test('have fifteen ways not to fit', () => {
    expect(new Set(noFitCodes).size).toBe(15);
  });
});
