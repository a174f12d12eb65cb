import { tiers } from '@reticle/core/domain';
import { engine, shape } from './engine.ts';
import { ageColumn, column, conditionColumn, namespacedKind, wide, type ObjectOf } from './kind.ts';
import { deploymentName, labelName, regionName, revisionName, servedModelName } from './names.ts';
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
  withDefault,
  withRules,
  type Finding,
  type Infer,
} from './schema.ts';
import { count, statusFields } from './status.ts';

/** Days of a schedule window, in UTC. */
const days = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
const clock = () => str({ maxLength: 5, pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', hint: 'HH:MM in UTC' });

/** A window in which more replicas are kept; one that ends before it begins ends on the next day. */
const window = obj({
  days: set(enumOf(days), { minItems: 1, maxItems: 7 }),
  from: clock(),
  to: clock(),
  min: int(0, 256),
});

const seconds = (min: number, max: number) => int(min, max);
const percent = () => int(1, 100);

const scaling = withRules(
  obj({
    min: int(0, 256),
    max: int(1, 256),
    tokenPercent: withDefault(percent(), 70),
    slotPercent: withDefault(percent(), 75),
    kvPercent: withDefault(percent(), 80),
    upStabilizationSeconds: withDefault(seconds(0, 3_600), 15),
    downStabilizationSeconds: withDefault(seconds(0, 86_400), 300),
    schedules: withDefault(list(window, { maxItems: 16 }), []),
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

const regionStatus = obj({
  region: regionName(),
  desired: count(),
  replicas: count(),
  ready: count(),
  updated: count(),
  retiring: count(),
  noFit: count(),
});

const status = obj({
  ...statusFields(),
  currentRevision: opt(revisionName()),
  updatedRevision: opt(revisionName()),
  regions: opt(listMap(regionStatus, 'region', { maxItems: 16 })),
  totals: opt(
    obj({
      desired: count(),
      ready: count(),
      updated: count(),
      wafers: count(),
      surge: count(),
      gated: count(),
      /** Regions below desired − maxUnavailable. */
      minBreached: count(),
    }),
  ),
  /** `us-east 2/2, us-west 1/1`, for a column. */
  regionsText: opt(str({ maxLength: 1_024 })),
  /** In wafers. */
  ledger: opt(obj({ total: count(), inUse: count(), reserved: count(), rolloutExtra: count(), unknown: count() })),
});

/** What serves a model: engine, shape of a chain, regions and how it is scaled, rolled out and repaired (OPERATOR §3). */
export const modelDeploymentKind = namespacedKind('ModelDeployment', {
  spec,
  status,
  name: deploymentName(),
  purpose: 'What serves a model: engine, shape of a chain, regions, and how it is scaled, rolled out and repaired.',
  finalizer: 'reticle.dev/drain',
  plural: 'modeldeployments',
  shortName: 'md',
  columns: [
    conditionColumn('Ready', 'Ready'),
    conditionColumn('Reason', 'Ready', 'reason'),
    column('Desired', '.status.totals.desired', 'integer'),
    column('ReadyReplicas', '.status.totals.ready', 'integer'),
    column('Updated', '.status.totals.updated', 'integer'),
    column('Regions', '.status.regionsText'),
    ageColumn,
    wide(column('Wafers', '.status.totals.wafers', 'integer')),
    wide(column('Surge', '.status.totals.surge', 'integer')),
    wide(column('Revision', '.status.updatedRevision')),
    wide(column('Gated', '.status.totals.gated', 'integer')),
    wide(column('MinBreached', '.status.totals.minBreached', 'integer')),
  ],
  selectable: ['spec.modelRef.name', 'spec.servedName'],
});
export type ModelDeployment = ObjectOf<typeof modelDeploymentKind>;
export type ModelDeploymentSpec = Infer<typeof spec>;
