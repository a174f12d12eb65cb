import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { waferProfiles } from './fixtures/profiles.ts';
import { speculation, stepProbabilityFor } from './speculation.ts';

describe('step law', () => {
  // WAFER §6.1.
  test.each([
    { name: 'none', wantAlpha: 1, wantWidest: 1, wantProbability: 0 },
    { name: 'moe', wantAlpha: 1.7, wantWidest: 4, wantProbability: 0.4323112 },
    { name: 'dense', wantAlpha: 2.5, wantWidest: 5, wantProbability: 0.644471 },
  ] as const)('of class $name', ({ name, wantAlpha, wantWidest, wantProbability }) => {
    const law = speculation(waferProfiles['wse3-2026'], name);
    expect(law).toMatchObject({ class: name, alpha: wantAlpha, stepTokensMax: wantWidest });
    expect(law.stepProbability).toBeCloseTo(wantProbability, 7);
  });

  test('has the mean α for any α between 1 and the widest step', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 16 }), fc.double({ min: 0, max: 1, noNaN: true }), (widest, part) => {
        const alpha = 1 + part * (widest - 1);
        const p = stepProbabilityFor(alpha, widest);
        const mean = Array.from({ length: widest }, (_, j) => p ** j).reduce((sum, term) => sum + term, 0);
        expect(mean).toBeCloseTo(alpha, 6);
      }),
    );
  });

  test.each([
    { name: 'below one token', alpha: 0.9, widest: 4 },
    { name: 'above the widest step', alpha: 4.1, widest: 4 },
  ])('is a defect $name', ({ alpha, widest }) => {
    expect(() => stepProbabilityFor(alpha, widest)).toThrow('invariant');
  });
});
