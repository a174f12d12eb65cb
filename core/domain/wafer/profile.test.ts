import { describe, expect, test } from '@jest/globals';
import { waferProfiles, wse3Spec } from './fixtures/profiles.ts';
import { waferProfile } from './profile.ts';

describe('wafer profile', () => {
  test('converts the integers of a class to bytes, FLOP and microseconds', () => {
    expect(waferProfile(wse3Spec)).toEqual({
      name: 'wse3-2026',
      hardware: {
        generation: 'wse3',
        sramBytes: 44e9,
        reservePercent: 10,
        flopPerUs: 15.6e9,
        sramBytesPerUs: 21e9,
        ioBytesPerUs: 150e3,
      },
      stepRule: { kind: 'layers' },
      tau0Us: 8.3,
      tau1Us: 3.3,
      hopUs: 5,
      crossRackUs: 0,
      hostUs: 20,
      alpha: { none: 1, moe: 1.7, dense: 2.5 },
      stepTokensMax: { none: 1, moe: 4, dense: 5 },
      attentionEfficiency: 0.5,
      marginalEfficiency: 0.35,
      ioEfficiency: 0.8,
      prefillEfficiency: { moe: 0.1, dense: 0.35 },
      chunkTokens: 32,
      streamsPerLayerMax: 8,
    });
  });

  test.each([
    { name: 'more accepted tokens than the widest step has', alphaMilli: { none: 1_000, moe: 4_001, dense: 2_500 } },
    { name: 'less than one token per step', alphaMilli: { none: 999, moe: 1_700, dense: 2_500 } },
  ])('is a defect with $name', ({ alphaMilli }) => {
    expect(() => waferProfile({ ...wse3Spec, profile: { ...wse3Spec.profile, alphaMilli } })).toThrow('invariant');
  });

  test('the launch profile shares the hardware and accepts one token per step', () => {
    const launch = waferProfiles['wse3-2024-launch'];
    expect(launch.hardware).toEqual(waferProfiles['wse3-2026'].hardware);
    expect(launch.alpha).toEqual({ none: 1, moe: 1, dense: 1 });
  });
});
