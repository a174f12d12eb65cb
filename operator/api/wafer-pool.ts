import { ageColumn, clusterKind, column, conditionColumn, wide, type ObjectOf } from './kind.ts';
import { labelName, regionName } from './names.ts';
import {
  enumOf,
  int,
  map,
  obj,
  opt,
  rule,
  set,
  str,
  updateRule,
  withDefault,
  withRules,
  type Infer,
} from './schema.ts';
import { serviceRule, serviceStates } from './service.ts';
import { count, holders, statusFields } from './status.ts';
import { withFrozen } from './transition.ts';

const labels = () => map(str({ maxLength: 63 }), { maxItems: 8 });

/** `nodes` makes one Wafer per matching node; `simulated` makes N wafers that the simulator plays. */
const source = withRules(
  obj({
    nodes: opt(obj({ matchLabels: labels() })),
    simulated: opt(obj({ wafers: int(1, 256), nodeSelector: withDefault(labels(), {}) })),
  }),
  rule(
    'wp1',
    'has(self.nodes) != has(self.simulated)',
    'needs exactly one of nodes and simulated (keep one)',
    (self) => (self.nodes !== undefined) !== (self.simulated !== undefined),
  ),
  updateRule(
    'wp3',
    'has(self.nodes) == has(oldSelf.nodes)',
    'the kind of a source is immutable (make a new WaferPool)',
    (self, oldSelf) => (self.nodes === undefined) === (oldSelf.nodes === undefined),
  ),
);

const fabric = obj({
  topology: withDefault(enumOf(['Switched', 'Line', 'Ring']), 'Switched'),
  slots: withDefault(int(1, 256), 64),
  rackSize: withDefault(int(1, 256), 2),
});

const fields = obj({
  region: regionName(),
  zone: labelName(),
  building: labelName(),
  hall: labelName(),
  residency: set(labelName(), { minItems: 1, maxItems: 8 }),
  classRef: labelName(),
  source,
  fabric: withDefault(fabric, {}),
  spares: withDefault(obj({ minHot: withDefault(int(0, 256), 1) }), {}),
  phaseRef: opt(labelName()),
  service: withDefault(enumOf(serviceStates), 'Open'),
  serviceReason: opt(str()),
  defrag: withDefault(enumOf(['Off', 'Propose', 'Auto']), 'Propose'),
});

const spec = withFrozen(
  withRules(fields, serviceRule('wp2')),
  'wp4',
  ['region', 'zone', 'building', 'hall', 'residency', 'classRef'],
  'make a new WaferPool and move its nodes',
);

/** Wafers of the pool, each counted once. */
const counts = withRules(
  obj({
    total: count(),
    free: count(),
    reserved: count(),
    claimed: count(),
    spare: count(),
    degraded: count(),
    lost: count(),
    unknown: count(),
  }),
  rule(
    'wp5',
    'self.free + self.reserved + self.claimed + self.spare + self.degraded + self.lost + self.unknown == self.total',
    'counts must add up to total (count every wafer once)',
    ({ total, free, reserved, claimed, spare, degraded, lost, unknown }) =>
      free + reserved + claimed + spare + degraded + lost + unknown === total,
  ),
);

const status = obj({
  ...statusFields(),
  counts: opt(counts),
  /** Wafers that the largest chain could take: a run of free slots, or all free ones when Switched. */
  largestWindow: opt(count()),
  /** Free wafers that no chain of a live deployment can use. */
  stranded: opt(count()),
  fragmentationPermille: opt(int(0, 1_000)),
  inventoryRevision: opt(str()),
  holders: opt(holders()),
});

/** One fabric pod of wafers in one region (OPERATOR §2, §3). */
export const waferPoolKind = clusterKind('WaferPool', {
  spec,
  status,
  purpose: 'One fabric pod of wafers in one region; a chain never leaves its pool.',
  finalizer: 'reticle.dev/wafers',
  plural: 'waferpools',
  shortName: 'wp',
  columns: [
    column('Region', '.spec.region'),
    column('Class', '.spec.classRef'),
    column('Phase', '.spec.phaseRef'),
    column('Free', '.status.counts.free', 'integer'),
    column('Claimed', '.status.counts.claimed', 'integer'),
    column('Spare', '.status.counts.spare', 'integer'),
    column('Window', '.status.largestWindow', 'integer'),
    column('Service', '.spec.service'),
    conditionColumn('Available', 'Available'),
    conditionColumn('Reason', 'Available', 'reason'),
    ageColumn,
    wide(column('Stranded', '.status.stranded', 'integer')),
    wide(column('Frag', '.status.fragmentationPermille', 'integer')),
    wide(column('Inventory', '.status.inventoryRevision')),
  ],
  selectable: ['spec.region', 'spec.phaseRef'],
});
export type WaferPool = ObjectOf<typeof waferPoolKind>;
export type WaferPoolSpec = Infer<typeof spec>;
