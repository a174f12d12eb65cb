import { describe, expect, test } from '@jest/globals';
import { deployment, facts, nodeOf, pool, replica, wafer } from '@reticle/operator/plan/kit';
import { confirmWrite, drainTarget, drainWrites, type DrainTarget } from './drain-writes.ts';

const claim = {
  namespace: 'models',
  replica: 'agent-x-0',
  uid: 'u',
  stage: 0,
  replicaEpoch: 1,
  planDigest: `sha256:${'0'.repeat(64)}`,
};
const spec = {
  deployment: { name: 'agent', uid: 'uid' },
  region: 'us-east',
  ordinal: 0,
  revision: 'q7m2xa',
  inputs: {
    modelDigest: `sha256:${'9b'.repeat(32)}`,
    engine: { driver: 'WaferSim' },
    shape: { contextTokensMean: 1, streams: 1, wafers: 2 },
  },
};
const wafers = [
  wafer('p0', 0, { claim, epoch: 1 }),
  wafer('p0', 1, { claim: { ...claim, stage: 1 }, epoch: 1 }),
  wafer('p1', 0),
];
const cluster = facts({
  objects: [
    pool('p0'),
    pool('p1'),
    pool('q0', { region: 'us-west' }),
    replica('agent-x-0', spec),
    replica('gone-x-0', { ...spec, desired: 'Retire' }),
    deployment('agent'),
    ...wafers,
  ],
  nodes: wafers.map((each) => nodeOf(each)),
});
const target = (text: string): DrainTarget => {
  const read = drainTarget(text);
  if ('wrong' in read) throw new Error(read.wrong);
  return read;
};
const wish = { reason: 'works', undo: false };

describe('drainWrites', () => {
  test('a pool is evacuated with its reason, and its chains are named once', () => {
    expect(drainWrites(cluster, target('wp/p0'), wish)).toEqual([
      {
        resource: 'waferPool',
        name: 'p0',
        body: { spec: { service: 'Evacuate', serviceReason: 'works' } },
        words: 'wp/p0 in us-east is evacuated: works',
        chains: ['models/agent-x-0'],
      },
    ]);
  });

  test('a region is all of its pools, and no other', () => {
    const writes = drainWrites(cluster, target('region/us-east'), wish);
    expect(Array.isArray(writes) && writes.map(({ name }) => name)).toEqual(['p0', 'p1']);
  });

  test.each([
    { text: 'node/p0-n001', body: { spec: { unschedulable: true } }, chains: ['models/agent-x-0'] },
    { text: 'node/p1-n000', body: { spec: { unschedulable: true } }, chains: [] },
    {
      text: 'mr/agent-x-0',
      body: { metadata: { annotations: { 'reticle.dev/retire-requested': 'works' } } },
      chains: ['models/agent-x-0'],
    },
  ])('$text', ({ text, body, chains }) => {
    expect(drainWrites(cluster, target(text), wish)).toMatchObject([{ body, chains }]);
  });

  test.each([
    { text: 'wp/p0', body: { spec: { service: 'Open', serviceReason: null } } },
    { text: 'node/p0-n001', body: { spec: { unschedulable: null } } },
    { text: 'mr/models/agent-x-0', body: { metadata: { annotations: { 'reticle.dev/retire-requested': null } } } },
  ])('$text is opened again', ({ text, body }) => {
    expect(drainWrites(cluster, target(text), { ...wish, undo: true })).toMatchObject([{ body, chains: [] }]);
  });

  test.each([
    { text: 'wp/p9', want: 'there is no pool p9; there are: wp/p0, wp/p1, wp/q0' },
    { text: 'region/mars', want: 'there is no region mars; there are: region/us-east, region/us-west' },
    { text: 'node/x', want: 'there is no node x' },
    { text: 'mr/x', want: 'there is no mr/x' },
    { text: 'mr/other/agent-x-0', want: 'there is no mr/agent-x-0' },
    { text: 'md/agent', want: 'drained by its regions and replicas' },
  ])('$text is refused', ({ text, want }) => {
    expect(drainWrites(cluster, target(text), wish)).toEqual({ wrong: expect.stringContaining(want) });
  });

  test('a replica that retires is not called back', () => {
    const writes = drainWrites(cluster, target('mr/gone-x-0'), { ...wish, undo: true });
    expect(writes).toEqual({ wrong: expect.stringContaining('retires already') });
  });

  test.each(['p0', 'wp/', 'cph/x', 'region/a/b', 'region/'])('%s is no target', (text) => {
    expect(drainTarget(text)).toHaveProperty('wrong');
  });

  test('a mass removal is confirmed for one term of one deployment', () => {
    expect(confirmWrite(cluster, { name: 'agent' }, '7')).toMatchObject({
      resource: 'modelDeployment',
      namespace: 'models',
      body: { metadata: { annotations: { 'reticle.dev/confirm-mass': '7' } } },
    });
    expect(confirmWrite(cluster, { name: 'agent', namespace: 'x' }, '7')).toEqual({ wrong: 'there is no md/agent' });
  });
});
