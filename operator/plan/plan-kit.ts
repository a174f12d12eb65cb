/** Objects and facts for tests and benches of the planner: decoded as from a store, with everything overridable. */
import { decodeObject, kinds, type ObjectMeta } from '@reticle/operator/api';
import { modelGeometry, wse3Spec, type ModelGeometry } from '@reticle/core/domain/wafer';
import type {
  Facts,
  NodeFact,
  StoredClass,
  StoredDeployment,
  StoredModel,
  StoredObject,
  StoredPhase,
  StoredPool,
  StoredReplica,
  StoredTier,
  StoredWafer,
} from './facts.ts';

const agentSpec = {
  layers: 61,
  hidden: 7_168,
  heads: 64,
  kvHeads: 64,
  headDim: 128,
  vocab: 163_840,
  totalParameters: 1_026_400_000_000,
  activeParameters: 32_860_000_000,
  kvBits: 16,
  weightBits: 4,
  layerRuns: [
    { count: 1, weightBytes: 994_970_000, kvBytesPerToken: 1_152 },
    { count: 60, weightBytes: 9_808_510_000, kvBytesPerToken: 1_152 },
  ],
} as const;

/** A small mixture of experts (spark-ref of WAFER §4): chains of a few wafers. */
export const sparkSpec = {
  layers: 36,
  hidden: 2_880,
  heads: 64,
  kvHeads: 8,
  headDim: 64,
  vocab: 201_088,
  totalParameters: 116_830_000_000,
  activeParameters: 5_130_000_000,
  kvBits: 16,
  weightBits: 4,
  endBytes: 306_940_000,
  layerRuns: [{ count: 36, weightBytes: 1_702_950_000, kvBytesPerToken: 2_048 }],
} as const;

/** Geometry of `agent-1t-v2` (OPERATOR §5). */
export function agentGeometry(): ModelGeometry {
  return modelGeometry(agentSpec);
}

export const NOW_MS = 1_800_000_000_000;
export const DIGEST = `sha256:${'9b'.repeat(32)}`;
const IMAGE = `registry/reticle@sha256:${'ab'.repeat(32)}`;

type Given<T extends StoredObject> = {
  readonly name: string;
  readonly namespace?: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly meta?: Partial<ObjectMeta>;
  readonly status?: NonNullable<T['status']>;
};

/** An object as a store hands it out; a spec that its kind refuses is a mistake of the test. */
function stored<T extends StoredObject>(kind: T['kind'], { name, namespace, spec, meta, status }: Given<T>): T {
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  const decoded = decodeObject(kinds, { apiVersion: 'reticle.dev/v1alpha1', kind, metadata, spec });
  if (decoded.ok === undefined) throw new Error(JSON.stringify(decoded.problems));
  const object = {
    kind,
    meta: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      uid: `uid-${kind}-${name}`,
      resourceVersion: '1',
      generation: 1,
      creationMs: NOW_MS,
      finalizers: [],
      labels: {},
      annotations: {},
      owners: [],
      ...meta,
    },
    spec: decoded.ok.spec,
    ...(status === undefined ? {} : { status }),
  };
  // `decodeObject` has decoded exactly this kind.
  return object as unknown as T;
}

type Spec = Readonly<Record<string, unknown>>;

export const waferClass = (spec: Spec = {}): StoredClass =>
  stored<StoredClass>('WaferClass', {
    name: 'wse3',
    spec: { ...wse3Spec, power: { waferWatts: 23_000, supportWatts: 5_000 }, ...spec },
  });

export const pool = (name: string, spec: Spec = {}, meta: Partial<ObjectMeta> = {}): StoredPool =>
  stored<StoredPool>('WaferPool', {
    name,
    meta,
    spec: {
      region: 'us-east',
      zone: 'us-east-a',
      building: 'b1',
      hall: `h-${name}`,
      residency: ['us', 'global'],
      classRef: 'wse3',
      source: { nodes: { matchLabels: { 'reticle.dev/pool': name } } },
      ...spec,
    },
  });

