import { clusterKind, type ObjectOf } from './kind.ts';
import { labelName, regionName } from './names.ts';
import { enumOf, int, map, obj, opt, rule, set, str, withDefault, withRules, type Infer } from './schema.ts';

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
);

const fabric = obj({
  topology: withDefault(enumOf(['Switched', 'Line', 'Ring']), 'Switched'),
  slots: withDefault(int(1, 256), 64),
  rackSize: withDefault(int(1, 256), 2),
});

const spec = withRules(
  obj({
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
    service: withDefault(enumOf(['Open', 'Cordon', 'Evacuate']), 'Open'),
    serviceReason: opt(str()),
    defrag: withDefault(enumOf(['Off', 'Propose', 'Auto']), 'Propose'),
  }),
  rule(
    'wp2',
    "self.service == 'Open' || has(self.serviceReason)",
    'is required when service is not Open (say why the pool is closed)',
    (self) =>
      self.service === 'Open' || self.serviceReason !== undefined
        ? true
        : [{ at: ['serviceReason'], message: 'is required when service is not Open (say why the pool is closed)' }],
  ),
);

/** One fabric pod of wafers in one region (OPERATOR §2, §3). */
export const waferPoolKind = clusterKind('WaferPool', spec);
export type WaferPool = ObjectOf<typeof waferPoolKind>;
export type WaferPoolSpec = Infer<typeof spec>;
