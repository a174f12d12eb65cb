import { ageColumn, clusterKind, column, type ObjectOf } from './kind.ts';
import { digest } from './names.ts';
import { int, list, obj, opt, rule, str, withDefault, withRules, type Finding, type Infer } from './schema.ts';
import { count, evidence, holders, statusFields } from './status.ts';
import { withFrozen } from './transition.ts';

/** α in thousandths: at least one token per step. */
const alpha = (value: number) => withDefault(int(1_000, 64_000), value);
/** A share of a peak in thousandths. */
const efficiency = (value: number) => withDefault(int(1, 1_000), value);
const stepTokens = (value: number) => withDefault(int(1, 64), value);
const nanos = (value: number) => withDefault(int(0, 1_000_000_000), value);

const speculationClasses = ['none', 'moe', 'dense'] as const;

/** The latency model's constants; the defaults are profile `wse3-2026` (WAFER §5.1). */
const profile = withRules(
  obj({
    name: withDefault(str(), 'wse3-2026'),
    tau0Nanos: nanos(8_300),
    tau1Nanos: nanos(3_300),
    hopNanos: nanos(5_000),
    crossRackNanos: nanos(0),
    hostNanos: nanos(20_000),
    alphaMilli: withDefault(obj({ none: alpha(1_000), moe: alpha(1_700), dense: alpha(2_500) }), {}),
    stepTokensMax: withDefault(obj({ none: stepTokens(1), moe: stepTokens(4), dense: stepTokens(5) }), {}),
    attentionMilli: efficiency(500),
    marginalMilli: efficiency(350),
    ioMilli: efficiency(800),
    prefillMilli: withDefault(obj({ dense: efficiency(350), moe: efficiency(100) }), {}),
    chunkTokens: withDefault(int(1, 65_536), 32),
    streamsPerLayerMax: withDefault(int(1, 1_024), 8),
  }),
  rule(
    'wc1',
    'self.alphaMilli.none <= 1000 * self.stepTokensMax.none && self.alphaMilli.moe <= 1000 * self.stepTokensMax.moe' +
      ' && self.alphaMilli.dense <= 1000 * self.stepTokensMax.dense',
    'alphaMilli must not exceed 1000 times stepTokensMax of its class',
    (self) =>
      speculationClasses.flatMap((name): Finding[] => {
        const limit = 1_000 * self.stepTokensMax[name];
        const message = `${self.alphaMilli[name]} exceeds ${limit}, 1000 times stepTokensMax.${name} (lower it)`;
        return self.alphaMilli[name] <= limit ? [] : [{ at: ['alphaMilli', name], message }];
      }),
  ),
);

const fields = obj({
  generation: str(),
  sramBytes: int(1),
  reservePercent: withDefault(int(0, 50), 10),
  denseTeraflops: int(1),
  sramGigabytesPerSecond: int(1),
  ioGigabytesPerSecond: int(1),
  power: obj({ waferWatts: int(1), supportWatts: int(1) }),
  costPerHourCents: opt(int(1)),
  profile: withDefault(profile, {}),
  evidence: withDefault(list(evidence(), { maxItems: 32 }), []),
});

const spec = withFrozen(
  fields,
  'wc2',
  ['generation', 'sramBytes', 'reservePercent', 'denseTeraflops', 'sramGigabytesPerSecond', 'ioGigabytesPerSecond'],
  'make a new WaferClass and pools of it',
);

const status = obj({
  ...statusFields(),
  /** SHA-256 of the profile as plans name it. */
  profileDigest: opt(digest()),
  pools: opt(count()),
  wafers: opt(count()),
  holders: opt(holders()),
});

/** A generation of wafer hardware: memory, compute, I/O, power and the constants of its latency model (OPERATOR §3). */
export const waferClassKind = clusterKind('WaferClass', {
  spec,
  status,
  purpose: 'A generation of wafer hardware: memory, compute, I/O, power and the constants of its latency model.',
  plural: 'waferclasses',
  shortName: 'wc',
  columns: [
    column('Generation', '.spec.generation'),
    column('SRAM', '.spec.sramBytes', 'integer'),
    column('Pools', '.status.pools', 'integer'),
    column('Wafers', '.status.wafers', 'integer'),
    ageColumn,
  ],
  selectable: [],
});
export type WaferClass = ObjectOf<typeof waferClassKind>;
export type WaferClassSpec = Infer<typeof spec>;
