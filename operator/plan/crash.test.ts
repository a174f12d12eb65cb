import { describe, expect, test } from '@jest/globals';
import type { StoredDeployment } from './facts.ts';
import { deployment, model, nodeOf, sparkSpec } from './plan-kit.ts';
import { claimsOnce, scene } from './scene-kit.ts';
import { World } from './world-kit.ts';

/*
 * Crash points of the reference runs (OPERATOR §21): the operator dies after each of its writes in turn, the rest of the
 * pass is lost, and another one starts from what is there. Every run ends where the undisturbed one ends.
 */

const shape = { contextTokensMean: 32_768, streams: 30, wafers: 4 };
const finalizers = ['reticle.dev/drain'];

function small(spec: object = {}): StoredDeployment {
  const base = {
    modelRef: { name: 'spark' },
    shape,
    regions: [{ region: 'us-east', replicas: 2 }],
    rollout: { bakeSeconds: 1 },
  };
  return deployment('spark', { ...base, ...spec }, { meta: { finalizers } });
}

function begun(): World {
  const world = new World(scene({ pools: [9, 9] }));
  world.put(model('spark', sparkSpec));
  world.put(small());
  return world;
}

function running(): World {
  const world = begun();
  world.settle();
  return world;
}

/** Where everything stands, without what a crash may change: epochs, names of wafers, times. */
function end(world: World): readonly string[] {
  claimsOnce(world);
  const claimed = world.wafers().filter(({ spec }) => spec.claim !== undefined).length;
  const chains = world
    .replicas()
    .map(({ spec, status }) => `${spec.revision} ${status?.phase ?? ''} ${spec.plan?.stages.length ?? 0}`);
  return [
    ...chains.toSorted(),
    `${claimed} claimed`,
    `${world.pods().length} pods`,
    `${world.plan().actions.length} to do`,
  ];
}

type Run = { readonly name: string; readonly start: () => World; readonly change: (world: World) => void };

const runs: readonly Run[] = [
  { name: 'create', start: begun, change: () => undefined },
  {
    name: 'rollout',
    start: running,
    change: (world) => {
      const { meta } = world.object('ModelDeployment', 'spark');
      world.put({ ...small({ shape: { ...shape, streams: 31 } }), meta: { ...meta, generation: 2 } });
    },
  },
  {
    name: 'swap',
    start: running,
    change: (world) => {
      const bad = world.replicas()[0]?.spec.plan?.stages[1]?.wafer ?? '';
      world.putNode(nodeOf(world.object('Wafer', bad), { waferHealthy: false }));
    },
  },
  {
    name: 'drain',
    start: running,
    change: (world) => {
      const { meta } = world.object('ModelDeployment', 'spark');
      world.put({ ...small({ regions: [{ region: 'us-east', replicas: 1 }] }), meta: { ...meta, generation: 2 } });
    },
  },
  {
    name: 'delete',
    start: running,
    change: (world) => {
      const gone = world.object('ModelDeployment', 'spark');
      world.put({ ...gone, meta: { ...gone.meta, deletionMs: world.nowMs } });
    },
  },
];

describe('crash points', () => {
  test.each(runs)('$name converges from every one', ({ start, change }) => {
    const undisturbed = start();
    change(undisturbed);
    const before = undisturbed.writes;
    undisturbed.settle();
    const want = end(undisturbed);
    const writes = undisturbed.writes - before;
    expect(writes).toBeGreaterThan(5);
    expect(want.at(-1)).toBe('0 to do');
    for (let at = 1; at < writes; at += 1) {
      const world = start();
      change(world);
      world.writesLeft = at;
      world.settle();
      expect({ at, end: end(world) }).toEqual({ at, end: want });
    }
  });
});
