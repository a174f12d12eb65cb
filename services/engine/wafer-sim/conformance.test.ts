import { parseSimScript } from '@reticle/core/domain';
import { modelById, waferProfiles, type SpeculationClass } from '@reticle/core/domain/wafer';
import { VirtualClock } from '@reticle/core/flow';
import { describeDriver } from '../conformance/driver-conformance.ts';
import type { DriverUnderTest } from '../conformance/driver-bench.ts';
import { createWaferSim, type WaferSimOptions } from './index.ts';

/** Longer than the shortest sleep of the pump, so that every step is told alone. */
const STEP_MS = 2.5;
const SETTLE_MS = 60_000;

function underTest(drafter: SpeculationClass, options: Partial<WaferSimOptions>): DriverUnderTest {
  const clock = new VirtualClock();
  const geometry = modelById('spark-ref');
  const driver = createWaferSim({
    model: {
      name: 'test/spark-ref',
      digest: `sha256:${'0'.repeat(64)}`,
      contextTokens: 131_072,
      geometry: { ...geometry, drafter: { ...geometry.drafter, class: drafter } },
    },
    profile: { ...waferProfiles['wse3-2026'], stepRule: { kind: 'fixed', stepUs: STEP_MS * 1000 } },
    wafers: 12,
    clock,
    tokens: 'hash',
    ...options,
  });
  return {
    driver,
    exactSteps: true,
    settle: (until) => {
      const lastMs = clock.nowMs() + SETTLE_MS;
      while (!until()) {
        if (clock.nowMs() > lastMs || !clock.step()) return Promise.reject(new Error('nothing more happens'));
      }
      return Promise.resolve();
    },
    steps: (steps) => {
      clock.advance(steps * STEP_MS);
      return Promise.resolve();
    },
  };
}

describeDriver('wafer-sim, hash tokens, no drafter', () => underTest('none', {}));
describeDriver('wafer-sim, hash tokens, drafter of a mixture', () => underTest('moe', {}));
describeDriver('wafer-sim, code tokens, dense drafter', () => underTest('dense', { tokens: 'code' }));
describeDriver('wafer-sim, an item every 16 tokens', () => underTest('moe', { itemEvery: 16 }));
const thinking = parseSimScript('[{"items":[{"reasoning":20},{"message":{}}]}]', 'script');
describeDriver('wafer-sim, thought before each answer', () => underTest('moe', { script: thinking }));
