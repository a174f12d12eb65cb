import { describe, expect, test } from '@jest/globals';
import { decodeObject, kinds, type ReticleObject } from './kinds.ts';
import { validateScene } from './validate-scene.ts';

function object(kind: string, name: string, spec: object, namespace?: string): ReticleObject {
  const metadata = namespace === undefined ? { name } : { name, namespace };
  const decoded = decodeObject(kinds, { apiVersion: 'reticle.dev/v1alpha1', kind, metadata, spec });
  if (decoded.problems !== undefined) throw new Error(JSON.stringify(decoded.problems));
  return decoded.ok;
}

const tenant = (name: string, ids: readonly string[]) =>
  object('Tenant', name, {
    tiers: [{ name: 'fast' }],
    keys: ids.map((id) => ({ id: id.padEnd(8, 'x'), hmacs: ['a'.repeat(64)] })),
  });
const waferClass = (name = 'wse3') =>
  object('WaferClass', name, {
    generation: 'wse3',
    sramBytes: 44e9,
    denseTeraflops: 15_600,
    sramGigabytesPerSecond: 21e6,
    ioGigabytesPerSecond: 150,
    power: { waferWatts: 23_000, supportWatts: 5_000 },
  });
const pool = (name = 'local', spec: object = {}) =>
  object('WaferPool', name, {
    region: 'local',
    zone: 'z',
    building: 'b',
    hall: 'h',
    residency: ['local'],
    classRef: 'wse3',
    source: { simulated: { wafers: 64 } },
    ...spec,
  });
const model = (name = 'spark', namespace = 'default') =>
  object(
    'Model',
    name,
    {
      digest: `sha256:${'0'.repeat(64)}`,
      family: 'spark',
      contextTokens: 1_000,
      geometry: {
        layers: 2,
        hidden: 8,
        heads: 2,
        kvHeads: 1,
        headDim: 4,
        vocab: 100,
        totalParameters: 10,
        activeParameters: 10,
        weightBits: 8,
        kvBits: 16,
        layerRuns: [{ count: 2, weightBytes: 5, kvBytesPerToken: 8 }],
      },
    },
    namespace,
  );
const deployment = (name = 'spark', spec: object = {}) =>
  object('ModelDeployment', name, {
    modelRef: { name: 'spark' },
    servedName: name,
    engine: { driver: 'WaferSim' },
    shape: { contextTokensMean: 1_000, streams: 1 },
    regions: [{ region: 'local', replicas: 1 }],
    ...spec,
  });

