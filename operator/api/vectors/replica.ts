import type { JsonObject, RuleVectors } from './rule-vectors.ts';

const digest = (character: string): string => `sha256:${character.repeat(64)}`;
const stages = [0, 1].map((stage) => ({
  wafer: `cs-00a31${stage}`,
  waferEpoch: 4,
  stage,
  firstLayer: stage * 30,
  lastLayer: stage * 30 + 29,
  weightBytes: 22_960_800_240,
  kvBytes: 10_174_464_000,
  reserveBytes: 4_400_000_000,
}));
const plan: JsonObject = {
  revision: 1,
  digest: digest('5'),
  inputsDigest: digest('6'),
  plannedFromGeneration: 1,
  inventoryRevision: '812',
  profileDigest: digest('7'),
  pool: 'us-east-p07',
  stages,
  predicted: { tokensPerSecond: 777, streams: 30, kvTokens: 2_944_000 },
};
type Outcome = 'Pending' | 'Committed' | 'Aborted';
const first: JsonObject = {};
/** The replica in an epoch whose plan has this outcome. */
const at = (epoch: number, outcome: Outcome, spec: JsonObject = {}): JsonObject => ({
  spec: { epoch, plan: { ...plan, revision: epoch }, fence: { epoch, outcome }, ...spec },
});
const retire = (epoch: number, reason = 'NodeDrain'): JsonObject => ({
  epoch,
  reason,
  requestedAt: '2026-07-01T12:00:00Z',
  deadlineSeconds: 120,
});
const other = { ...plan, revision: 7 };
const withoutWafers: JsonObject = {
  ...plan,
  pool: null,
  stages: [{ stage: 0, firstLayer: 0, lastLayer: 59, weightBytes: 0, kvBytes: 0, reserveBytes: 0 }],
};
const upstream: JsonObject = { inputs: { engine: { driver: 'Upstream', upstreamRef: 'west' } } };

