import type { JsonObject, RuleVectors } from './rule-vectors.ts';

const day = (text: string): string => `${text}T00:00:00Z`;
const schedule = (dates: JsonObject): JsonObject => ({ spec: { schedule: dates } });
/** No dates but `planned` and these. */
const only = (dates: JsonObject): JsonObject =>
  schedule({ planned: day('2026-01-14'), power: null, online: null, onlineP50: null, onlineP90: null, ...dates });

export const phaseVectors: readonly RuleVectors[] = [
  {
    rule: 'cph1',
    kind: 'CapacityPhase',
    accept: [[{}, { spec: { contract: { party: 'Example Inc.' } } }]],
    refuse: [
      [{}, { spec: { contract: { ref: 'msa-2' } } }],
      [{}, { spec: { contract: { ceilingMegawatts: 751 } } }],
    ],
  },
  {
    rule: 'cph2',
    kind: 'CapacityPhase',
    accept: [
      {},
      only({}),
      only({ power: day('2026-01-14') }),
      only({ retire: day('2031-01-14') }),
      // Fractions of a second are digits, not letters.
      only({ power: '2026-01-14T00:00:00.5Z', racked: '2026-01-14T00:00:00.75Z' }),
      only({
        power: day('2026-02-01'),
        racked: day('2026-03-01'),
        accepted: day('2026-04-01'),
        online: day('2026-05-01'),
      }),
    ],
    refuse: [
      only({ power: day('2026-01-13') }),
      only({ power: day('2026-03-01'), online: day('2026-02-01') }),
      only({ online: day('2025-12-31') }),
      only({ power: '2026-01-14T00:00:00.75Z', racked: '2026-01-14T00:00:00.5Z' }),
      only({ racked: day('2027-01-01'), accepted: day('2026-12-31'), online: day('2027-02-01') }),
      only({ online: day('2027-01-01'), retire: day('2026-12-31') }),
    ],
  },
  {
    rule: 'cph3',
    kind: 'CapacityPhase',
    accept: [
      only({ onlineP50: day('2027-01-01'), onlineP90: day('2027-01-01') }),
      only({ onlineP90: day('2020-01-01') }),
      only({ onlineP50: day('2030-01-01') }),
    ],
    refuse: [only({ onlineP50: day('2027-01-02'), onlineP90: day('2027-01-01') })],
  },
  {
    rule: 'cph4',
    kind: 'CapacityPhase',
    accept: [{ spec: { ramp: [100] } }, { spec: { ramp: [1, 5, 5, 50, 99, 100] } }, { spec: { ramp: null } }],
    refuse: [{ spec: { ramp: [5, 25, 50] } }, { spec: { ramp: [50, 25, 100] } }, { spec: { ramp: [100, 50] } }],
  },
  {
    rule: 'cph5',
    kind: 'CapacityPhase',
    accept: [
      {
        spec: {
          allocation: [
            { tier: 'ultrafast', sharePercent: 70 },
            { tier: 'fast', model: 'agent-1t', sharePercent: 30 },
          ],
        },
      },
      { spec: { allocation: [{ tier: 'flex', sharePercent: 0 }] } },
    ],
    refuse: [
      {
        spec: {
          allocation: [
            { tier: 'ultrafast', sharePercent: 70 },
            { tier: 'fast', sharePercent: 31 },
          ],
        },
      },
    ],
  },
  {
    rule: 'cph6',
    kind: 'CapacityPhase',
    accept: [
      [{}, { spec: { retire: true } }],
      [{ spec: { retire: true } }, { spec: { retire: true, hold: true } }],
      [{ spec: { retire: false } }, {}],
    ],
    refuse: [
      [{ spec: { retire: true } }, { spec: { retire: false } }],
      [{ spec: { retire: true } }, {}],
    ],
  },
  {
    rule: 'cph7',
    kind: 'CapacityPhase',
    accept: [
      { spec: { power: { basis: 'Utility' }, utilityLossPercent: 3 } },
      { spec: { power: { basis: 'Utility' } } },
      { spec: { power: { basis: 'IT' } } },
    ],
    refuse: [
      { spec: { utilityLossPercent: 3 } },
      { spec: { utilityLossPercent: 0, power: { basis: null } } },
      { spec: { utilityLossPercent: 3, power: { basis: 'IT' } } },
    ],
  },
  {
    rule: 'cph8',
    kind: 'CapacityPhase',
    accept: [
      [{}, { spec: { residency: ['global', 'us'], power: { megawatts: 200 }, pueMilli: 1150 } }],
      [{}, { spec: { confidence: 'Contract', rampBakeMinutes: 30 } }],
    ],
    refuse: [
      [{}, { spec: { region: 'us-west' } }],
      [{}, { spec: { zone: 'us-east-b' } }],
      [{}, { spec: { site: 'hall-8' } }],
      [{}, { spec: { classRef: 'wse4' } }],
      [{}, { spec: { residency: null } }],
    ],
  },
];
