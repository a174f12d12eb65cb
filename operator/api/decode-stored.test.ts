import { describe, expect, test } from '@jest/globals';
import { decodeStored } from './decode-stored.ts';
import { accessTierKind } from './access-tier.ts';
import { modelReplicaKind } from './model-replica.ts';
import { waferKind } from './wafer.ts';
import { baseOf } from './vectors/rule-vectors.ts';

const metadata = {
  name: 'cs-00a31b',
  uid: 'u1',
  resourceVersion: '812',
  generation: 7,
  creationTimestamp: '2026-07-01T12:00:00Z',
  managedFields: [{ manager: 'kubectl' }],
};
const wafer = (more: object = {}) => ({ ...baseOf('Wafer'), metadata, ...more });

describe('decodeStored', () => {
  test('reads meta, spec with defaults and status', () => {
    const condition = {
      type: 'Healthy',
      status: 'True',
      reason: 'AsExpected',
      message: 'all is as the spec says',
      observedGeneration: 7,
      lastTransitionTime: '2026-07-01T12:00:01Z',
    };
    const { ok } = decodeStored(waferKind, wafer({ status: { phase: 'Free', conditions: [condition] } }));
    expect(ok).toEqual({
      kind: 'Wafer',
      meta: {
        name: 'cs-00a31b',
        uid: 'u1',
        resourceVersion: '812',
        generation: 7,
        creationMs: Date.UTC(2026, 6, 1, 12),
        finalizers: [],
        labels: {},
        annotations: {},
        owners: [],
      },
      spec: { ...(baseOf('Wafer')['spec'] as object), service: 'Open' },
      status: { phase: 'Free', conditions: [condition] },
    });
  });

  test('reads owners, deletion, finalizers and texts of others, empty ones and long ones', () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(5_000), empty: '' };
    const { ok } = decodeStored(modelReplicaKind, {
      ...baseOf('ModelReplica'),
      metadata: {
        ...metadata,
        name: 'a',
        namespace: 'reticle-models',
        deletionTimestamp: '2026-07-01T12:00:05Z',
        finalizers: ['reticle.dev/drain'],
        labels: { 'node-role': '' },
        annotations,
        ownerReferences: [
          {
            apiVersion: 'x/v1',
            kind: 'ModelDeployment',
            name: 'a',
            uid: 'u0',
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
    });
    expect(ok?.meta).toMatchObject({
      namespace: 'reticle-models',
      deletionMs: Date.UTC(2026, 6, 1, 12, 0, 5),
      finalizers: ['reticle.dev/drain'],
      labels: { 'node-role': '' },
      annotations,
      owners: [{ kind: 'ModelDeployment', name: 'a', uid: 'u0', controller: true }],
    });
  });

  test('takes a status that it cannot read for absent', () => {
    const { ok } = decodeStored(waferKind, wafer({ status: { phase: 'Melting' } }));
    expect(ok?.meta.uid).toBe('u1');
    expect(ok).not.toHaveProperty('status');
  });

  test.each([
    {
      name: 'a field of a later version (K8)',
      raw: wafer({ spec: { ...(baseOf('Wafer')['spec'] as object), tilt: 3 } }),
      want: 'spec.tilt',
    },
    { name: 'no spec', raw: wafer({ spec: null }), want: 'spec' },
    { name: 'no uid', raw: wafer({ metadata: { ...metadata, uid: '' } }), want: 'metadata.uid' },
    { name: 'no meta', raw: { spec: {} }, want: 'metadata.name' },
    { name: 'another kind', raw: wafer({ kind: 'Waffle' }), want: 'kind' },
    { name: 'no object', raw: 'x', want: '' },
  ])('refuses $name', ({ raw, want }) => {
    expect(decodeStored(waferKind, raw).problems?.[0]).toMatchObject({ path: want });
  });

  test('runs rules that need the name', () => {
    const raw = { metadata: { ...metadata, name: 'flex' }, spec: { spill: [{ to: 'fast', afterWaitSeconds: 1 }] } };
    expect(decodeStored(accessTierKind, raw).problems).toMatchObject([{ rule: 'at1' }]);
  });
});
