import { describe, expect, test } from '@jest/globals';
import { WireDelay } from './wire-delay.ts';

describe('WireDelay', () => {
  test('is half a round trip', () => {
    const delay = new WireDelay({ rttMs: 20 }, 0);
    expect([delay.arrivalMs(0, 1_000_000), delay.arrivalMs(5, 1)]).toEqual([10, 15]);
  });

  test('holds the first bytes back for the handshake, and only those', () => {
    const delay = new WireDelay({ rttMs: 20, handshake: true }, 100);
    expect([delay.arrivalMs(101, 10), delay.arrivalMs(110, 10), delay.arrivalMs(150, 10)]).toEqual([130, 130, 160]);
  });

  test.each([
    { bytes: 14_600, rounds: 0 },
    { bytes: 14_601, rounds: 1 },
    { bytes: 43_800, rounds: 1 },
    { bytes: 102_200, rounds: 2 },
    { bytes: 513_000, rounds: 5 },
  ])('lets $bytes bytes through after $rounds round trips', ({ bytes, rounds }) => {
    expect(new WireDelay({ rttMs: 20, slowStart: true }, 0).arrivalMs(0, bytes)).toBe(10 + 20 * rounds);
  });

  test('lets a connection that has grown send at once', () => {
    const delay = new WireDelay({ rttMs: 20, slowStart: true }, 0);
    delay.arrivalMs(0, 513_000);
    expect(delay.arrivalMs(1_000, 14_000)).toBe(1_010);
  });
});
