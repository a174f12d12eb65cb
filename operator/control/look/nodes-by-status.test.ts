import { describe, expect, test } from '@jest/globals';
import { facts, pool, wafer } from '@reticle/operator/plan/kit';
import { snapshotOf } from '@reticle/operator/plan';
import { nodesByStatus } from './nodes-by-status.ts';

describe('nodesByStatus', () => {
  test('wafers are as their statuses say, and sound without one', () => {
    const phases = ['Running', 'Degraded', 'Lost', 'Unknown'] as const;
    const stated = phases.map((phase, slot) => wafer('p0', slot, {}, { status: { phase } }));
    const objects = [pool('p0'), ...stated, wafer('p0', 4)];
    const state = snapshotOf(facts({ objects, ...nodesByStatus(objects) })).pools.get('p0');
    expect(state?.wafers.map(({ fault }) => fault)).toEqual([undefined, 'unhealthy', 'lost', 'lost', undefined]);
  });

  test('a host of several wafers answers when one of them was seen', () => {
    const nodeName = 'host';
    const lost = wafer('p0', 0, { nodeName }, { status: { phase: 'Lost' } });
    const free = wafer('p0', 1, { nodeName }, { status: { phase: 'Free' } });
    expect(nodesByStatus([lost, free]).nodes).toMatchObject([{ name: 'host', ready: true }]);
    expect(nodesByStatus([free, lost]).nodes).toMatchObject([{ name: 'host', ready: true }]);
  });
});
