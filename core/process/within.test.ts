import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { within } from './within.ts';

describe('within', () => {
  test('is true for a promise that is in time, and leaves no timer', async () => {
    const clock = new VirtualClock();
    expect(await within(clock, Promise.resolve('done'), 10)).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test('is false when the time is over first', async () => {
    const clock = new VirtualClock();
    const answer = within(clock, new Promise(() => {}), 10);
    clock.advance(10);
    expect(await answer).toBe(false);
  });

  test('rejects as the promise does, and leaves no timer', async () => {
    const clock = new VirtualClock();
    await expect(within(clock, Promise.reject(new Error('no')), 10)).rejects.toThrow('no');
    expect(clock.pending).toBe(0);
  });
});
