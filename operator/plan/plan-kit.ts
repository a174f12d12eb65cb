import { modelGeometry, type ModelGeometry } from '@reticle/core/domain/wafer';

/** Geometry of `agent-1t-v2` (OPERATOR §5). */
export function agentGeometry(): ModelGeometry {
  return modelGeometry({
    layers: 61,
    hidden: 7_168,
    heads: 64,
    kvHeads: 64,
    headDim: 128,
    vocab: 163_840,
    totalParameters: 1_026_400_000_000,
    activeParameters: 32_860_000_000,
    kvBits: 16,
    layerRuns: [
      { count: 1, weightBytes: 994_970_000, kvBytesPerToken: 1_152 },
      { count: 60, weightBytes: 9_808_510_000, kvBytesPerToken: 1_152 },
    ],
  });
}
