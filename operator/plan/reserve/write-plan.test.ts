import { expect, test } from '@jest/globals';
import { canonicalJson } from '../digest/canonical-json.ts';
import { sha256 } from '../digest/sha256.ts';
import { deployment } from '../plan-kit.ts';
import { scene } from '../scene-kit.ts';
import { World } from '../world-kit.ts';
import { digestText } from './write-plan.ts';

const world = new World(scene({ pools: [22] }));
world.put(deployment('agent', {}));
world.settle();
const plan = world.replicas()[0]?.spec.plan;
if (plan === undefined) throw new Error('no plan');

test('a plan is named by the canonical JSON of what runs where, without epochs', () => {
  const { inputsDigest, pool = '', predicted, profileDigest = '' } = plan;
  const stages = plan.stages.map(({ waferEpoch: _waferEpoch, ...stage }) => stage);
  const what = { inputsDigest, pool, predicted, profileDigest, stages };
  expect(digestText({ ...what, stages: plan.stages })).toBe(canonicalJson(what));
  expect(plan.digest).toBe(sha256(canonicalJson(what)));
});

test('layers are covered once, and no stage holds more than its wafer', () => {
  let next = 0;
  for (const { firstLayer, lastLayer, weightBytes, kvBytes, reserveBytes } of plan.stages) {
    expect(firstLayer).toBe(next);
    expect(weightBytes + kvBytes + reserveBytes).toBeLessThanOrEqual(44_000_000_000);
    next = lastLayer + 1;
  }
  expect(next).toBe(61);
  expect(plan.predicted).toMatchObject({ streams: 30, tokensPerSecond: 777, alphaClass: 'none' });
});
