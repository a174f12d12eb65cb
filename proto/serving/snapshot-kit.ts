/** A small good snapshot for tests, with everything overridable. */
import { ReplicaState } from '../gen/reticle/serving/v1/ReplicaState.ts';
import type { Deployment__Input } from '../gen/reticle/serving/v1/Deployment.ts';
import type { Key__Input } from '../gen/reticle/serving/v1/Key.ts';
import type { Replica__Input } from '../gen/reticle/serving/v1/Replica.ts';
import type { ServingSnapshot__Input } from '../gen/reticle/serving/v1/ServingSnapshot.ts';
import type { Tenant__Input } from '../gen/reticle/serving/v1/Tenant.ts';
import { ServiceTier } from '../gen/reticle/session/v1/ServiceTier.ts';
import { SNAPSHOT_FORMAT } from './snapshot.ts';

export const SNAPSHOT_REGION = 'us-east';
export const SNAPSHOT_DIGEST = `sha256:${'9b'.repeat(32)}`;
const TIER = ServiceTier.SERVICE_TIER_ULTRAFAST;
const HMAC_BYTES = 32;

/** 26 characters, by number. */
export function engineIdOf(index: number): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  return (
    'e'.repeat(23) +
    (letters[Math.floor(index / 676) % 26] ?? '') +
    (letters[Math.floor(index / 26) % 26] ?? '') +
    (letters[index % 26] ?? '')
  );
}

export const deploymentRow = (over: Deployment__Input = {}): Deployment__Input => ({
  uid: 'uid-spark',
  namespace: 'models',
  name: 'spark',
  servedName: 'spark-ref',
  regions: [{ region: SNAPSHOT_REGION, fallback: [] }],
  ...over,
});

export const replicaRow = (index: number, over: Replica__Input = {}): Replica__Input => ({
  uid: `uid-spark-${index}`,
  namespace: 'models',
  name: `spark-${index}`,
  deploymentUid: 'uid-spark',
  engineId: engineIdOf(index),
  region: SNAPSHOT_REGION,
  pool: 'p1',
  epoch: 3,
  planDigest: SNAPSHOT_DIGEST,
  modelDigest: SNAPSHOT_DIGEST,
  headAddress: `spark-${index}.svc:7400`,
  state: ReplicaState.REPLICA_STATE_READY,
  weightPercent: 100,
  slots: 8,
  kvTokens: 65_536,
  tokensPerSecond: 900,
  contextTokens: 8_192,
  ...over,
});

export const keyRow = (over: Key__Input = {}): Key__Input => ({
  id: 'aaaaaaaa',
  hmacs: [Buffer.alloc(HMAC_BYTES, 1)],
  tiers: [TIER],
  ...over,
});

export const tenantRow = (over: Tenant__Input = {}): Tenant__Input => ({
  name: 'acme',
  weight: 100,
  tiers: [{ tier: TIER, models: [] }],
  regions: [SNAPSHOT_REGION],
  keys: [keyRow()],
  ...over,
});

export const snapshotRows = (over: ServingSnapshot__Input = {}): ServingSnapshot__Input => ({
  format: SNAPSHOT_FORMAT,
  cell: SNAPSHOT_REGION,
  region: SNAPSHOT_REGION,
  term: 1,
  seq: 1,
  regions: [{ name: SNAPSHOT_REGION, residency: ['us'] }],
  deployments: [deploymentRow()],
  replicas: [replicaRow(0)],
  tenants: [tenantRow()],
  ...over,
});
