import { tiers } from '@reticle/core/domain';
import { ageColumn, clusterKind, column, conditionColumn, wide, type ObjectOf } from './kind.ts';
import { labelName, regionName, servedModelName } from './names.ts';
import {
  bool,
  enumOf,
  int,
  list,
  listMap,
  obj,
  opt,
  rule,
  set,
  str,
  time,
  updateRule,
  withDefault,
  withRules,
  type Finding,
  type Infer,
} from './schema.ts';
import { count, evidence, holders, statusFields } from './status.ts';
import { withFrozen } from './transition.ts';
import { utcMs } from './utc-time.ts';

/** States of a phase, in order; it only goes forward (OPERATOR §15). */
export const phaseStates = [
  'Contracted',
  'Powered',
  'Racked',
  'BurnIn',
  'Accepted',
  'Online',
  'Draining',
  'Retired',
] as const;
export type PhaseState = (typeof phaseStates)[number];

/** What a gate measures; defaults of `minimum` and `windowMinutes` are OPERATOR §15's. */
export const gateTypes = [
  'PowerMeasured',
  'SystemsInstalled',
  'WaferHealth',
  'BurnIn',
  'FabricLatency',
  'ThroughputVsPlan',
  'Canary',
  'Approval',
] as const;

const MEGAWATTS_MAX = 100_000;
const MINUTES_MAX = 525_600;
const percent = (min: number, value: number) => withDefault(int(min, 100), value);

/** What the site has bought. Phases of one `ref` share its ceiling. */
const contract = withFrozen(
  obj({ party: str(), ref: labelName(), ceilingMegawatts: int(1, MEGAWATTS_MAX) }),
  'cph1',
  ['ref', 'ceilingMegawatts'],
  'make a new CapacityPhase for another contract',
);

/** Megawatts at the meter, at the building, or at the racks: they are almost a factor of 2 apart (WAFER §9). */
const power = obj({
  megawatts: int(1, MEGAWATTS_MAX),
  basis: withDefault(enumOf(['Utility', 'Facility', 'IT']), 'Facility'),
});

const dates = ['planned', 'power', 'racked', 'accepted', 'online', 'retire'] as const;

const schedule = withRules(
  obj({
    planned: time(),
    power: opt(time()),
    racked: opt(time()),
    accepted: opt(time()),
    online: opt(time()),
    retire: opt(time()),
    onlineP50: opt(time()),
    onlineP90: opt(time()),
  }),
  rule(
    'cph2',
    `[${dates.map((name) => `?self.?${name}`).join(', ')}].isSorted()`,
    `dates must not go back along ${dates.join(', ')} (move the earlier one)`,
    (self) => {
      const given = dates.flatMap((name) => {
        const text = self[name];
        return text === undefined ? [] : [{ name, ms: utcMs(text) ?? 0 }];
      });
      return given.flatMap(({ name, ms }, index): Finding[] => {
        const before = given[index - 1];
        if (before === undefined || before.ms <= ms) return [];
        return [{ at: [name], message: `is before ${before.name} (move one of them)` }];
      });
    },
  ),
  rule(
    'cph3',
    '!has(self.onlineP50) || !has(self.onlineP90) || self.onlineP50 <= self.onlineP90',
    'onlineP50 must not be after onlineP90 (move one of them)',
    ({ onlineP50, onlineP90 }) =>
      onlineP50 === undefined ||
      onlineP90 === undefined ||
      (utcMs(onlineP50) ?? 0) <= (utcMs(onlineP90) ?? 0) || [
        { at: ['onlineP50'], message: 'is after onlineP90 (move one of them)' },
      ],
  ),
);

/** A condition that guards a state: the phase enters `into` only while it holds. */
const gate = obj({
  name: labelName(),
  type: enumOf(gateTypes),
  /** In the unit of the type: percent, hours of burn-in, turns; the type's own default when absent. */
  minimum: opt(int(0, 1_000_000)),
  windowMinutes: opt(int(0, MINUTES_MAX)),
  into: enumOf(['Powered', 'Racked', 'BurnIn', 'Accepted', 'Online']),
});

const ramp = withRules(
  list(int(1, 100), { minItems: 1, maxItems: 6 }),
  rule(
    'cph4',
    'self.isSorted() && self[size(self) - 1] == 100',
    'ramp must rise and end with 100 (sort it and add 100)',
    (self) => self.every((step, index) => step >= (self[index - 1] ?? 0)) && self.at(-1) === 100,
  ),
);

const allocation = withRules(
  list(obj({ tier: enumOf(tiers), model: opt(servedModelName()), sharePercent: int(0, 100) }), { maxItems: 16 }),
  rule(
    'cph5',
    'self.map(a, a.sharePercent).sum() <= 100',
    'sharePercent of all allocations must not add up to more than 100 (lower one)',
    (self) => self.reduce((sum, { sharePercent }) => sum + sharePercent, 0) <= 100,
  ),
);

