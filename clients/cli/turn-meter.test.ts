import { describe, expect, test } from '@jest/globals';
import { speedLine } from './speed-line.ts';
import { TurnMeter } from './turn-meter.ts';

describe('TurnMeter', () => {
  test('knows nothing before the first token and no speed from one frame', () => {
    const meter = new TurnMeter(100);
    expect([meter.tokens, meter.firstTokenMs, meter.tokensPerSecond]).toEqual([0, undefined, undefined]);
    meter.frame({ firstOffset: 0, tokenCount: 3, engineMicros: 5 }, 112);
    expect([meter.tokens, meter.firstTokenMs, meter.tokensPerSecond]).toEqual([3, 12, undefined]);
    expect(speedLine(meter)).toBe('3 tokens · first token after 12 ms');
  });

  test.each([
    { name: 'the reader when it is the slower one', readMs: 200, engineMicros: 100_000, want: 500 },
    { name: 'the engine when the reader came late to a burst', readMs: 1, engineMicros: 100_000, want: 1_000 },
  ])('takes the span of $name', ({ readMs, engineMicros, want }) => {
    const meter = new TurnMeter(0);
    meter.frame({ firstOffset: 0, tokenCount: 1, engineMicros: 0 }, 10);
    meter.frame({ firstOffset: 0, tokenCount: 100, engineMicros }, 10 + readMs);
    expect(meter.tokensPerSecond).toBe(want);
  });

  test('counts the parts of one late burst as one instant', () => {
    const meter = new TurnMeter(0);
    meter.frame({ firstOffset: 0, tokenCount: 64, engineMicros: 0 }, 50);
    meter.frame({ firstOffset: 0, tokenCount: 36, engineMicros: 0 }, 50);
    meter.frame({ firstOffset: 0, tokenCount: 100, engineMicros: 100_000 }, 60);
    expect(meter.tokensPerSecond).toBe(1_000);
  });

  test('follows the engine over the wrap of its microseconds', () => {
    const meter = new TurnMeter(0);
    meter.frame({ firstOffset: 0, tokenCount: 1, engineMicros: 2 ** 32 - 40_000 }, 0);
    meter.frame({ firstOffset: 0, tokenCount: 50, engineMicros: 10_000 }, 0);
    expect(meter.tokensPerSecond).toBe(1_000);
    expect(speedLine(meter)).toBe('51 tokens · 1,000 tokens/s · first token after 0.0 ms');
  });

  test('does not take the clock of another engine for a long pause', () => {
    const meter = new TurnMeter(0);
    meter.frame({ firstOffset: 0, tokenCount: 1, engineMicros: 5_000_000 }, 0);
    meter.moved(51);
    meter.frame({ firstOffset: 1, tokenCount: 50, engineMicros: 5_050_000 }, 60);
    meter.frame({ firstOffset: 51, tokenCount: 1, engineMicros: 900 }, 90);
    meter.frame({ firstOffset: 52, tokenCount: 49, engineMicros: 50_900 }, 100);
    expect(meter.tokensPerSecond).toBe(1_000);
  });
});
