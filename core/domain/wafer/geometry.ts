import { assert } from '../assert.ts';

/** How a model is drafted for speculative decoding; it selects α and the widest step of a profile (WAFER §5.1). */
export type SpeculationClass = 'none' | 'moe' | 'dense';

/** Grouped-query attention, or multi-head latent attention in its absorbed form (dimensions of the cached vector). */
export type Attention =
  | { readonly kind: 'GQA' }
  | { readonly kind: 'MLA'; readonly latent: number; readonly rope: number };

/** Consecutive equal layers. */
export type LayerRun = {
  readonly count: number;
  /** Bytes of one layer's weights. */
  readonly weightBytes: number;
  /** KV bytes of one layer for one context token. */
  readonly kvBytesPerToken: number;
  /** Attention window of these layers; the memory model does not trim by it (WAFER §4). */
  readonly windowTokens?: number;
};

/** Drafter on the last wafer (WAFER §7 R4). Zero bytes: α applies, memory is not counted. */
export type Drafter = {
  readonly class: SpeculationClass;
  readonly weightBytes: number;
  readonly kvBytesPerToken: number;
};

/** What the latency and memory model knows of a language model (WAFER §4). */
export type ModelGeometry = {
  readonly layers: number;
  /** Width of the residual stream, d. */
  readonly hidden: number;
  readonly heads: number;
  readonly headDim: number;
  readonly kvHeads: number;
  readonly vocab: number;
  readonly totalParameters: number;
  /** Parameters read per token, both end matrices included. */
  readonly activeParameters: number;
  /** All weights: the source of truth; the layers and ends below may differ by what the checkpoint holds besides. */
  readonly weightBytes: number;
  readonly layerRuns: readonly LayerRun[];
  /** Bytes of the embedding and of the output head, each. */
  readonly endBytes: number;
  readonly tiedEmbeddings: boolean;
  readonly attention: Attention;
  readonly drafter: Drafter;
};

/** `Model.spec.geometry` (OPERATOR §3) plus what the code record holds beyond it, which is derived when absent. */
export type ModelGeometrySpec = {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocab: number;
  readonly totalParameters: number;
  readonly activeParameters: number;
  readonly kvBits?: number;
  readonly tiedEmbeddings?: boolean;
  readonly layerRuns: readonly LayerRun[];
  readonly drafter?: {
    readonly class: 'None' | 'Moe' | 'Dense';
    readonly weightBytes?: number;
    readonly kvBytesPerToken?: number;
  };
  /** Default: the layers and the ends. */
  readonly weightBytes?: number;
  /** Default: `vocab · hidden` at 16 bit, since quantised checkpoints keep their ends at 16 bit. */
  readonly endBytes?: number;
  /** Default: MLA when every head is its own KV head and a layer caches less than that, else GQA. */
  readonly attention?: Attention;
};

const END_BYTES_PER_PARAMETER = 2;
const KV_BITS = 16;
const speculationClasses = { None: 'none', Moe: 'moe', Dense: 'dense' } as const;

/** Geometry record of a model manifest. The manifest is validated before (operator/api); a broken one is a defect. */
export function modelGeometry(spec: ModelGeometrySpec): ModelGeometry {
  const covered = spec.layerRuns.reduce((sum, run) => sum + run.count, 0);
  assert(spec.layers > 0 && covered === spec.layers, 'the counts of the layer runs sum to the layers');
  assert(spec.heads % spec.kvHeads === 0, 'heads are a multiple of KV heads');
  const tiedEmbeddings = spec.tiedEmbeddings ?? false;
  const endBytes = spec.endBytes ?? spec.vocab * spec.hidden * END_BYTES_PER_PARAMETER;
  return {
    layers: spec.layers,
    hidden: spec.hidden,
    heads: spec.heads,
    headDim: spec.headDim,
    kvHeads: spec.kvHeads,
    vocab: spec.vocab,
    totalParameters: spec.totalParameters,
    activeParameters: spec.activeParameters,
    weightBytes: spec.weightBytes ?? layerBytes(spec.layerRuns) + endBytes * (tiedEmbeddings ? 1 : 2),
    layerRuns: spec.layerRuns,
    endBytes,
    tiedEmbeddings,
    attention: spec.attention ?? derivedAttention(spec),
    drafter: drafterOf(spec.drafter ?? { class: 'None' }),
  };
}

function layerBytes(runs: readonly LayerRun[]): number {
  return runs.reduce((sum, run) => sum + run.count * run.weightBytes, 0);
}

function drafterOf(spec: NonNullable<ModelGeometrySpec['drafter']>): Drafter {
  return {
    class: speculationClasses[spec.class],
    weightBytes: spec.weightBytes ?? 0,
    kvBytesPerToken: spec.kvBytesPerToken ?? 0,
  };
}

/**
 * A latent cache is narrower than the keys and values of all heads. Its rotary part is taken as half a head, as in
 * the published MLA models (64 of 128); the manifest carries only the sum.
 */
function derivedAttention(spec: ModelGeometrySpec): Attention {
  const kvBytes = (spec.kvBits ?? KV_BITS) / 8;
  const cached = (spec.layerRuns[0]?.kvBytesPerToken ?? 0) / kvBytes;
  const rope = spec.headDim / 2;
  if (spec.kvHeads !== spec.heads || cached >= 2 * spec.kvHeads * spec.headDim || cached <= rope) {
    return { kind: 'GQA' };
  }
  return { kind: 'MLA', latent: cached - rope, rope };
}

/** κ: KV bytes of one context token over all layers, drafter excluded. */
export function kvBytesPerToken(geometry: ModelGeometry): number {
  return geometry.layerRuns.reduce((sum, run) => sum + run.count * run.kvBytesPerToken, 0);
}

/** φ: attention FLOP per context token and layer; MLA in its absorbed form (WAFER §4). */
export function attentionFlop(geometry: ModelGeometry): number {
  const { attention, heads, headDim } = geometry;
  if (attention.kind === 'GQA') return 4 * heads * headDim;
  return 2 * heads * (2 * attention.latent + attention.rope);
}

/** B: bytes per parameter over the whole model. */
export function bytesPerParameter(geometry: ModelGeometry): number {
  return geometry.weightBytes / geometry.totalParameters;
}

/** A/L: active parameters per layer, the ends spread over the layers (WAFER §5.2). */
export function activePerLayer(geometry: ModelGeometry): number {
  return geometry.activeParameters / geometry.layers;
}

/** Which prefill efficiency applies: a model that reads only part of its weights per token is a mixture of experts. */
export function prefillClass(geometry: ModelGeometry): 'moe' | 'dense' {
  return geometry.activeParameters < geometry.totalParameters ? 'moe' : 'dense';
}
