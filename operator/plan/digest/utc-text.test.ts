import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { utcMs } from '@reticle/operator/api';
import { utcText } from './utc-text.ts';

test('UTC text agrees with the platform and with the reader of manifests', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_102_444_800_000 }), (ms) => {
      const whole = ms - (ms % 1_000);
      expect(utcText(ms)).toBe(new Date(whole).toISOString().replace('.000Z', 'Z'));
      expect(utcMs(utcText(ms))).toBe(whole);
    }),
  );
});
