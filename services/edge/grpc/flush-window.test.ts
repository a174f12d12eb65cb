import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FLUSH_WINDOWS_MS, FlushWindow } from './flush-window.ts';

describe('FlushWindow', () => {
  test.each([
    { name: 'a calm loop has no window', loads: [0, 0.3, 0.7], wantMs: [0, 0, 0] },
    { name: 'a busy loop steps up to the largest', loads: [0.71, 1, 1, 1, 1], wantMs: [4, 8, 16, 33, 33] },
    { name: 'between the thresholds it stays', loads: [0.9, 0.9, 0.7, 0.5, 0.45], wantMs: [4, 8, 8, 8, 8] },
    { name: 'below the lower one it steps back', loads: [0.9, 0.9, 0.44, 0, 0], wantMs: [4, 8, 4, 0, 0] },
    { name: 'it goes both ways', loads: [0.8, 0.2, 0.8, 0.8], wantMs: [4, 0, 4, 8] },
  ])('$name', ({ loads, wantMs }) => {
    const window = new FlushWindow();
    const gotMs = loads.map((load) => {
      window.observe(load);
      return window.ms;
    });
    expect(gotMs).toEqual(wantMs);
  });

  test('one step at most, whatever it is told', () => {
    const load = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(NaN));
    fc.assert(
      fc.property(fc.array(load, { maxLength: 30 }), (loads) => {
        const window = new FlushWindow();
        let before = FLUSH_WINDOWS_MS.indexOf(window.ms as 0);
        for (const each of loads) {
          window.observe(each);
          const step = FLUSH_WINDOWS_MS.indexOf(window.ms as 0);
          expect(step).toBeGreaterThanOrEqual(0);
          expect(Math.abs(step - before)).toBeLessThanOrEqual(1);
          before = step;
        }
      }),
    );
  });
});