export const replicaVectors: readonly RuleVectors[] = [
  {
    rule: 'mr1',
    kind: 'ModelReplica',
    accept: [
      [first, at(1, 'Pending')],
      [first, at(1, 'Pending'), at(1, 'Aborted'), at(2, 'Pending')],
    ],
    refuse: [
      [first, at(2, 'Pending')],
      [first, at(1, 'Pending'), at(1, 'Committed'), at(3, 'Pending')],
    ],
  },
  {
    rule: 'mr2',
    kind: 'ModelReplica',
    accept: [[first, at(1, 'Pending'), at(1, 'Committed'), at(2, 'Pending', { plan: other })]],
    refuse: [
      [first, at(1, 'Pending'), at(1, 'Pending', { plan: other })],
      [first, at(1, 'Pending'), at(1, 'Committed', { plan: other })],
      [
        first,
        { spec: { plan, fence: { epoch: 1, outcome: 'Pending' }, epoch: 1 } },
        at(1, 'Committed', { plan: other }),
      ],
    ],
  },
  {
    rule: 'mr3',
    kind: 'ModelReplica',
    accept: [
      [first, at(1, 'Pending'), at(1, 'Aborted'), at(2, 'Pending')],
      [first, at(1, 'Pending'), at(1, 'Committed'), at(2, 'Pending')],
    ],
    refuse: [[first, at(1, 'Pending'), at(2, 'Pending')]],
  },
  {
    rule: 'mr4',
    kind: 'ModelReplica',
    accept: [
      [first, at(1, 'Pending'), at(1, 'Committed'), at(1, 'Committed', { desired: 'Retire' })],
      [
        first,
        at(1, 'Pending'),
        at(1, 'Pending', { fence: { epoch: 1, outcome: 'Pending', deadline: '2026-07-01T12:02:00Z' } }),
        at(1, 'Aborted'),
      ],
    ],
    refuse: [
      [first, at(1, 'Pending'), at(1, 'Committed'), at(1, 'Aborted')],
      [first, at(1, 'Pending'), at(1, 'Committed'), at(1, 'Pending')],
      [first, at(1, 'Pending'), at(1, 'Aborted'), at(1, 'Committed')],
      [
        first,
        at(1, 'Pending'),
        at(1, 'Aborted'),
        at(1, 'Aborted', { fence: { epoch: 1, outcome: 'Aborted', deadline: '2026-07-01T12:02:00Z' } }),
      ],
    ],
  },
  {
    rule: 'mr5',
    kind: 'ModelReplica',
    accept: [first, [first, at(1, 'Pending')]],
    refuse: [
      [first, at(1, 'Pending', { plan: null })],
      [first, at(1, 'Pending', { fence: { epoch: 2, outcome: 'Pending' } })],
    ],
  },
  {
    rule: 'mr6',
    kind: 'ModelReplica',
    accept: [
      [first, { spec: { desired: 'Retire' } }, { spec: { desired: 'Retire', retire: retire(0) } }],
      [first, at(1, 'Pending'), at(1, 'Pending', { desired: 'Retire' }), at(1, 'Aborted', { desired: 'Retire' })],
    ],
    refuse: [
      [first, { spec: { desired: 'Retire' } }, { spec: { desired: 'Run' } }],
      [first, { spec: { desired: 'Retire' } }, first],
      [first, { spec: { desired: 'Retire' } }, at(1, 'Pending', { desired: 'Retire' })],
    ],
  },
  {
    rule: 'mr7',
    kind: 'ModelReplica',
    accept: [
      [first, { spec: { retire: retire(0) } }],
      [
        first,
        at(1, 'Pending'),
        at(1, 'Committed', { retire: retire(1) }),
        at(2, 'Pending', { retire: retire(1) }),
        at(2, 'Committed', { retire: retire(2, 'Repair') }),
      ],
    ],
    refuse: [
      [first, { spec: { retire: retire(1) } }],
      [first, { spec: { retire: retire(0) } }, first],
      [first, { spec: { retire: retire(0) } }, { spec: { retire: retire(0, 'Repair') } }],
      [first, at(1, 'Pending'), at(1, 'Committed', { retire: retire(1) }), at(1, 'Committed', { retire: retire(0) })],
    ],
  },
  {
    rule: 'mr8',
    kind: 'ModelReplica',
    accept: [[first, at(1, 'Pending'), at(1, 'Committed')]],
    refuse: [
      [first, at(1, 'Committed')],
      [first, at(1, 'Aborted')],
      [first, { spec: { epoch: 1 } }],
    ],
  },
  {
    rule: 'mr9',
    kind: 'ModelReplica',
    accept: [first, { spec: { desired: 'Retire' } }, [first, at(1, 'Pending')]],
    refuse: [at(1, 'Pending'), { spec: { epoch: 1 } }, { spec: { retire: retire(0) } }],
  },
  {
    rule: 'mr10',
    kind: 'ModelReplica',
    accept: [[first, at(1, 'Pending')]],
    refuse: [
      [first, at(1, 'Pending', { plan: { ...plan, stages: stages.toReversed() } })],
      [first, at(1, 'Pending', { plan: { ...plan, stages: stages.slice(1) } })],
      [first, at(1, 'Pending', { plan: { ...plan, stages: [...stages, ...stages.slice(1)] } })],
    ],
  },
  {
    rule: 'mr11',
    kind: 'ModelReplica',
    accept: [
      [{ spec: upstream }, at(1, 'Pending', { ...upstream, plan: withoutWafers })],
      [first, at(1, 'Pending')],
    ],
    refuse: [
      [first, at(1, 'Pending', { plan: { ...plan, pool: null } })],
      [first, at(1, 'Pending', { plan: withoutWafers })],
      [{ spec: upstream }, at(1, 'Pending', upstream)],
      [{ spec: upstream }, at(1, 'Pending', { ...upstream, plan: { ...withoutWafers, pool: 'us-east-p07' } })],
    ],
  },
  {
    rule: 'mr12',
    kind: 'ModelReplica',
    accept: [[first, { spec: { desired: 'Retire' } }]],
    refuse: [
      [first, { spec: { deployment: { uid: '6f0c2e9a-1d54-4c51-9a44-0d6f3b7a1c19' } } }],
      [first, { spec: { region: 'us-west' } }],
      [first, { spec: { ordinal: 1 } }],
      [first, { spec: { revision: 'aaaaaa' } }],
      [first, { spec: { inputs: { shape: { wafers: 3 } } } }],
      [first, { spec: { inputs: { engine: { args: { seed: '7' } } } } }],
    ],
  },
];
