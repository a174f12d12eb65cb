import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UTC_TIME, utcMs } from './utc-time.ts';

describe('utcMs', () => {
  test('agrees with the calendar of JavaScript', () => {
    const moments = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(moments, (date) => {
        expect(utcMs(date.toISOString())).toBe(date.getTime());
        expect(date.toISOString()).toMatch(new RegExp(UTC_TIME));
      }),
    );
  });

  test.each([
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    ['2000-02-29T23:59:59Z', Date.UTC(2000, 1, 29, 23, 59, 59)],
    ['1970-01-01T00:00:00.0015Z', 1],
    ['0820-04-13T22:50:32.754Z', -36_281_524_167_246],
    ['2023-02-29T00:00:00Z', undefined],
    ['1900-02-29T00:00:00Z', undefined],
    ['2026-04-31T00:00:00Z', undefined],
  ])('%s', (text, want) => {
    expect(utcMs(text)).toBe(want);
  });

  test.each([
    '2026-13-01T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01',
    '2026-01-01T00:00:00+01:00',
    '2026-1-1T00:00:00Z',
  ])('the form refuses %s', (text) => {
    expect(text).not.toMatch(new RegExp(UTC_TIME));
  });
});
