import { describe, expect, test } from '@jest/globals';
import { isReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import { ReplicaState } from '@reticle/proto/gen/serving/v1/ReplicaState';
import { encodeSnapshot, readSnapshot } from '@reticle/proto/serving';
import {
  deploymentRow,
  engineIdOf,
  replicaRow,
  SNAPSHOT_DIGEST,
  snapshotRows,
  tenantRow,
} from '@reticle/proto/serving/kit';
import type { EngineEntry } from '@reticle/services/stream';
import { ServingView } from './serving-view.ts';

type Rows = Parameters<typeof snapshotRows>[0];

function viewOf(over: Rows = {}): ServingView {
  const { ok, problem } = readSnapshot(encodeSnapshot(snapshotRows(over)));
  if (ok === undefined) throw new Error(problem);
  return new ServingView(ok);
}

const places = [
  { name: 'us-east', residency: ['us'] },
  { name: 'us-west', residency: ['us'] },
  { name: 'eu-west', residency: ['eu'] },
];
const everywhere = deploymentRow({ regions: places.map(({ name }) => ({ region: name })) });
const onlyWest = deploymentRow({ regions: [{ region: 'us-west' }] });
const words = (...inferenceResidency: string[]) => [tenantRow({ inferenceResidency })];

/** `regions` that serve it, or `code (allowed regions)`. */
function placed(over: Rows, allowedRegions: readonly string[], model = 'spark-ref'): string {
  try {
    return viewOf({ regions: places, ...over })
      .place({ model, tenant: 'acme', allowedRegions })
      .join(' ');
  } catch (error) {
    if (!isReticleError(error)) throw error;
    return `${error.code} (${error.details?.['allowed_regions'] ?? ''})`;
  }
}

describe('place', () => {
  test.each([
    { name: 'anybody anywhere', over: {}, asked: [], want: 'us-east us-west eu-west' },
    { name: 'a tenant within its residency', over: { tenants: words('us') }, asked: [], want: 'us-east us-west' },
    { name: 'regions that are asked for', over: {}, asked: ['eu-west', 'us-east'], want: 'us-east eu-west' },
    { name: 'a region elsewhere', over: {}, asked: ['us-west'], want: 'region_unavailable (us-west)' },
    { name: 'a region that nobody has', over: {}, asked: ['ap'], want: 'region_unavailable (us-east,us-west,eu-west)' },
    { name: 'a residency elsewhere', over: { tenants: words('eu') }, asked: [], want: 'region_unavailable (eu-west)' },
    { name: 'a residency nowhere', over: { tenants: words('jp') }, asked: [], want: 'residency_violation ()' },
    {
      name: 'a region outside the residency',
      over: { tenants: words('us') },
      asked: ['eu-west'],
      want: 'residency_violation (us-east,us-west)',
    },
    {
      name: 'a model elsewhere',
      over: { deployments: [onlyWest], replicas: [] },
      asked: [],
      want: 'region_unavailable (us-west)',
    },
    {
      name: 'a model whose own residency is elsewhere',
      over: { deployments: [{ ...everywhere, residency: ['eu'] }] },
      asked: [],
      want: 'region_unavailable (eu-west)',
    },
    {
      name: 'a model and a tenant that have no region in common',
      over: { deployments: [{ ...everywhere, residency: ['eu'] }], tenants: words('us') },
      asked: [],
      want: 'residency_violation ()',
    },
    {
      name: 'a model of two deployments',
      over: { deployments: [{ ...onlyWest, uid: 'u2' }, deploymentRow()] },
      asked: [],
      want: 'us-west us-east',
    },
    { name: 'a tenant that no row names', over: { tenants: [] }, asked: [], want: 'us-east us-west eu-west' },
  ])('$name: $want', ({ over, asked, want }) => {
    expect(placed({ deployments: [everywhere], ...over }, asked)).toBe(want);
  });

  test('a model of no deployment is unknown', () => expect(placed({}, [], 'other')).toBe('model_not_found ()'));
});

describe('takesNew', () => {
  const engine = (over: Partial<EngineEntry> = {}): EngineEntry => ({
    engineId: engineIdOf(0),
    address: '127.0.0.1:1',
    region: 'us-east',
    model: 'spark-ref',
    modelDigest: SNAPSHOT_DIGEST,
    replicaEpoch: 3 * limits.startsPerEpochMax + 7,
    capabilities: {} as EngineEntry['capabilities'],
    ...over,
  });

  test.each([
    { name: 'a Ready replica at its epoch, after a restart too', row: {}, seen: {}, want: true },
    { name: 'one that serves with less', row: { state: ReplicaState.REPLICA_STATE_DEGRADED }, seen: {}, want: true },
    { name: 'one that starts', row: { state: ReplicaState.REPLICA_STATE_STARTING }, seen: {}, want: false },
    { name: 'one that drains', row: { state: ReplicaState.REPLICA_STATE_DRAINING }, seen: {}, want: false },
    { name: 'one of a phase without weight', row: { weightPercent: 0 }, seen: {}, want: false },
    { name: 'one of an earlier epoch', row: { epoch: 4 }, seen: {}, want: false },
    { name: 'one of a later epoch', row: { epoch: 2 }, seen: {}, want: false },
    { name: 'one of another digest', row: {}, seen: { modelDigest: `sha256:${'0'.repeat(64)}` }, want: false },
    { name: 'one of another region', row: {}, seen: { region: 'eu-west' }, want: false },
    { name: 'one that says another name', row: {}, seen: { model: 'other' }, want: false },
    { name: 'one that no row names', row: {}, seen: { engineId: engineIdOf(9) }, want: false },
  ])('$name: $want', ({ row, seen, want }) => {
    expect(viewOf({ replicas: [replicaRow(0, row)] }).takesNew(engine(seen))).toBe(want);
  });
});

test('regionsOf names the regions of all deployments once, in their order', () => {
  const view = viewOf({ regions: places, deployments: [{ ...onlyWest, uid: 'u2' }, everywhere] });
  expect([view.regionsOf('spark-ref'), view.regionsOf('other')]).toEqual([['us-west', 'us-east', 'eu-west'], []]);
});
