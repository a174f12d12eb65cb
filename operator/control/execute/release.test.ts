import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { apiVersionOf, refusal, resources, type KubeObject } from '@reticle/operator/cluster';
import { FakeApiServer, type FakeFault } from '../../../test/kit/kube/fake-api-server.ts';
import { until } from '../../../test/kit/kube/virtual-run.ts';
import { epochIsOver, podIsGone } from './release.ts';

type Standing = { readonly epoch: number; readonly stage?: number; readonly holder?: string };

/** A server with one wafer `w`, held by `a` for stage 1 of epoch 2, and some pods. */
async function rigOf(pods: readonly Standing[]) {
  const clock = new VirtualClock();
  const faults: { next?: FakeFault } = {};
  const server = new FakeApiServer({ clock, fault: () => faults.next });
  const run = <T>(promise: Promise<T>): Promise<T> => until(clock, promise);
  const claim = { namespace: 'default', replica: 'r', uid: 'a', stage: 1, replicaEpoch: 2, planDigest: 'd' };
  const { wafer, pod } = resources;
  const head = { apiVersion: apiVersionOf(wafer), kind: wafer.kind, metadata: { name: 'w' } };
  const made = await run(server.create(wafer, { ...head, spec: { claim } }));
  for (const { epoch, stage = 1, holder = 'a' } of pods) {
    const labels = {
      'reticle.dev/replica-uid': holder,
      'reticle.dev/epoch': String(epoch),
      'reticle.dev/stage': String(stage),
    };
    const metadata = { name: `${holder}-${epoch}-${stage}`, namespace: 'default', labels };
    await run(server.create(pod, { apiVersion: 'v1', kind: 'Pod', metadata, spec: {} }));
  }
  if (!made.ok) throw new Error(made.failure.message);
  return { server, run, faults, held: made.value };
}

const STANDS = { kind: 'conflict', outcomeUnknown: false };

describe('a claim is given back', () => {
  test.each<{ name: string; pods: readonly Standing[]; want: object | undefined }>([
    { name: 'when no pod is left', pods: [], want: undefined },
    { name: 'not under the pod of its stage', pods: [{ epoch: 2 }], want: STANDS },
    { name: 'not under a pod of an epoch before', pods: [{ epoch: 1 }], want: STANDS },
    { name: 'under a pod of a later epoch, which has its own', pods: [{ epoch: 3 }], want: undefined },
    { name: 'under pods of other stages', pods: [{ epoch: 2, stage: 0 }], want: undefined },
    { name: 'under pods of others', pods: [{ epoch: 2, holder: 'b' }], want: undefined },
    { name: 'not under a pod whose epoch cannot be read', pods: [{ epoch: Number.NaN }], want: STANDS },
  ])('$name', async ({ pods, want }) => {
    const { server, run, held } = await rigOf(pods);
    const refusal = await run(podIsGone(server, held));
    if (want === undefined) expect(refusal).toBeUndefined();
    else expect(refusal).toMatchObject(want);
  });

  test('not while nobody can say', async () => {
    const { server, run, held, faults } = await rigOf([]);
    faults.next = refusal(500, {});
    expect(await run(podIsGone(server, held))).toMatchObject({ kind: 'serverError' });
  });
});

describe('a later epoch is planned', () => {
  const replica = (uid: string): KubeObject => {
    const metadata = { name: 'r', namespace: 'default', uid, resourceVersion: '1', creationTimestamp: '' };
    return { apiVersion: 'reticle.dev/v1alpha1', kind: 'ModelReplica', metadata };
  };

  test.each<{
    name: string;
    pods: readonly Standing[];
    uid: string;
    planned: readonly string[];
    want: object | undefined;
  }>([
    { name: 'on the wafers that it holds', pods: [], uid: 'a', planned: ['w', 'v'], want: undefined },
    { name: 'not elsewhere while it holds one', pods: [], uid: 'a', planned: ['v'], want: STANDS },
    { name: 'not while a pod is left', pods: [{ epoch: 2, stage: 0 }], uid: 'a', planned: ['w'], want: STANDS },
    { name: 'whatever others have', pods: [{ epoch: 2 }], uid: 'b', planned: ['v'], want: undefined },
  ])('$name', async ({ pods, uid, planned, want }) => {
    const { server, run } = await rigOf(pods);
    const refusal = await run(epochIsOver(server, replica(uid), new Set(planned)));
    if (want === undefined) expect(refusal).toBeUndefined();
    else expect(refusal).toMatchObject(want);
  });

  test('not while nobody can say', async () => {
    const { server, run, faults } = await rigOf([]);
    faults.next = 'lost';
    expect(await run(epochIsOver(server, replica('a'), new Set()))).toMatchObject({ kind: 'unreachable' });
  });
});
