import { ageColumn, column, conditionColumn, namespacedKind, wide, type ObjectOf } from './kind.ts';
import { digest, labelName } from './names.ts';
import {
  bool,
  enumOf,
  int,
  intOf,
  list,
  listMap,
  obj,
  opt,
  rule,
  set,
  str,
  withDefault,
  withRules,
  type Infer,
} from './schema.ts';
import { count, statusFields } from './status.ts';
import { withFrozen } from './transition.ts';

/** A run of equal layers; weights and KV are per layer. `windowTokens`: attention sees only that many tokens. */
const layerRun = obj({
  count: int(1, 1_024),
  weightBytes: int(1),
  kvBytesPerToken: int(1, 1_073_741_824),
  windowTokens: opt(int(1, 16_777_216)),
});

/** `GQA` needs nothing more; `MLA` caches a latent and a rotary part of these widths (WAFER §4). */
const attention = withRules(
  obj({
    kind: enumOf(['GQA', 'MLA']),
    latent: opt(int(1, 65_536)),
    rope: opt(int(1, 65_536)),
  }),
  rule(
    'm3',
    "(self.kind == 'MLA') == has(self.latent) && (self.kind == 'MLA') == has(self.rope)",
    'needs latent and rope exactly for MLA (add both, or remove both)',
    (self) => {
      const mla = self.kind === 'MLA';
      return (self.latent !== undefined) === mla && (self.rope !== undefined) === mla;
    },
  ),
);

const drafter = obj({
  class: withDefault(enumOf(['None', 'Moe', 'Dense']), 'None'),
  weightBytes: withDefault(int(0), 0),
  kvBytesPerToken: withDefault(int(0, 1_073_741_824), 0),
});

const layerSum = (runs: readonly { readonly count: number }[]) => runs.reduce((sum, run) => sum + run.count, 0);

const geometry = withRules(
  obj({
    layers: int(1, 1_024),
    hidden: int(1, 1_048_576),
    heads: int(1, 65_536),
    kvHeads: int(1, 65_536),
    headDim: int(1, 65_536),
    vocab: int(1, 16_777_216),
    totalParameters: int(1),
    activeParameters: int(1),
    weightBits: intOf([4, 8, 16]),
    kvBits: intOf([4, 8, 16]),
    tiedEmbeddings: withDefault(bool(), false),
    layerRuns: list(layerRun, { minItems: 1, maxItems: 64 }),
    drafter: withDefault(drafter, {}),
    /** All weights; the layers and the ends when absent. */
    weightBytes: opt(int(1)),
    /** Bytes of the embedding and of the output head, each. This and `attention` are derived when absent (WAFER §4). */
    endBytes: opt(int(0)),
    attention: opt(attention),
  }),
  rule(
    'm1',
    'self.layerRuns.map(r, r.count).sum() == self.layers',
    'counts of layerRuns must add up to layers',
    (self) => {
      const sum = layerSum(self.layerRuns);
      if (sum === self.layers) return true;
      const message = `counts add up to ${sum}, but layers is ${self.layers} (make them equal)`;
      return [{ at: ['layerRuns'], message }];
    },
  ),
  rule('m2', 'self.heads % self.kvHeads == 0', 'heads must be a multiple of kvHeads', (self) =>
    self.heads % self.kvHeads === 0
      ? true
      : [{ at: ['kvHeads'], message: `${self.kvHeads} does not divide heads ${self.heads} (use a divisor)` }],
  ),
);

const toolPolicy = obj({
  parallelToolCalls: opt(bool()),
  defaultToolChoice: opt(enumOf(['auto', 'none', 'required'])),
});

const defaults = obj({
  instructions: opt(str({ maxLength: 8_192 })),
  toolPolicy: opt(toolPolicy),
  maxOutputTokens: opt(int(1, 16_777_216)),
});

const fields = obj({
  digest: digest(),
  /** Where the weights are; absent for a model that only the simulator plays. */
  source: opt(
    str({
      maxLength: 1_024,
      pattern: '^(oci://[!-?A-~]+@sha256:[0-9a-f]{64}|file://[!-~]+)$',
      hint: 'oci://REPOSITORY@sha256:DIGEST or file://PATH',
    }),
  ),
  family: labelName(),
  contextTokens: int(1, 16_777_216),
  modalities: withDefault(set(enumOf(['Text']), { minItems: 1, maxItems: 1 }), ['Text']),
  /** Absent for a model that the simulator tokenises (WAFER §6.2). */
  tokenizerDigest: opt(digest()),
  geometry,
  defaults: withDefault(defaults, {}),
  limitGroup: opt(labelName()),
});

const spec = withFrozen(
  fields,
  'm4',
  ['digest', 'source', 'family', 'contextTokens', 'modalities', 'tokenizerDigest', 'geometry'],
  'a new version of a model is a new Model',
);

const status = obj({
  ...statusFields(),
  weightBytes: opt(int(0)),
  kvBytesPerToken: opt(int(0)),
  /** The fewest wafers of each class that hold the weights and one full context. */
  minWafers: opt(listMap(obj({ class: labelName(), wafers: count() }), 'class', { maxItems: 16 })),
});

/** One version of a model: identity, context and the geometry that the planner places (OPERATOR §3, WAFER §4). */
export const modelKind = namespacedKind('Model', {
  spec,
  status,
  purpose: 'One version of a model: identity, context and the geometry that is placed; a new version is a new Model.',
  finalizer: 'reticle.dev/deployments',
  plural: 'models',
  shortName: 'mdl',
  columns: [
    column('Family', '.spec.family'),
    column('Layers', '.spec.geometry.layers', 'integer'),
    column('Context', '.spec.contextTokens', 'integer'),
    column('KV/token', '.status.kvBytesPerToken', 'integer'),
    conditionColumn('Accepted', 'Accepted'),
    ageColumn,
    wide(column('Digest', '.spec.digest')),
  ],
  selectable: ['spec.family'],
});
export type Model = ObjectOf<typeof modelKind>;
export type ModelSpec = Infer<typeof spec>;
