import { describe, expect, test } from '@jest/globals';
import { modelById, wse3Spec, waferProfiles } from '@reticle/core/domain/wafer';
import { decodeObject, kinds, type ReticleObject } from './kinds.ts';
import { toGeometry, toProfile } from './to-wafer.ts';

function decoded<K extends ReticleObject['kind']>(kind: K, spec: object): Extract<ReticleObject, { kind: K }> {
  const { ok, problems } = decodeObject(kinds, {
    apiVersion: 'reticle.dev/v1alpha1',
    kind,
    metadata: { name: 'x' },
    spec,
  });
  if (problems !== undefined) throw new Error(JSON.stringify(problems));
  return ok as Extract<ReticleObject, { kind: K }>;
}

const kimi = {
  layers: 61,
  hidden: 7_168,
  heads: 64,
  kvHeads: 64,
  headDim: 128,
  vocab: 163_840,
  totalParameters: 1_026_400_000_000,
  activeParameters: 32_860_000_000,
  weightBits: 4,
  kvBits: 16,
  layerRuns: [{ count: 61, weightBytes: 9_754_000_000, kvBytesPerToken: 1_152 }],
};
const model = (geometry: object) =>
  decoded('Model', { digest: `sha256:${'0'.repeat(64)}`, family: 'f', contextTokens: 1_000, geometry });

describe('toProfile', () => {
  test('makes profile wse3-2026 of a class that leaves its constants to the defaults', () => {
    const { profile: _, reservePercent: __, ...hardware } = wse3Spec;
    const waferClass = decoded('WaferClass', { ...hardware, power: { waferWatts: 23_000, supportWatts: 5_000 } });
    expect(toProfile(waferClass)).toEqual(waferProfiles['wse3-2026']);
  });

  test('carries constants that are given', () => {
    const waferClass = decoded('WaferClass', {
      ...wse3Spec,
      power: { waferWatts: 1, supportWatts: 1 },
      profile: { name: 'slow', hopNanos: 9_000, alphaMilli: { moe: 2_000 } },
    });
    expect(toProfile(waferClass)).toEqual({
      ...waferProfiles['wse3-2026'],
      name: 'slow',
      hopUs: 9,
      alpha: { none: 1, moe: 2, dense: 2.5 },
    });
  });
});

describe('toGeometry', () => {
  test('carries weights, ends, attention and drafter as given', () => {
    const geometry = toGeometry(
      model({
        ...kimi,
        weightBytes: 595_000_000_000,
        endBytes: 2_348_810_240,
        attention: { kind: 'MLA', latent: 512, rope: 64 },
        drafter: { class: 'Moe', weightBytes: 7, kvBytesPerToken: 3 },
      }),
    );
    expect(geometry).toMatchObject({
      layers: 61,
      weightBytes: 595_000_000_000,
      endBytes: 2_348_810_240,
      attention: { kind: 'MLA', latent: 512, rope: 64 },
      drafter: { class: 'moe', weightBytes: 7, kvBytesPerToken: 3 },
      tiedEmbeddings: false,
    });
  });

  test('keeps a stated GQA where the numbers alone would say MLA', () => {
    expect(toGeometry(model(kimi)).attention).toEqual(modelById('kimi-k2.6').attention);
    expect(toGeometry(model({ ...kimi, attention: { kind: 'GQA' } })).attention).toEqual({ kind: 'GQA' });
  });
});
