import type { JsonObject, RuleVectors } from './rule-vectors.ts';

const nodes = (pool: string): JsonObject => ({
  spec: { source: { simulated: null, nodes: { matchLabels: { 'reticle.dev/pool': pool } } } },
});

const counts = { total: 64, free: 20, reserved: 0, claimed: 42, spare: 1, degraded: 1, lost: 0, unknown: 0 };

export const capacityVectors: readonly RuleVectors[] = [
  {
    rule: 'wc1',
    kind: 'WaferClass',
    accept: [
      { spec: { profile: { alphaMilli: { moe: 4000 } } } },
      {
        spec: { profile: { alphaMilli: { none: 1000, moe: 1000, dense: 1000 }, stepTokensMax: { moe: 1, dense: 1 } } },
      },
    ],
    refuse: [
      { spec: { profile: { alphaMilli: { moe: 4001 } } } },
      { spec: { profile: { stepTokensMax: { dense: 2 } } } },
      { spec: { profile: { alphaMilli: { none: 1001 } } } },
    ],
  },
  {
    rule: 'wp1',
    kind: 'WaferPool',
    accept: [
      {},
      { spec: { source: { simulated: null, nodes: { matchLabels: { 'reticle.dev/pool': 'us-east-p07' } } } } },
    ],
    refuse: [
      { spec: { source: { simulated: null } } },
      { spec: { source: { nodes: { matchLabels: { 'reticle.dev/pool': 'us-east-p07' } } } } },
    ],
  },
  {
    rule: 'wp2',
    kind: 'WaferPool',
    accept: [{ spec: { service: 'Open' } }, { spec: { service: 'Cordon', serviceReason: 'power work' } }],
    refuse: [{ spec: { service: 'Cordon' } }, { spec: { service: 'Evacuate' } }],
  },
  {
    rule: 'wc2',
    kind: 'WaferClass',
    accept: [
      [{}, { spec: { power: { waferWatts: 24000 }, costPerHourCents: 900, profile: { hopNanos: 4000 } } }],
      [{}, { spec: { reservePercent: 10 } }],
    ],
    refuse: [
      [{}, { spec: { generation: 'wse4' } }],
      [{}, { spec: { sramBytes: 45000000000 } }],
      [{}, { spec: { reservePercent: 5 } }],
      [{ spec: { reservePercent: 5 } }, {}],
      [{}, { spec: { denseTeraflops: 15601 } }],
      [{}, { spec: { sramGigabytesPerSecond: 1 } }],
      [{}, { spec: { ioGigabytesPerSecond: 151 } }],
    ],
  },
  {
    rule: 'wp3',
    kind: 'WaferPool',
    accept: [
      [{}, { spec: { source: { simulated: { wafers: 32 } } } }],
      [nodes('us-east-p07'), nodes('us-east-p08')],
    ],
    refuse: [
      [{}, nodes('us-east-p07')],
      [nodes('us-east-p07'), {}],
    ],
  },
  {
    rule: 'wp4',
    kind: 'WaferPool',
    accept: [
      [{}, { spec: { phaseRef: 'us-east-2026h2', defrag: 'Off', fabric: { slots: 96 } } }],
      [{}, { spec: { residency: ['global', 'us'] } }],
    ],
    refuse: [
      [{}, { spec: { region: 'us-west' } }],
      [{}, { spec: { zone: 'us-east-b' } }],
      [{}, { spec: { building: 'b2' } }],
      [{}, { spec: { hall: 'h8' } }],
      [{}, { spec: { residency: ['us'] } }],
      [{}, { spec: { classRef: 'wse4' } }],
    ],
  },
  {
    rule: 'wp5',
    kind: 'WaferPool',
    of: 'status',
    accept: [{ counts }, { counts: { ...counts, total: 65, unknown: 1 } }],
    refuse: [{ counts: { ...counts, total: 65 } }, { counts: { ...counts, free: 21 } }],
  },
];
