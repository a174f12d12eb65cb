/** The scripted driver keeps the engine contract where tests of the host lean on it. */
import { describe } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { continuationCases } from '../conformance/continuation-cases.ts';
import type { DriverUnderTest } from '../conformance/driver-bench.ts';
import { brokenCase, forcedCases } from '../conformance/forced-cases.ts';
import { haltCases } from '../conformance/halt-cases.ts';
import { FakeDriver } from './fake-driver.ts';

function underTest(): DriverUnderTest {
  const clock = new VirtualClock();
  const driver = new FakeDriver({ clock, tokens: 'prompt', prefillMs: 3 });
  return {
    driver,
    exactSteps: false,
    settle: (until) => {
      while (!until()) if (!clock.step()) return Promise.reject(new Error('nothing more happens'));
      return Promise.resolve();
    },
    steps: (steps) => Promise.resolve(clock.advance(steps)),
    breakNow: () => driver.break('a stage is gone'),
  };
}

describe('FakeDriver', () => {
  describe('halts', () => haltCases(underTest));
  describe('continuations', () => continuationCases(underTest));
  describe('forced tokens, parking', () => forcedCases(underTest));
  describe('breaking', () => brokenCase(underTest));
});
