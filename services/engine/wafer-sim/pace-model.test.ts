import { describe, expect, test } from '@jest/globals';
import { planChain } from '@reticle/core/domain/wafer';
import fc from 'fast-check';
import { unworn, wearOf } from './faults/chain-wear.ts';
import { paceModel } from './pace-model.ts';
import { sparkOn12 } from './sim-bench.ts';

const pace = paceModel(sparkOn12);

describe('a worn chain', () => {
  test('without a fault is the planned one', () => {
    const worn = pace.worn(unworn(12));
    expect([worn.kvTokens, worn.parkTokens, worn.meanTokens]).toEqual([
      pace.kvTokens,
      pace.parkTokens,
      pace.meanTokens,
    ]);
    expect(worn.stepUs(40, 9000)).toBeCloseTo(pace.stepUs(40, 9000), 9);
    expect(worn.layerUs(40, 9000)).toEqual(pace.layerUs(40, 9000));
    expect(worn.prefillUs(1000, 50)).toEqual(pace.prefillUs(1000, 50));
  });

  test('has the share of figures that WAFER §6.5 names: K × f, I/O × f, C, F, BW × (1 − q), t_net × (1 + q/2)', () => {
    const half = pace.worn(
      wearOf(
        [
          { kind: 'kvPressure', factor: 0.5 },
          { kind: 'ioSlow', factor: 3 },
        ],
        12,
      ),
    );
    expect(half.kvTokens).toBe(Math.floor(pace.kvTokens / 2));
    expect(half.restoreUs(1000)).toBeCloseTo(3 * pace.restoreUs(1000), 6);
    const q = 0.1;
    const dead = pace.worn(wearOf([{ kind: 'defect', stage: 4, tiles: 90 }], 12));
    const netUs = 10.620313;
    expect(pace.layerUs(1, 0)[4]).toBeCloseTo(netUs, 5);
    expect(dead.layerUs(1, 0)[4]).toBeCloseTo(netUs * (1 + q / 2), 5);
    const attention = (model: typeof pace) => (model.layerUs(1, 50_000)[4] ?? 0) - (model.layerUs(1, 0)[4] ?? 0);
    expect(attention(dead)).toBeCloseTo(attention(pace) / (1 - q), 9);
    const own = planChain(sparkOn12)?.stages[4];
    const { sramBytes } = sparkOn12.profile.hardware;
    const holds = Math.floor((sramBytes * (1 - q) * 0.9 - (own?.weightBytes ?? 0)) / (own?.kvBytesPerToken ?? 1));
    expect(dead.kvTokens).toBe(Math.min(pace.kvTokens, holds));
    expect(dead.kvTokens).toBeLessThan(pace.kvTokens);
  });

  test('is never faster and never holds more, however faults come together', () => {
    const stage = fc.nat(11);
    const factor = fc.double({ min: 1, max: 20, noNaN: true });
    const fault = fc.oneof(
      fc.record({ kind: fc.constant('stageSlow' as const), stage, factor }),
      fc.record({ kind: fc.constant('hopSlow' as const), edge: stage, addMicros: fc.nat(2000) }),
      fc.record({ kind: fc.constant('ioSlow' as const), factor }),
      fc.record({ kind: fc.constant('kvPressure' as const), factor: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ kind: fc.constant('defect' as const), stage, tiles: fc.integer({ min: 1, max: 900 }) }),
    );
    fc.assert(
      fc.property(
        fc.array(fault, { maxLength: 5 }),
        fault,
        fc.nat(200),
        fc.nat(100_000),
        (some, more, streams, context) => {
          const before = pace.worn(wearOf(some, 12));
          const after = pace.worn(wearOf([...some, more], 12));
          const floor = 1 - 1e-12;
          expect(after.stepUs(streams, context)).toBeGreaterThanOrEqual(before.stepUs(streams, context) * floor);
          expect(after.prefillUs(900, 10).latencyUs).toBeGreaterThanOrEqual(
            before.prefillUs(900, 10).latencyUs * floor,
          );
          expect(after.restoreUs(100)).toBeGreaterThanOrEqual(before.restoreUs(100) * floor);
          expect(after.kvTokens).toBeLessThanOrEqual(before.kvTokens);
          expect(after.kvTokens).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });
});
