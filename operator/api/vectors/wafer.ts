import type { JsonObject, RuleVectors } from './rule-vectors.ts';

const holder = {
  namespace: 'reticle-models',
  replica: 'agent-1t-k3fd-q7m2xa-0',
  uid: '6f0c2e9a-1d54-4c51-9a44-0d6f3b7a1c11',
  stage: 0,
  replicaEpoch: 3,
  planDigest: `sha256:${'5'.repeat(64)}`,
};
/** The wafer claimed at the first epoch after the base's. */
const claimed = (spec: JsonObject = {}, claim: JsonObject = {}): JsonObject => ({
  spec: { epoch: 4, claim: { ...holder, ...claim }, ...spec },
});
const free = (spec: JsonObject = {}): JsonObject => ({ spec });
const thief = { uid: '6f0c2e9a-1d54-4c51-9a44-0d6f3b7a1c12', replicaEpoch: 4 };

export const waferVectors: readonly RuleVectors[] = [
  {
    rule: 'wf1',
    kind: 'Wafer',
    accept: [
      [free(), claimed()],
      [free(), claimed(), free({ epoch: 4 })],
    ],
    refuse: [[free(), free({ epoch: 2 })]],
    also: ['wf5'],
  },
  {
    rule: 'wf2',
    kind: 'Wafer',
    accept: [
      [free(), claimed(), free({ epoch: 4 }), claimed({ epoch: 5 }, thief)],
      [free(), claimed(), claimed({ epoch: 5 }, { replicaEpoch: 4 })],
    ],
    refuse: [[free(), claimed(), claimed({ epoch: 5 }, thief)]],
  },
  {
    rule: 'wf3',
    kind: 'Wafer',
    accept: [
      [free(), claimed(), claimed()],
      [free(), claimed(), claimed({ epoch: 5 }, { replicaEpoch: 4, stage: 1 })],
    ],
    refuse: [
      [free(), claimed({ epoch: 3 })],
      [free(), claimed({ epoch: 5 })],
      [free(), claimed(), claimed({}, { replicaEpoch: 4 })],
      [free(), claimed(), claimed({ epoch: 6 }, { replicaEpoch: 4 })],
    ],
  },
  {
    rule: 'wf4',
    kind: 'Wafer',
    accept: [[free(), claimed(), claimed({ epoch: 5 }, { replicaEpoch: 9 })]],
    refuse: [
      [free(), claimed(), claimed({ epoch: 5 }, { replicaEpoch: 2 })],
      [free(), claimed(), claimed({ epoch: 5 }, { stage: 1 })],
      [free(), claimed(), claimed({ epoch: 5 }, { planDigest: `sha256:${'6'.repeat(64)}` })],
    ],
  },
  {
    rule: 'wf5',
    kind: 'Wafer',
    accept: [[free(), claimed(), free({ epoch: 4 })]],
    refuse: [
      [free(), free({ epoch: 4 })],
      [free(), claimed(), free({ epoch: 5 })],
      [free(), claimed(), claimed({ epoch: 5 })],
    ],
  },
  {
    rule: 'wf6',
    kind: 'Wafer',
    accept: [
      [free(), claimed()],
      [free(), claimed(), claimed({ service: 'Evacuate', serviceReason: 'power work' })],
      [
        free(),
        claimed({ service: 'Open' }),
        claimed({ service: 'Cordon', serviceReason: 'fan' }),
        claimed({ epoch: 5, service: 'Cordon', serviceReason: 'fan' }, { replicaEpoch: 4 }),
      ],
    ],
    refuse: [
      [free({ service: 'Cordon', serviceReason: 'fan' }), claimed({ service: 'Cordon', serviceReason: 'fan' })],
      [free(), claimed({ service: 'Evacuate', serviceReason: 'fan' })],
      [free({ service: 'Cordon', serviceReason: 'fan' }), claimed()],
    ],
  },
  {
    rule: 'wf7',
    kind: 'Wafer',
    accept: [
      [free(), free({ slot: 13, rack: 'r07', nodeName: 'host-00a31c' })],
      [free(), claimed({ slot: 13 })],
      [free(), claimed(), claimed({ phaseRef: 'us-east-2027h1' })],
    ],
    refuse: [
      [free(), claimed(), claimed({ slot: 13 })],
      [free(), claimed(), claimed({ rack: 'r07' })],
      [free(), claimed(), claimed({ nodeName: 'host-00a31c' })],
      [free(), claimed(), free({ epoch: 4, slot: 13 })],
    ],
  },
  {
    rule: 'wf8',
    kind: 'Wafer',
    accept: [free({ epoch: 9 }), [free(), claimed()]],
    refuse: [claimed()],
  },
  {
    rule: 'wf9',
    kind: 'Wafer',
    accept: [[free(), free({ phaseRef: null, service: 'Cordon', serviceReason: 'fan' })]],
    refuse: [
      [free(), free({ poolRef: 'us-east-p08' })],
      [free(), free({ classRef: 'wse4' })],
    ],
  },
  {
    rule: 'wf10',
    kind: 'Wafer',
    accept: [free({ service: 'Open' }), free({ service: 'Cordon', serviceReason: 'fan' })],
    refuse: [free({ service: 'Cordon' }), free({ service: 'Evacuate' })],
  },
];
