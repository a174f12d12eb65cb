import { describe, expect, test } from '@jest/globals';
import { deployment, DIGEST, model, sparkSpec } from '../plan-kit.ts';
import { claimsOnce, scene } from '../scene-kit.ts';
import { World } from '../world-kit.ts';

const claim = { namespace: 'models', replica: 'other', uid: 'other', stage: 0, replicaEpoch: 1, planDigest: DIGEST };

function world(): World {
  const made = new World(scene({ pools: [9] }));
  made.put(model('spark', sparkSpec));
  const shape = { contextTokensMean: 32_768, streams: 30, wafers: 4 };
  made.put(deployment('spark', { modelRef: { name: 'spark' }, shape }));
  return made;
}

/** Passes until the plan of an epoch is written. */
function planned(epoch = 1): World {
  const made = world();
  for (let pass = 0; pass < 20 && made.replicas()[0]?.spec.epoch !== epoch; pass += 1) made.pass();
  return made;
}

const kinds = (made: World): readonly string[] =>
  made
    .plan()
    .actions.map(({ kind }) => kind)
    .filter((kind) => kind !== 'setStatus');
const fence = (made: World): string | undefined => made.replicas()[0]?.spec.fence?.outcome;

describe('reserve', () => {
  test('the steps come one after another, each in its own pass', () => {
    const made = planned();
    const steps: string[] = [];
    for (let pass = 0; pass < 6; pass += 1) {
      steps.push([...new Set(kinds(made))].join(' '));
      made.pass();
    }
    expect(steps).toEqual(['claim', 'createChild', 'commit', 'bind', '', '']);
    expect(made.replicas()[0]?.status?.phase).toBe('Ready');
  });

  test('a wafer that another took first: abort, give back, plan anew elsewhere', () => {
    const made = planned();
    const taken = made.object('Wafer', made.replicas()[0]?.spec.plan?.stages[2]?.wafer ?? '');
    made.put({ ...taken, spec: { ...taken.spec, epoch: 1, claim } });
    expect(kinds(made)).toEqual(['abort']);
    made.pass();
    expect(fence(made)).toBe('Aborted');
    made.settle();
    const [replica] = made.replicas();
    expect(replica?.status?.phase).toBe('Ready');
    expect(replica?.spec.plan?.stages.map(({ wafer }) => wafer)).not.toContain(taken.meta.name);
    expect(made.object('Wafer', taken.meta.name).spec.claim).toEqual(claim);
    claimsOnce(made);
  });

  test('a wafer whose epoch moved on is not claimed', () => {
    const made = planned();
    const moved = made.object('Wafer', made.replicas()[0]?.spec.plan?.stages[0]?.wafer ?? '');
    made.put({ ...moved, spec: { ...moved.spec, epoch: 5 } });
    expect(kinds(made)).toEqual(['abort']);
    made.settle();
    const stages = made.replicas()[0]?.spec.plan?.stages ?? [];
    expect(stages.find(({ wafer }) => wafer === moved.meta.name)?.waferEpoch).toBe(6);
  });

  test("another controller's gate holds the commit, until the deadline aborts it", () => {
    const made = planned();
    made.pass();
    made.pass();
    const [pod] = made.pods();
    made.changePod(pod?.name ?? '', { gates: ['reticle.dev/committed', 'kueue.x-k8s.io/admission'] });
    made.pass();
    expect(made.replicas()[0]?.status?.conditions?.at(-1)).toMatchObject({ type: 'Ready', reason: 'ExternallyGated' });
    expect(fence(made)).toBe('Pending');
    made.wait(121_000);
    made.pass();
    expect(fence(made)).toBe('Aborted');
    expect(made.log).toContain(`abort ${made.replicas()[0]?.meta.name} ReserveTimedOut`);
    made.settle();
    expect(made.replicas()[0]?.spec.epoch).toBe(2);
    expect(made.replicas()[0]?.status?.phase).toBe('Ready');
  });

  test('claims of an aborted epoch are released only behind its pods', () => {
    const made = planned();
    made.pass();
    made.pass();
    made.changePod(made.pods()[1]?.name ?? '', { phase: 'Failed' });
    made.pass();
    expect(fence(made)).toBe('Aborted');
    expect(kinds(made)).toEqual(['stopPods']);
    made.pass();
    expect(new Set(kinds(made))).toEqual(new Set(['release']));
  });

  test('told to retire while it reserves: abort, then everything is given back', () => {
    const made = planned();
    made.pass();
    const { meta, spec } = made.object('ModelDeployment', 'spark');
    made.put({ kind: 'ModelDeployment', meta: { ...meta, generation: 2 }, spec: { ...spec, regions: [] } });
    made.settle();
    expect(made.replicas()).toEqual([]);
    expect(made.wafers().every(({ spec: each }) => each.claim === undefined)).toBe(true);
  });
});
