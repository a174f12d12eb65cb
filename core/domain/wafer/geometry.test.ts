import { describe, expect, test } from '@jest/globals';
import { models, modelById, type ModelId } from './fixtures/models.ts';
import {
  activePerLayer,
  attentionFlop,
  bytesPerParameter,
  kvBytesPerToken,
  modelGeometry,
  prefillClass,
  type ModelGeometrySpec,
} from './geometry.ts';

// OPERATOR §4, the Model example.
const agent: ModelGeometrySpec = {
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
};

describe('geometry of a model manifest', () => {
  test('derives ends, weights and latent attention that the manifest leaves out', () => {
    const geometry = modelGeometry(agent);
    expect(geometry.endBytes).toBe(2_348_810_240);
    expect(geometry.weightBytes).toBe(994_970_000 + 60 * 9_808_510_000 + 2 * 2_348_810_240);
    expect(geometry.attention).toEqual({ kind: 'MLA', latent: 512, rope: 64 });
    expect(geometry.drafter).toEqual({ class: 'none', weightBytes: 0, kvBytesPerToken: 0 });
    expect(geometry.tiedEmbeddings).toBe(false);
  });

  test('takes the manifest at its word where it says more', () => {
    const geometry = modelGeometry({
      ...agent,
      endBytes: 5,
      weightBytes: 7,
      attention: { kind: 'GQA' },
      drafter: { class: 'Moe', weightBytes: 11, kvBytesPerToken: 13 },
    });
    expect(geometry).toMatchObject({ endBytes: 5, weightBytes: 7, attention: { kind: 'GQA' } });
    expect(geometry.drafter).toEqual({ class: 'moe', weightBytes: 11, kvBytesPerToken: 13 });
  });

  test.each([
    { name: 'full keys and values of all heads', kvHeads: 64, kvBytesPerToken: 32_768, wantKind: 'GQA' },
    { name: 'few KV heads with a small cache', kvHeads: 8, kvBytesPerToken: 1_152, wantKind: 'GQA' },
    { name: 'a latent cache at 8 bit', kvHeads: 64, kvBits: 8, kvBytesPerToken: 576, wantKind: 'MLA' },
    { name: 'a cache no wider than the rotary part', kvHeads: 64, kvBytesPerToken: 128, wantKind: 'GQA' },
  ])('reads $name as $wantKind', ({ kvHeads, kvBits = 16, kvBytesPerToken: kv, wantKind }) => {
    const layerRuns = [{ count: 61, weightBytes: 1, kvBytesPerToken: kv }];
    expect(modelGeometry({ ...agent, kvHeads, kvBits, layerRuns }).attention.kind).toBe(wantKind);
  });

  test('counts one end of tied embeddings in the weights', () => {
    const layerRuns = [{ count: 61, weightBytes: 100, kvBytesPerToken: 1 }];
    expect(modelGeometry({ ...agent, endBytes: 9, layerRuns, tiedEmbeddings: true }).weightBytes).toBe(6_109);
  });

  test.each([
    { name: 'runs that miss a layer', change: { layers: 62 } },
    { name: 'no layers', change: { layers: 0, layerRuns: [] } },
    { name: 'heads that KV heads do not divide', change: { kvHeads: 7 } },
  ])('is a defect with $name', ({ change }) => {
    expect(() => modelGeometry({ ...agent, ...change })).toThrow('invariant');
  });
});

describe('model fixtures', () => {
  // κ, φ, layer GB of the first and last run, end GB and weight GB of WAFER §4.
  test.each<readonly [ModelId, ...wants: number[]]>([
    ['llama-3.1-8b', 32, 131_072, 16_384, 0.436, 0.436, 1.051, 16.06],
    ['llama-3.1-70b', 80, 327_680, 32_768, 1.7113, 1.7113, 2.1013, 141.107],
    ['llama-3.1-405b', 126, 516_096, 65_536, 6.3754, 6.3754, 4.2027, 811.707],
    ['gpt-oss-120b', 36, 73_728, 16_384, 1.7465, 1.7465, 1.1583, 65.19],
    ['spark-ref', 36, 73_728, 16_384, 1.70295, 1.70295, 0.30694, 61.9199],
    ['qwen3-coder-480b', 62, 253_952, 49_152, 7.7143, 7.7143, 1.867, 482.02],
    ['qwen3-235b-a22b', 94, 192_512, 32_768, 2.488, 2.488, 0.622, 235.1],
    ['qwen3-32b', 64, 262_144, 32_768, 0.975, 0.975, 1.556, 65.52],
    ['glm-4.7', 92, 376_832, 49_152, 0.3251, 3.9356, 1.5519, 354.35],
    ['llama-4-maverick', 48, 196_608, 20_480, 0.6291, 32.5911, 2.069, 801.42],
    ['kimi-k2.6', 61, 70_272, 139_264, 0.99497, 9.80851, 2.34881, 595],
    ['llama-3.2-1b', 16, 32_768, 8_192, 0.12164, 0.12164, 0.52534, 2.4716],
  ])('%s has the geometry of its public config', (id, ...wants) => {
    const [layers, kappa, phi, first = Number.NaN, last = Number.NaN, end = Number.NaN, weight = Number.NaN] = wants;
    const geometry = modelById(id);
    expect(geometry.layers).toBe(layers);
    expect(kvBytesPerToken(geometry)).toBe(kappa);
    expect(attentionFlop(geometry)).toBe(phi);
    const gigabytes = (bytes: number | undefined): number => (bytes ?? Number.NaN) / 1e9;
    expect(Math.abs(gigabytes(geometry.layerRuns[0]?.weightBytes) - first)).toBeLessThan(0.0006);
    expect(Math.abs(gigabytes(geometry.layerRuns.at(-1)?.weightBytes) - last)).toBeLessThan(0.0006);
    expect(Math.abs(gigabytes(geometry.endBytes) - end)).toBeLessThan(0.0006);
    expect(Math.abs(gigabytes(geometry.weightBytes) - weight)).toBeLessThan(0.01);
  });

  test.each(Object.values(models))('$id holds in its layers and ends what it weighs, to 0.2 %', (geometry) => {
    const layers = geometry.layerRuns.reduce((sum, run) => sum + run.count * run.weightBytes, 0);
    const parts = layers + geometry.endBytes * (geometry.tiedEmbeddings ? 1 : 2);
    expect(Math.abs(parts / geometry.weightBytes - 1)).toBeLessThan(0.002);
  });

  test('derives bytes per parameter, active parameters per layer and the prefill class', () => {
    const dense = modelById('llama-3.1-70b');
    expect(bytesPerParameter(dense)).toBe(2);
    expect(activePerLayer(dense)).toBeCloseTo(881_921_331.2, 3);
    expect(prefillClass(dense)).toBe('dense');
    expect(bytesPerParameter(modelById('spark-ref'))).toBeCloseTo(0.53, 12);
    expect(prefillClass(modelById('spark-ref'))).toBe('moe');
  });
});