const fields = obj({
  region: regionName(),
  zone: labelName(),
  site: labelName(),
  classRef: labelName(),
  residency: withDefault(set(labelName(), { maxItems: 8 }), []),
  contract,
  power,
  pueMilli: withDefault(int(1_000, 2_000), 1_200),
  /** Watts of a wafer and what supports it; the class's sum when absent. */
  systemWatts: opt(int(1, 10_000_000)),
  schedule,
  gates: withDefault(listMap(gate, 'name', { maxItems: 12 }), []),
  ramp: withDefault(ramp, [5, 25, 50, 100]),
  rampBakeMinutes: withDefault(int(0, MINUTES_MAX), 60),
  spares: withDefault(
    obj({ hotPercent: percent(0, 3), maintenancePercent: percent(0, 2), strandedPercent: percent(0, 3) }),
    {},
  ),
  burnInYieldPercent: percent(1, 100),
  /** Lost between meter and building. */
  utilityLossPercent: opt(int(0, 50)),
  allocation: withDefault(allocation, []),
  hold: withDefault(bool(), false),
  retire: withDefault(
    withRules(
      bool(),
      updateRule(
        'cph6',
        '!oldSelf || self',
        'retire cannot be taken back (make a new CapacityPhase)',
        (self, oldSelf) => !oldSelf || self,
      ),
    ),
    false,
  ),
  confidence: withDefault(enumOf(['Contract', 'Forecast', 'Observed']), 'Forecast'),
  evidence: withDefault(list(evidence(), { maxItems: 16 }), []),
});

const spec = withFrozen(
  withRules(
    fields,
    rule(
      'cph7',
      "!has(self.utilityLossPercent) || self.power.basis == 'Utility'",
      'utilityLossPercent is for basis Utility alone (remove it, or say power.basis: Utility)',
      ({ utilityLossPercent, power: { basis } }) =>
        utilityLossPercent === undefined || basis === 'Utility'
          ? true
          : [{ at: ['utilityLossPercent'], message: `is for basis Utility alone, not ${basis} (remove it)` }],
    ),
  ),
  'cph8',
  ['region', 'zone', 'site', 'classRef', 'residency'],
  'make a new CapacityPhase',
);

const gateStatus = obj({
  name: labelName(),
  state: enumOf(['Pending', 'Passed', 'Failed', 'Waived']),
  observed: opt(int(0)),
  required: opt(int(0)),
  at: opt(time()),
});

const ledgerRow = obj({
  step: str({ maxLength: 63 }),
  unit: str({ maxLength: 32 }),
  expected: int(0),
  observed: opt(int(0)),
  /** Field of the spec that the step rests on. */
  assumption: opt(str()),
  lostHere: opt(bool()),
});

const status = obj({
  ...statusFields(),
  state: opt(enumOf(phaseStates)),
  since: opt(time()),
  weightPercent: opt(int(0, 100)),
  gates: opt(listMap(gateStatus, 'name', { maxItems: 12 })),
  /** The gates that hold the phase back, for a column. */
  gatesText: opt(str()),
  systems: opt(
    obj({
      expected: count(),
      installed: count(),
      accepted: count(),
      schedulable: count(),
      usable: count(),
      claimed: count(),
      failed: count(),
    }),
  ),
  /** Rounded down; power in kW. */
  ledger: opt(list(ledgerRow, { maxItems: 16 })),
  slipDays: opt(int(-36_500, 36_500)),
  holders: opt(holders()),
});

/** A contracted amount of power in one region: when it comes online, by which gates, for whom (OPERATOR §3, §15). */
export const capacityPhaseKind = clusterKind('CapacityPhase', {
  spec,
  status,
  purpose: 'A contracted amount of power in one region: when it comes online, by which gates, for whom.',
  finalizer: 'reticle.dev/wafers',
  plural: 'capacityphases',
  shortName: 'cph',
  columns: [
    column('Region', '.spec.region'),
    column('MW', '.spec.power.megawatts', 'integer'),
    column('State', '.status.state'),
    column('Weight', '.status.weightPercent', 'integer'),
    column('Installed', '.status.systems.installed', 'integer'),
    column('Accepted', '.status.systems.accepted', 'integer'),
    // A `date` in the future is printed as <invalid>.
    column('Online-by', '.spec.schedule.online'),
    conditionColumn('Reason', 'Accepted', 'reason'),
    ageColumn,
    wide(column('Slip', '.status.slipDays', 'integer')),
    wide(column('Gate', '.status.gatesText')),
  ],
  selectable: ['spec.region'],
});
export type CapacityPhase = ObjectOf<typeof capacityPhaseKind>;
export type CapacityPhaseSpec = Infer<typeof spec>;
