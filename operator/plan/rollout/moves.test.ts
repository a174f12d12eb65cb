import { describe, expect, test } from '@jest/globals';
import { claimsOnce, scene } from '../scene-kit.ts';
import { deployment } from '../plan-kit.ts';
import { World } from '../world-kit.ts';

describe('a replica that is told to retire', () => {
  test('is replaced before it drains, once', () => {
    const world = new World(scene({ pools: [64] }));
    world.put(deployment('agent', { regions: [{ region: 'us-east', replicas: 2 }] }));
    world.settle();
    const [asked, other] = world.replicas();
    if (asked === undefined || other === undefined) throw new Error('two replicas');
    world.log.length = 0;
    const annotations = { 'reticle.dev/retire-requested': 'a noisy neighbour' };
    world.put({ ...asked, meta: { ...asked.meta, annotations } });
    world.settle();
    const names = world.replicas().map(({ meta }) => meta.name);
    expect(names).toHaveLength(2);
    expect(names).toContain(other.meta.name);
    expect(names).not.toContain(asked.meta.name);
    claimsOnce(world);
    const created = world.log.findIndex((line) => line.startsWith('createReplica'));
    const retired = world.log.findIndex((line) => line.startsWith(`retire ${asked.meta.name}`));
    expect(created).toBeGreaterThanOrEqual(0);
    expect(retired).toBeGreaterThan(created);
    expect(world.log.filter((line) => line.startsWith('createReplica'))).toHaveLength(1);
    expect(world.plan().actions).toEqual([]);
  });
});
