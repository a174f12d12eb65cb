import { drivers, refuseArgs } from './engine-args.ts';
import { labelName } from './names.ts';
import { bool, enumOf, int, map, obj, opt, rule, str, withDefault, withRules } from './schema.ts';

/** What runs a stage: user fields alone, since the revision is their hash (OPERATOR §1 rule 11). */
export const engineFields = obj({
  driver: enumOf(drivers),
  /** Absent where engines are processes of this build. */
  image: opt(
    str({ maxLength: 512, pattern: '^[!-?A-~]+@sha256:[0-9a-f]{64}$', hint: 'REPOSITORY@sha256:DIGEST, never a tag' }),
  ),
  args: withDefault(map(str({ maxLength: 4_096 }), { maxItems: 32 }), {}),
  resources: opt(obj({ cpuMilli: opt(int(1)), memoryBytes: opt(int(1)) })),
  upstreamRef: opt(labelName()),
});

/** An engine as a user writes it. */
export const engine = withRules(
  engineFields,
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
export const shape = obj({
  contextTokensMean: int(1, 16_777_216),
  streams: int(1, 65_536),
  wafers: withDefault(int(0, 256), 0),
  allowLayerSplit: withDefault(bool(), false),
  prefill: withDefault(enumOf(['None', 'External']), 'None'),
});
