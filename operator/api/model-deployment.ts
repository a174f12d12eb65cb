import { tiers } from '@reticle/core/domain';
import { drivers, refuseArgs } from './engine-args.ts';
import { namespacedKind, type ObjectOf } from './kind.ts';
import { deploymentName, labelName, regionName, servedModelName } from './names.ts';
import {
  bool,
  enumOf,
  int,
  list,
  listMap,
  map,
  obj,
  opt,
  rule,
  set,
  str,
  withDefault,
  withRules,
  type Finding,
  type Infer,
} from './schema.ts';

const seconds = (min: number, max: number) => int(min, max);
const percent = () => int(1, 100);

/** Image is optional: local engines are processes of this build (OPERATOR §3, `reticle up`). */
const engine = withRules(
  obj({
    driver: enumOf(drivers),
    image: opt(
      str({ maxLength: 512, pattern: '^[^\\s@]+@sha256:[0-9a-f]{64}$', hint: 'REPOSITORY@sha256:DIGEST, never a tag' }),
    ),
    args: withDefault(map(str({ maxLength: 4_096 }), { maxItems: 32 }), {}),
    resources: opt(obj({ cpuMilli: opt(int(1)), memoryBytes: opt(int(1)) })),
    upstreamRef: opt(labelName()),
  }),
  rule(
    'md7',
    "(self.driver == 'Upstream') == has(self.upstreamRef)",
    'needs upstreamRef exactly for driver Upstream',
    (self) => {
      const upstream = self.driver === 'Upstream';
      if (upstream === (self.upstreamRef !== undefined)) return true;
      const message = upstream
        ? 'is required for driver Upstream (name an endpoint of the operator config)'
        : `is only for driver Upstream, not ${self.driver} (remove it)`;
      return [{ at: ['upstreamRef'], message }];
    },
  ),
  rule(
    'md8',
    "!has(self.args) || self.args.all(k, self.driver == 'WaferSim' && (" +
      "(k == 'tokens' && self.args[k] in ['hash', 'code']) || (k == 'length' && self.args[k] in ['natural', 'max']) || " +
      "(k == 'pace' && self.args[k] in ['timer', 'busy']) || (k == 'seed' && self.args[k].matches('^(0|[1-9][0-9]{0,18})$')) || " +
      "(k == 'script' && self.args[k].matches('^\\\\s*\\\\['))))",
    'args must be arguments that the driver takes',
    (self) => refuseArgs(self.driver, self.args).map((finding) => ({ ...finding, at: ['args', ...finding.at] })),
  ),
);

/** `wafers: 0` lets the planner choose; `streams` is how many turns a chain is planned for. */
const shape = obj({
  contextTokensMean: int(1, 16_777_216),
  streams: int(1, 65_536),
  wafers: withDefault(int(0, 256), 0),
  allowLayerSplit: withDefault(bool(), false),
  prefill: withDefault(enumOf(['None', 'External']), 'None'),
});

const scaling = withRules(
  obj({
    min: int(0, 256),
    max: int(1, 256),
    tokenPercent: withDefault(percent(), 70),
    slotPercent: withDefault(percent(), 75),
    kvPercent: withDefault(percent(), 80),
    upStabilizationSeconds: withDefault(seconds(0, 3_600), 15),
    downStabilizationSeconds: withDefault(seconds(0, 86_400), 300),
  }),
  rule('md4', 'self.min <= self.max', 'min must not exceed max', (self) =>
    self.min <= self.max ? true : [{ at: ['min'], message: `${self.min} exceeds max ${self.max} (lower it)` }],
  ),
);

const region = obj({
  region: regionName(),
  replicas: opt(int(0, 256)),
  scaling: opt(scaling),
  pools: withDefault(set(labelName(), { maxItems: 32 }), []),
  fallback: withDefault(set(regionName(), { maxItems: 8 }), []),
});

const regions = withRules(
  list(region, { minItems: 1, maxItems: 16 }),
  rule(
    'md3',
    'self.all(i, r, self.all(j, x, i == j || x.region != r.region))',
    'each region may stand in the list once (merge the entries)',
    (self) =>
      self.flatMap((entry, index): Finding[] => {
        const earlier = self.findIndex((other) => other.region === entry.region);
        if (earlier === index) return [];
        const message = `"${entry.region}" is already item ${earlier} (merge the entries)`;
        return [{ at: [index, 'region'], message }];
      }),
  ),
);

