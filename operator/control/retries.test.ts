import { describe, expect, test } from '@jest/globals';
import { failed, noAnswer, refusal, resources, type Kube, type KubeFailure } from '@reticle/operator/cluster';
import { Retries } from './retries.ts';

const random = { bytes: (count: number) => new Uint8Array(count), unit: () => 0.5 };
const broken = noAnswer('unreachable', 'connection reset');

/** A port that answers everything with one failure. */
function failing(failure: KubeFailure): Kube {
  const answer = async () => failed<never>(failure);
  return { list: answer, get: answer, create: answer, patch: answer, delete: answer, watch: () => () => {} };
}

describe('a pass is tried again', () => {
  test.each<{ name: string; failure: KubeFailure; want: number | undefined }>([
    { name: 'without an answer', failure: broken, want: 100 },
    { name: 'by a server in trouble', failure: refusal(500, {}), want: 100 },
    { name: 'by a server that says when', failure: refusal(429, {}, 7_000), want: 7_000 },
    { name: 'by a newer version, which has an event', failure: refusal(409, { reason: 'Conflict' }), want: undefined },
    { name: 'by a rule', failure: refusal(422, { reason: 'Invalid' }), want: undefined },
  ])('after a request that failed $name: $want ms', async ({ failure, want }) => {
    const retries = new Retries(random);
    const ref = { name: 'a' };
    expect(await retries.noting(failing(failure)).get(resources.node, ref)).toEqual(failed(failure));
    expect(retries.nextMs()).toBe(want);
  });

  test('later with each pass that fails, and soon again after one that does not', () => {
    const retries = new Retries(random);
    const after = (fails: boolean): number | undefined => {
      if (fails) retries.note();
      return retries.nextMs();
    };
    expect([true, true, true, false, true].map(after)).toEqual([100, 200, 400, undefined, 100]);
  });

  test.each(['list', 'create', 'patch', 'delete'] as const)('after a %s that failed', async (verb) => {
    const retries = new Retries(random);
    const asked = retries.noting(failing(broken))[verb] as (...args: unknown[]) => Promise<unknown>;
    await asked(resources.node, { name: 'a' }, {});
    expect(retries.nextMs()).toBe(100);
  });
});
