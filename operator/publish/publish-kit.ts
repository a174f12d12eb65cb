/** Objects that a snapshot is made of, for tests. */
import { decodeObject, kinds } from '@reticle/operator/api';
import { deployment, DIGEST, model, NOW_MS, pool, replica } from '@reticle/operator/plan/kit';
import type { ServingObject, ServingReplica, ServingTenant } from './serving-objects.ts';

export { deployment, DIGEST, pool };

export const CELL = { name: 'us-east', region: 'us-east' };
export const HEADS = {
  engineId: (uid: string): string => `${'e'.repeat(26 - lettersOf(uid).length)}${lettersOf(uid)}`,
  port: 7_400,
};
const HMAC = 'a'.repeat(64);

/** Ids of engines are 26 letters; the last ones tell replicas of a test apart. */
function lettersOf(uid: string): string {
  return uid.replaceAll(/[^a-z]/g, '').slice(-12);
}

/** A tenant with one key, named by its own name. */
export function tenant(name: string, spec: object = {}, creationMs = NOW_MS): ServingTenant {
  const given = { tiers: [{ name: 'fast' }, { name: 'flex' }], keys: [{ id: keyIdOf(name), hmacs: [HMAC] }], ...spec };
  const decoded = decodeObject(kinds, {
    apiVersion: 'reticle.dev/v1alpha1',
    kind: 'Tenant',
    metadata: { name },
    spec: given,
  });
  if (decoded.ok === undefined) throw new Error(JSON.stringify(decoded.problems));
  const meta = { ...pool('any').meta, name, uid: `uid-${name}`, creationMs };
  // `decodeObject` has decoded exactly this kind.
  return { kind: 'Tenant', meta, spec: decoded.ok.spec } as ServingTenant;
}

export function keyIdOf(name: string): string {
  return name.padEnd(8, '0').slice(0, 8);
}

type Change = { readonly spec?: object; readonly status?: object };

/** A committed replica of `spark` in us-east, Ready at epoch 3. */
export function committed(name: string, { spec = {}, status = {} }: Change = {}): ServingReplica {
  const stage = {
    stage: 0,
    wafer: 'p1-w000',
    waferEpoch: 1,
    firstLayer: 0,
    lastLayer: 60,
    weightBytes: 1,
    kvBytes: 1,
    reserveBytes: 0,
  };
  const plan = {
    revision: 1,
    digest: DIGEST,
    inputsDigest: DIGEST,
    plannedFromGeneration: 1,
    pool: 'p1',
    stages: [stage],
    predicted: { tokensPerSecond: 900, streams: 8, kvTokens: 65_536 },
  };
  const { engine, shape } = deployment('spark').spec;
  const whole = {
    deployment: { name: 'spark', uid: 'uid-ModelDeployment-spark' },
    region: 'us-east',
    ordinal: 0,
    revision: 'abcdef',
    inputs: { modelDigest: DIGEST, engine, shape },
    epoch: 3,
    plan,
    fence: { epoch: 3, outcome: 'Committed' },
    ...spec,
  };
  const said = { observedEpoch: 3, phase: 'Ready' as const, ...status };
  return replica(name, whole, { status: said });
}

/** A cell that serves `spark` with so many replicas to one tenant. */
export function servingScene(replicas = 1): ServingObject[] {
  return [
    pool('p1'),
    model(),
    deployment('spark'),
    tenant('acme'),
    ...Array.from({ length: replicas }, (_, index) => committed(`spark-${String.fromCodePoint(97 + index)}`)),
  ];
}
