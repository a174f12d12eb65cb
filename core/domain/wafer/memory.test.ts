import { describe, expect, test } from '@jest/globals';
import { modelById, models } from './fixtures/models.ts';
import { waferProfiles } from './fixtures/profiles.ts';
import { workingPoints } from './fixtures/working-points.ts';
import { kvTokensPooled, streamsCap, streamsFitting, usableBytes, wafersPooled } from './memory.ts';
import { partition } from './partition.ts';

const profile = waferProfiles['wse3-2026'];

describe('memory of a chain', () => {
  test('a wafer gives up its reserve, a damaged one also what it lost', () => {
    expect(usableBytes(profile.hardware)).toBe(39.6e9);
    expect(usableBytes(profile.hardware, 43e9)).toBe(38.7e9);
  });

  test.each(workingPoints)(
    'pooled: $model on $wafers at $contextTokens',
    ({ model, wafers, contextTokens, pooled }) => {
      const geometry = modelById(model);
      const kvTokens = kvTokensPooled({ geometry, profile, wafers });
      expect(kvTokens).toBe(pooled.kvTokens);
      expect(streamsFitting(kvTokens, contextTokens, { geometry, profile })).toBe(pooled.streams);
    },
  );

  test('weights larger than the chain leave no room', () => {
    expect(kvTokensPooled({ geometry: modelById('llama-3.1-70b'), profile, wafers: 3 })).toBe(0);
  });

  test('streams are capped by the layers they share, whatever the memory', () => {
    const geometry = modelById('spark-ref');
    expect(streamsCap(geometry, profile)).toBe(288);
    expect(streamsFitting(5_563_838, 1_000, { geometry, profile })).toBe(288);
    expect(streamsFitting(999, 1_000, { geometry, profile })).toBe(0);
  });

  test('250 sessions of 96,300 tokens need 42 wafers for gpt-oss-120b, pooled and without reserve', () => {
    const whole = { ...profile, hardware: { ...profile.hardware, reservePercent: 0 } };
    expect(wafersPooled(modelById('gpt-oss-120b'), whole, 250 * 96_300)).toBe(42);
  });

  test.each(Object.values(models))('$id: stages never hold more than the pool', (geometry) => {
    for (let wafers = 1; wafers <= Math.min(geometry.layers, 40); wafers += 1) {
      const usable = Array.from({ length: wafers }, () => usableBytes(profile.hardware));
      const staged = partition(geometry, usable)?.kvTokens ?? 0;
      expect(staged).toBeLessThanOrEqual(kvTokensPooled({ geometry, profile, wafers }));
    }
  });
});