const rollout = withRules(
  obj({
    /** One chain when absent. */
    maxSurgeWafers: opt(int(0, 256)),
    maxUnavailable: withDefault(int(0, 256), 0),
    bakeSeconds: withDefault(seconds(0, 86_400), 60),
    progressDeadlineSeconds: withDefault(seconds(1, 86_400), 1_800),
    onFailure: withDefault(enumOf(['Pause', 'Rollback']), 'Pause'),
    paused: withDefault(bool(), false),
  }),
  rule(
    'md5',
    '!has(self.maxSurgeWafers) || self.maxSurgeWafers > 0 || self.maxUnavailable >= 1',
    'without surge a rollout needs room: maxUnavailable of at least 1',
    (self) =>
      self.maxSurgeWafers !== 0 || self.maxUnavailable >= 1
        ? true
        : [{ at: ['maxUnavailable'], message: 'must be at least 1 when maxSurgeWafers is 0 (raise one of them)' }],
  ),
);

const tier = obj({
  name: enumOf(tiers),
  sharePercent: opt(int(0, 100)),
  floorTokensPerSecond: opt(int(0, 1_000_000)),
});

/** Served tiers; every tier when absent. */
const tierList = withRules(
  listMap(tier, 'name', { minItems: 1, maxItems: 4 }),
  rule(
    'md6',
    'self.map(t, has(t.sharePercent) ? t.sharePercent : 0).sum() <= 100',
    'sharePercent of all tiers must not add up to more than 100 (lower one)',
    (self) => self.reduce((sum, item) => sum + (item.sharePercent ?? 0), 0) <= 100,
  ),
);

const spill = obj({
  to: withDefault(list(obj({ deployment: deploymentName() }), { maxItems: 4 }), []),
  accepts: withDefault(set(enumOf(tiers), { maxItems: 4 }), []),
});

const repairModes = ['SamePlacement', 'SpareSwap', 'ColdReplacement'] as const;
const repair = obj({
  modes: withDefault(set(enumOf(repairModes), { minItems: 1, maxItems: 3 }), repairModes),
  unhealthyAfterSeconds: withDefault(seconds(1, 3_600), 10),
  attempts: withDefault(int(1, 100), 2),
  windowSeconds: withDefault(seconds(1, 86_400), 600),
});

const spec = withRules(
  obj({
    modelRef: obj({ name: labelName() }),
    servedName: servedModelName(),
    residency: withDefault(set(labelName(), { maxItems: 8 }), []),
    engine,
    shape,
    regions,
    rollout: withDefault(rollout, {}),
    tiers: opt(tierList),
    spill: withDefault(spill, {}),
    drain: withDefault(
      obj({ timeoutSeconds: withDefault(seconds(5, 3_600), 120), parkSeconds: withDefault(seconds(0, 3_600), 30) }),
      {},
    ),
    repair: withDefault(repair, {}),
    spread: withDefault(enumOf(['None', 'Pool', 'Hall', 'Phase']), 'Hall'),
    preemption: withDefault(enumOf(['Never', 'LowerTier']), 'Never'),
  }),
  rule(
    'md1',
    'self.regions.all(r, has(r.replicas) != has(r.scaling))',
    'each region needs exactly one of replicas and scaling',
    (self) =>
      self.regions.flatMap((entry, index): Finding[] =>
        (entry.replicas !== undefined) === (entry.scaling !== undefined)
          ? [{ at: ['regions', index], message: 'needs exactly one of replicas and scaling (keep one)' }]
          : [],
      ),
  ),
  rule(
    'md2',
    'self.regions.all(i, r, !has(r.fallback) || r.fallback.all(f, self.regions.exists(j, x, j > i && x.region == f)))',
    'fallback may only name regions later in the list',
    (self) =>
      self.regions.flatMap((entry, index) => {
        const later = self.regions.slice(index + 1).map((other) => other.region);
        return entry.fallback.flatMap((name, at): Finding[] =>
          later.includes(name)
            ? []
            : [
                {
                  at: ['regions', index, 'fallback', at],
                  message: `"${name}" is not a later region of this list (move it down, or remove it)`,
                },
              ],
        );
      }),
  ),
);

/** What serves a model: engine, shape of a chain, regions and how it is scaled, rolled out and repaired (OPERATOR §3). */
export const modelDeploymentKind = namespacedKind('ModelDeployment', spec, deploymentName());
export type ModelDeployment = ObjectOf<typeof modelDeploymentKind>;
export type ModelDeploymentSpec = Infer<typeof spec>;