/** Wafer `slot` of a pool; two to a rack. */
export const wafer = (
  poolName: string,
  slot: number,
  spec: Spec = {},
  more: Partial<Given<StoredWafer>> = {},
): StoredWafer =>
  stored<StoredWafer>('Wafer', {
    name: `${poolName}-w${String(slot).padStart(3, '0')}`,
    spec: {
      poolRef: poolName,
      classRef: 'wse3',
      slot,
      rack: `r${String(Math.floor(slot / 2)).padStart(3, '0')}`,
      nodeName: `${poolName}-n${String(slot).padStart(3, '0')}`,
      ...spec,
    },
    ...more,
  });

export const nodeOf = ({ meta, spec }: StoredWafer, overrides: Partial<NodeFact> = {}): NodeFact => ({
  name: spec.nodeName,
  ready: true,
  readySinceMs: NOW_MS - 3_600_000,
  unschedulable: false,
  waferCapacity: 1,
  bootId: `boot-${meta.name}`,
  waferId: meta.name,
  waferHealthy: true,
  burnedIn: true,
  defectPermille: 0,
  ...overrides,
});

export const model = (name = 'agent-1t-v2', geometry: Spec = agentSpec, spec: Spec = {}): StoredModel =>
  stored<StoredModel>('Model', {
    name,
    namespace: 'models',
    spec: { digest: DIGEST, family: 'agent', contextTokens: 131_072, geometry, ...spec },
  });

export const deployment = (
  name: string,
  spec: Spec = {},
  more: Partial<Given<StoredDeployment>> = {},
): StoredDeployment =>
  stored<StoredDeployment>('ModelDeployment', {
    name,
    namespace: 'models',
    spec: {
      modelRef: { name: 'agent-1t-v2' },
      servedName: name,
      engine: { driver: 'WaferSim', image: IMAGE },
      shape: { contextTokensMean: 96_300, streams: 30, wafers: 21 },
      regions: [{ region: 'us-east', replicas: 1 }],
      tiers: [{ name: 'default' }],
      ...spec,
    },
    ...more,
  });

export const phase = (name: string, spec: Spec = {}, status: NonNullable<StoredPhase['status']> = {}): StoredPhase =>
  stored<StoredPhase>('CapacityPhase', {
    name,
    status,
    spec: {
      region: 'us-east',
      zone: 'us-east-a',
      site: 'hall-7',
      classRef: 'wse3',
      contract: { party: 'example', ref: 'msa-1', ceilingMegawatts: 750 },
      power: { megawatts: 250 },
      schedule: { planned: '2026-01-14T00:00:00Z', online: '2026-12-15T00:00:00Z' },
      ...spec,
    },
  });

export const tier = (name: string, spec: Spec = {}): StoredTier => stored<StoredTier>('AccessTier', { name, spec });

export const replica = (name: string, spec: Spec, more: Partial<Given<StoredReplica>> = {}): StoredReplica =>
  stored<StoredReplica>('ModelReplica', { name, namespace: 'models', spec, ...more });

/** A pool with so many wafers on sound nodes. */
export function fullPool(
  name: string,
  wafers: number,
  spec: Spec = {},
): { objects: StoredObject[]; nodes: NodeFact[] } {
  const own = Array.from({ length: wafers }, (_, slot) => wafer(name, slot));
  return { objects: [pool(name, spec), ...own], nodes: own.map((each) => nodeOf(each)) };
}

/** Facts with nothing but what is given. */
export function facts(given: Partial<Facts> = {}): Facts {
  return {
    nowMs: NOW_MS,
    objects: [],
    nodes: [],
    wafers: [],
    pods: [],
    children: [],
    presence: [],
    loads: [],
    scales: [],
    phases: [],
    ...given,
  };
}
