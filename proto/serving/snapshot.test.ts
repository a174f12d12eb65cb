import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeSnapshot, isNewer, readSnapshot } from './snapshot.ts';
import { deploymentRow, keyRow, replicaRow, snapshotRows, tenantRow } from './snapshot-kit.ts';

const read = (over: Parameters<typeof snapshotRows>[0]) => readSnapshot(encodeSnapshot(snapshotRows(over)));

describe('readSnapshot', () => {
  test('takes a good one, field by field', () => {
    const { ok } = read({});
    expect(ok).toMatchObject({ term: 1, seq: 1, region: 'us-east', replicas: [{ epoch: 3, weightPercent: 100 }] });
    expect(readSnapshot(encodeSnapshot(ok ?? {}))).toEqual({ ok });
  });

  test.each([
    { name: 'a later format', over: { format: 2 }, want: 'format: unknown' },
    { name: 'no term', over: { term: 0 }, want: 'term: blank' },
    { name: 'no cell', over: { cell: '' }, want: 'cell: blank' },
    { name: 'a region that is not listed', over: { region: 'eu' }, want: 'region: not among regions' },
    {
      name: 'a region twice',
      over: { regions: [{ name: 'us-east' }, { name: 'us-east' }] },
      want: 'regions: twice',
    },
    {
      name: 'a blank residency',
      over: { regions: [{ name: 'us-east', residency: [''] }] },
      want: 'regions[0].residency: blank',
    },
    {
      name: 'a deployment without a served name',
      over: { deployments: [deploymentRow({ servedName: '' })] },
      want: 'deployments[0].servedName: blank',
    },
    {
      name: 'a deployment in no region',
      over: { deployments: [deploymentRow({ regions: [] })], replicas: [] },
      want: 'deployments[0].regions: blank',
    },
    { name: 'an engine twice', over: { replicas: [replicaRow(0), replicaRow(0)] }, want: 'replicas: twice' },
    {
      name: 'an epoch of none',
      over: { replicas: [replicaRow(0), replicaRow(1, { epoch: 0 })] },
      want: 'replicas[1].epoch: blank',
    },
    {
      name: 'a digest that is none',
      over: { replicas: [replicaRow(0, { modelDigest: '' })] },
      want: 'replicas[0].digest: malformed',
    },
    {
      name: 'a replica of nobody',
      over: { replicas: [replicaRow(0, { deploymentUid: 'x' })] },
      want: 'replicas[0].deployment_uid: unknown',
    },
    {
      name: 'a weight above all',
      over: { replicas: [replicaRow(0, { weightPercent: 101 })] },
      want: 'replicas[0].weight_percent: out of range',
    },
    { name: 'a tenant without tiers', over: { tenants: [tenantRow({ tiers: [] })] }, want: 'tenants[0].tiers: blank' },
    {
      name: 'a key of two tenants',
      over: { tenants: [tenantRow(), tenantRow({ name: 'globex' })] },
      want: 'keys: twice',
    },
    {
      name: 'an HMAC of the wrong length',
      over: { tenants: [tenantRow({ keys: [keyRow({ hmacs: [Buffer.alloc(31)] })] })] },
      want: 'tenants[0].keys[0].hmacs: malformed',
    },
    {
      name: 'a key with tiers and a reason why it has none',
      over: { tenants: [tenantRow({ keys: [keyRow({ elsewhere: 1 })] })] },
      want: 'tenants[0].keys[0].tiers: blank',
    },
  ])('refuses $name', ({ over, want }) => {
    expect(read(over)).toEqual({ problem: want });
  });

  test('refuses an unknown enum value, and more bytes than a message may have', () => {
    expect(read({ replicas: [replicaRow(0, { state: 9 as never })] }).problem).toMatch(/^replicas\[0\]\.state/);
    expect(readSnapshot(new Uint8Array(4 * 1024 * 1024 + 1)).problem).toBe('bytes: request_too_large');
  });

  test('answers any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(readSnapshot(bytes).problem).toEqual(expect.any(String));
      }),
    );
  });
});

test.each([
  { next: { term: 1, seq: 2 }, than: { term: 1, seq: 1 }, want: true },
  { next: { term: 1, seq: 1 }, than: { term: 1, seq: 1 }, want: false },
  { next: { term: 2, seq: 1 }, than: { term: 1, seq: 900 }, want: true },
  { next: { term: 1, seq: 900 }, than: { term: 2, seq: 1 }, want: false },
])('isNewer: $next than $than is $want', ({ next, than, want }) => expect(isNewer(next, than)).toBe(want));
