import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { PEER_RESETS_MAX, PeerMeter, PINGS_PER_SECOND_MAX, SETTINGS_PER_SECOND_MAX } from './peer-meter.ts';

const times = (count: number, count1: () => boolean): boolean[] => Array.from({ length: count }, count1);

describe('PeerMeter', () => {
  test('resets count over the whole life, and recycle once', () => {
    const clock = new VirtualClock();
    const meter = new PeerMeter(clock);
    const seen = times(PEER_RESETS_MAX * 3, () => {
      clock.advance(100);
      return meter.reset();
    });
    expect(seen.indexOf(true)).toBe(PEER_RESETS_MAX - 1);
    expect(seen.filter(Boolean)).toHaveLength(1);
  });

  test.each([
    { name: 'PING', most: PINGS_PER_SECOND_MAX, count: (meter: PeerMeter) => meter.ping() },
    { name: 'SETTINGS', most: SETTINGS_PER_SECOND_MAX, count: (meter: PeerMeter) => meter.settings() },
  ])('$name: as many as a second allows are none too many, one more is', ({ most, count }) => {
    const clock = new VirtualClock();
    const meter = new PeerMeter(clock);
    for (let second = 0; second < 3; second++) {
      expect(times(most, () => count(meter))).not.toContain(true);
      clock.advance(1_000);
    }
    expect(times(most + 1, () => count(meter)).at(-1)).toBe(true);
  });

  test('PING and SETTINGS are counted apart', () => {
    const meter = new PeerMeter(new VirtualClock());
    times(PINGS_PER_SECOND_MAX, () => meter.ping());
    expect(meter.settings()).toBe(false);
  });
});
