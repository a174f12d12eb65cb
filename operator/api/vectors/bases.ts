import type { JsonObject, RuleVectors } from './rule-vectors.ts';

/** One sound object per kind; vectors are patches on these. */
export const bases: Readonly<Record<RuleVectors['kind'], JsonObject>> = {
  CapacityPhase: {
    apiVersion: 'reticle.dev/v1alpha1',
    kind: 'CapacityPhase',
    metadata: { name: 'us-east-2026h2' },
    spec: {
      region: 'us-east',
      zone: 'us-east-a',
      site: 'hall-7',
      classRef: 'wse3',
      residency: ['us', 'global'],
      contract: { party: 'example', ref: 'msa-1', ceilingMegawatts: 750 },
      power: { megawatts: 250, basis: 'Facility' },
      schedule: {
        planned: '2026-01-14T00:00:00Z',
        power: '2026-07-01T00:00:00Z',
        online: '2026-12-15T00:00:00Z',
        onlineP50: '2026-12-15T00:00:00Z',
        onlineP90: '2027-03-01T00:00:00Z',
      },
    },
  },
  Wafer: {
    apiVersion: 'reticle.dev/v1alpha1',
    kind: 'Wafer',
    metadata: { name: 'cs-00a31b' },
    spec: {
      poolRef: 'us-east-p07',
      classRef: 'wse3',
      phaseRef: 'us-east-2026h2',
      slot: 12,
      rack: 'r06',
      nodeName: 'host-00a31b',
      epoch: 3,
    },
  },
  ModelReplica: {
    apiVersion: 'reticle.dev/v1alpha1',
    kind: 'ModelReplica',
    metadata: { name: 'agent-1t-k3fd-q7m2xa-0', namespace: 'reticle-models' },
    spec: {
      deployment: { name: 'agent-1t', uid: '6f0c2e9a-1d54-4c51-9a44-0d6f3b7a1c10' },
      region: 'us-east',
      ordinal: 0,
      revision: 'q7m2xa',
      inputs: {
        modelDigest: 'sha256:0000000000000000000000000000000000000000000000000000000000000000',
        engine: { driver: 'WaferSim' },
        shape: { contextTokensMean: 96300, streams: 30, wafers: 2 },
      },
    },
  },
  WaferClass: {
    apiVersion: 'reticle.dev/v1alpha1',
    kind: 'WaferClass',
    metadata: { name: 'wse3' },
    spec: {
      generation: 'wse3',
      sramBytes: 44000000000,
      denseTeraflops: 15600,
      sramGigabytesPerSecond: 21000000,
      ioGigabytesPerSecond: 150,
      power: { waferWatts: 23000, supportWatts: 5000 },
    },
  },
  WaferPool: {
    apiVersion: 'reticle.dev/v1alpha1',
    kind: 'WaferPool',
    metadata: { name: 'us-east-p07' },
    spec: {
      region: 'us-east',
      zone: 'us-east-a',
      building: 'b1',
      hall: 'h7',
      residency: ['us', 'global'],
      classRef: 'wse3',
      source: { simulated: { wafers: 64 } },
    },
  },
  Model: {
    apiVersion: 'reticle.dev/v1alpha1',
    kind: 'Model',
    metadata: { name: 'agent-1t-v2', namespace: 'reticle-models' },
    spec: {
      digest: 'sha256:0000000000000000000000000000000000000000000000000000000000000000',
      family: 'agent',
      contextTokens: 131072,
      geometry: {
        layers: 61,
        hidden: 7168,
        heads: 64,
        kvHeads: 64,
        headDim: 128,
        vocab: 163840,
        totalParameters: 1026400000000,
        activeParameters: 32860000000,
        weightBits: 4,
        kvBits: 16,
        layerRuns: [
          { count: 1, weightBytes: 994970000, kvBytesPerToken: 1152 },
          { count: 60, weightBytes: 9808510000, kvBytesPerToken: 1152 },
        ],
      },
    },
  },
  AccessTier: {
    apiVersion: 'reticle.dev/v1alpha1',
    kind: 'AccessTier',
    metadata: { name: 'fast' },
    spec: { limits: { guaranteedTokensPerMinute: 10, ceilingTokensPerMinute: 20 } },
  },
  Tenant: {
    apiVersion: 'reticle.dev/v1alpha1',
    kind: 'Tenant',
    metadata: { name: 'acme' },
    spec: {
      tiers: [{ name: 'fast' }, { name: 'flex' }],
      keys: [
        {
          id: 'k7q2m4xz',
          hmacs: ['0000000000000000000000000000000000000000000000000000000000000000'],
          scopes: ['tier:fast', 'model:a'],
        },
      ],
    },
  },
  ModelDeployment: {
    apiVersion: 'reticle.dev/v1alpha1',
    kind: 'ModelDeployment',
    metadata: { name: 'agent-1t', namespace: 'reticle-models' },
    spec: {
      modelRef: { name: 'agent-1t-v2' },
      servedName: 'agent-1t',
      engine: { driver: 'WaferSim' },
      shape: { contextTokensMean: 96300, streams: 30 },
      regions: [{ region: 'us-east', replicas: 1 }],
    },
  },
};