describe('validateScene', () => {
  test.each([
    { name: 'nothing', objects: [] },
    { name: 'the smallest whole platform', objects: [waferClass(), pool(), model(), deployment()] },
    { name: 'any order of objects', objects: [deployment(), model(), pool(), waferClass()] },
    { name: 'one name in two kinds and two namespaces', objects: [model('a'), model('a', 'b'), waferClass('a')] },
    {
      name: 'one served name in other tiers',
      objects: [
        waferClass(),
        pool(),
        model(),
        deployment('a', { servedName: 's', tiers: [{ name: 'fast' }] }),
        deployment('b', { servedName: 's', tiers: [{ name: 'flex' }] }),
      ],
    },
    {
      name: 'one served name in other regions',
      objects: [
        waferClass(),
        pool(),
        pool('far', { region: 'far' }),
        model(),
        deployment('a', { servedName: 's' }),
        deployment('b', { servedName: 's', regions: [{ region: 'far', replicas: 1 }] }),
      ],
    },
    {
      name: 'residency that one of two pools carries',
      objects: [
        waferClass(),
        pool('a'),
        pool('b', { residency: ['eu'] }),
        model(),
        deployment('d', { residency: ['eu'] }),
      ],
    },
    {
      name: 'a pool of nodes larger than its slots, whose number is not known here',
      objects: [waferClass(), pool('p', { source: { nodes: { matchLabels: { a: 'b' } } }, fabric: { slots: 1 } })],
    },
  ])('accepts $name', ({ objects }) => {
    expect(validateScene(objects)).toEqual([]);
  });

  const base = [waferClass(), pool(), model()];
  test.each([
    {
      name: 'a class that does not exist',
      objects: [waferClass(), pool('p', { classRef: 'wse' })],
      want: { index: 1, subject: 'WaferPool/p', path: 'spec.classRef', code: 'reference', missing: 'WaferClass' },
      wantMessage: 'no WaferClass is named "wse" (did you mean "wse3"?)',
    },
    {
      name: 'more simulated wafers than slots',
      objects: [waferClass(), pool('p', { fabric: { slots: 63 } })],
      want: { index: 1, subject: 'WaferPool/p', path: 'spec.source.simulated.wafers', code: 'range' },
      wantMessage: '64 wafers do not fit 63 slots (lower it, or raise spec.fabric.slots)',
    },
    {
      name: 'a model that does not exist',
      objects: [...base, deployment('d', { modelRef: { name: 'sparc' } })],
      want: { index: 3, subject: 'ModelDeployment/d', path: 'spec.modelRef.name', code: 'reference', missing: 'Model' },
      wantMessage: 'no Model is named "sparc" in namespace default (did you mean "spark"?)',
    },
    {
      name: 'a model of another namespace',
      objects: [waferClass(), pool(), model('spark', 'other'), deployment()],
      want: { index: 3, path: 'spec.modelRef.name', code: 'reference' },
      wantMessage: 'no Model is named "spark" in namespace default (there are: none)',
    },
    {
      name: 'a mean context above the model',
      objects: [...base, deployment('d', { shape: { contextTokensMean: 1_001, streams: 1 } })],
      want: { index: 3, path: 'spec.shape.contextTokensMean', code: 'range' },
      wantMessage: '1001 is more than the 1000 tokens that Model/spark can hold (lower it)',
    },
    {
      name: 'a region without a pool',
      objects: [
        ...base,
        deployment('d', {
          regions: [
            { region: 'local', replicas: 1 },
            { region: 'mars', replicas: 1 },
          ],
        }),
      ],
      want: { index: 3, path: 'spec.regions[1].region', code: 'reference', missing: 'WaferPool' },
      wantMessage: 'no WaferPool is in region "mars" (pools are in: local)',
    },
    {
      name: 'a pool of another region',
      objects: [
        ...base,
        pool('far', { region: 'far' }),
        deployment('d', { regions: [{ region: 'local', replicas: 1, pools: ['far'] }] }),
      ],
      want: { index: 4, path: 'spec.regions[0].pools[0]', code: 'reference' },
      wantMessage: 'no WaferPool of region "local" is named "far" (it has: local)',
    },
    {
      name: 'a residency that no pool carries',
      objects: [...base, deployment('d', { residency: ['local', 'eu'] })],
      want: { index: 3, path: 'spec.residency', code: 'conflict' },
      wantMessage: 'no WaferPool of region "local" carries all of local, eu (change residency or pools)',
    },
    {
      name: 'a served name twice; the later object yields',
      objects: [
        ...base,
        deployment('a', { servedName: 's' }),
        deployment('b', { servedName: 's', tiers: [{ name: 'flex' }] }),
      ],
      want: { index: 4, subject: 'ModelDeployment/b', path: 'spec.servedName', code: 'conflict' },
      wantMessage: '"s" is already served by ModelDeployment/a in one of these regions and tiers (choose another)',
    },
    {
      name: 'a key id twice; the later tenant yields',
      objects: [tenant('a', ['k1']), tenant('b', ['k2']), tenant('c', ['k3', 'k1'])],
      want: { index: 2, subject: 'Tenant/c', path: 'spec.keys[1].id', code: 'conflict' },
      wantMessage: '"k1xxxxxx" is a key of Tenant/a already (mint another one)',
    },
    {
      name: 'a tier twice',
      objects: [object('AccessTier', 'fast', {}), object('AccessTier', 'flex', {}), object('AccessTier', 'fast', {})],
      want: { index: 2, subject: 'AccessTier/fast', path: 'metadata.name', code: 'duplicate' },
      wantMessage: 'is already taken (rename or remove one)',
    },
    {
      name: 'a name twice in one namespace',
      objects: [model(), model('other'), model()],
      want: { index: 2, subject: 'Model/spark', path: 'metadata.name', code: 'duplicate' },
      wantMessage: 'is already taken in namespace default (rename or remove one)',
    },
    {
      name: 'a name twice in the cluster',
      objects: [waferClass(), waferClass()],
      want: { index: 1, subject: 'WaferClass/wse3', path: 'metadata.name', code: 'duplicate' },
      wantMessage: 'is already taken (rename or remove one)',
    },
  ])('refuses $name', ({ objects, want, wantMessage }) => {
    const problems = validateScene(objects);
    expect(problems).toHaveLength(1);
    expect(problems).toMatchObject([{ ...want, message: wantMessage }]);
  });

  test('names every problem of every object, in the order of the objects', () => {
    const problems = validateScene([deployment(), pool()]);
    expect(problems.map(({ index, path }) => `${index} ${path}`)).toEqual(['0 spec.modelRef.name', '1 spec.classRef']);
  });
});
