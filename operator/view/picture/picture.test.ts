import { describe, expect, test } from '@jest/globals';
import { deployment, facts, fullPool, model, nodeOf, pool, wafer, waferClass } from '@reticle/operator/plan/kit';
import { snapshotOf, type StoredObject } from '@reticle/operator/plan';
import { dryRun } from '../dry-run/dry-run.ts';
import { drawMaps } from './draw-maps.ts';
import { drawOutcome } from './draw-outcome.ts';
import { outcomeOf } from './outcome.ts';
import { poolMaps } from './pool-map.ts';

const claimBy = (replica: string, stage: number): Record<string, unknown> => ({
  claim: {
    namespace: 'models',
    replica,
    uid: `uid-${replica}`,
    stage,
    replicaEpoch: 1,
    planDigest: `sha256:${'0'.repeat(64)}`,
  },
});

function planned(wafers: number, count: number) {
  const own = fullPool('p0', wafers, { fabric: { slots: 64 } });
  const agent = deployment('agent', { regions: [{ region: 'us-east', replicas: count }] });
  const objects: StoredObject[] = [waferClass(), model(), ...own.objects, agent];
  return outcomeOf(dryRun(facts({ objects, nodes: own.nodes })));
}

describe('pictures', () => {
  test('a plan that fits: chains as letters, figures of each region', () => {
    const outcome = planned(43, 2);
    expect(outcome).toMatchObject({ fits: true });
    expect(outcome.pools[0]?.counts).toEqual({ total: 43, claimed: 42, free: 0, spare: 1, faulty: 0 });
    expect(outcome.regions).toEqual([
      {
        deployment: 'models/agent',
        region: 'us-east',
        desired: 2,
        placed: 2,
        wafers: 21,
        streams: 30,
        tokensPerSecond: 777,
        users: 60,
        pools: ['p0'],
        noFit: [],
      },
    ]);
    const text = drawOutcome(outcome, ['hosts are sound']);
    expect(text).toMatch(/^p0 {2}us-east, hall h-p0, Switched, 43 wafers in 64 slots: 42 in chains, 0 free, 1 spare\n/);
    expect(text).toContain('models/agent  us-east       2/2  21  30    777     60  p0\n');
    expect(text).toMatch(/Assumed:\n {2}hosts are sound\n\nAll of it fits\.\n$/);
  });

  test('a plan that does not: every reason once, and how much is placed', () => {
    const outcome = planned(43, 4);
    expect(outcome.fits).toBe(false);
    const text = drawOutcome(outcome, []);
    expect(text).toContain(
      'md/models/agent in us-east: 2 of 4 without a place\n  FreeWafersShort p0: need 22 free wafers, have 1\n',
    );
    expect(text).toMatch(/\n2 of 4 wanted replicas have a place\.\n$/);
  });

  test('a deployment whose model is missing does not fit, and says so', () => {
    const outcome = outcomeOf(dryRun(facts({ objects: [waferClass(), deployment('agent')] })));
    expect(outcome.fits).toBe(false);
    expect(outcome.notes.join('\n')).toContain('ModelNotFound');
  });

  test('a map marks chains, faults, closed wafers, missing hosts and empty slots', () => {
    const wafers = [
      wafer('p0', 0, claimBy('b', 0)),
      wafer('p0', 1, claimBy('a', 0)),
      wafer('p0', 2, claimBy('b', 1)),
      wafer('p0', 3),
      wafer('p0', 4, { service: 'Cordon', serviceReason: 'fan' }),
      wafer('p0', 5),
      wafer('p0', 6),
      wafer('p0', 7),
    ];
    const nodes = wafers.flatMap((each, slot) => {
      if (slot === 5) return [];
      return [nodeOf(each, { waferHealthy: slot !== 2 && slot !== 3 })];
    });
    const shown = pool('p0', { fabric: { slots: 10 }, service: 'Cordon', serviceReason: 'cooling' });
    const other = pool('p1');
    const snapshot = snapshotOf(facts({ objects: [waferClass(), shown, other, ...wafers], nodes }));
    const maps = poolMaps(snapshot, (name) => name === 'p0');
    expect(drawMaps(maps)).toEqual([
      'p0  us-east, hall h-p0, Switched, 8 wafers in 10 slots: 3 in chains, 1 free, 1 spare, 3 faulty',
      '  Cordon: cooling',
      '    0  ABa!#?.+ __',
      '    A  models/b  2 wafers',
      '    B  models/a  1 wafers',
      '    slot 2  p0-w002  unhealthy',
      '    slot 3  p0-w003  unhealthy',
      '    slot 4  p0-w004  closed',
      '    slot 5  p0-w005  unknown',
      '',
      expect.stringContaining('A–Z chain'),
    ]);
    expect(maps[0]?.marks[2]).toEqual({
      slot: 2,
      mark: 'a',
      wafer: 'p0-w002',
      replica: 'models/b',
      stage: 1,
      fault: 'unhealthy',
    });
    expect(drawMaps([])).toEqual([]);
  });
});
