import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { FakeApiServer, type FakeCall, type FakeFault } from '../../test/kit/kube/fake-api-server.ts';
import { until } from '../../test/kit/kube/virtual-run.ts';
import { applyChild, createChild, deleteChild } from './apply.ts';
import { refusal } from './failure.ts';
import type { KubeManifest, KubeObject } from './port.ts';
import { resources } from './resources.ts';

const { service } = resources;
const identity = { ownerUid: 'uid-r', labels: { 'reticle.dev/epoch': '3' } };

function child(
  name = 'r-3',
  { owner = 'uid-r', epoch = '3', spec = { ports: [{ port: 1 }], x: 1 } as object } = {},
): KubeManifest {
  const ownerReferences = [
    { apiVersion: 'reticle.dev/v1alpha1', kind: 'ModelReplica', name: 'r', uid: owner, controller: true },
  ];
  const metadata = { namespace: 'default', name, labels: { 'reticle.dev/epoch': epoch }, ownerReferences };
  return { apiVersion: 'v1', kind: 'Service', metadata, spec };
}

function rigOf() {
  const clock = new VirtualClock();
  const faults: { next?: (call: FakeCall) => FakeFault | undefined } = {};
  const server = new FakeApiServer({ clock, fault: (call) => faults.next?.(call) });
  const run = <T>(promise: Promise<T>): Promise<T> => until(clock, promise);
  return { server, run, faults };
}

describe('applyChild', () => {
  test('writes what is not there, leaves what is as wanted, and writes what somebody has changed', async () => {
    const { server, run } = rigOf();
    const first = await run(applyChild(server, service, child(), undefined));
    if (first.kind !== 'written') throw new Error(first.kind);
    expect(await run(applyChild(server, service, child(), first.object))).toMatchObject({ kind: 'unchanged' });
    const body = { spec: { x: 2 }, metadata: { labels: { mine: 'yes' } } };
    const patched = await run(server.patch(service, first.object.metadata, { kind: 'merge', body }));
    if (!patched.ok) throw new Error(patched.failure.message);
    const again = await run(applyChild(server, service, child(), patched.value));
    expect(again).toMatchObject({ kind: 'written', object: { spec: { x: 1 }, metadata: { labels: { mine: 'yes' } } } });
  });

  test('what the server adds beside it is no change', async () => {
    const { server, run } = rigOf();
    const first = await run(applyChild(server, service, child(), undefined));
    if (first.kind !== 'written') throw new Error(first.kind);
    const body = { spec: { clusterIP: 'None' }, status: { loadBalancer: {} } };
    const patched = await run(server.patch(service, first.object.metadata, { kind: 'merge', body }));
    if (!patched.ok) throw new Error(patched.failure.message);
    expect(await run(applyChild(server, service, child(), patched.value))).toMatchObject({ kind: 'unchanged' });
  });

  test('a field that is wanted no more goes', async () => {
    const { server, run } = rigOf();
    const first = await run(applyChild(server, service, child('r', { spec: { x: 1, y: 2 } }), undefined));
    if (first.kind !== 'written') throw new Error(first.kind);
    const next = await run(applyChild(server, service, child('r', { spec: { x: 1 } }), first.object));
    expect(next).toMatchObject({ kind: 'written' });
    if (next.kind === 'written') expect(next.object.spec).toEqual({ x: 1 });
  });

  test('a refusal is told', async () => {
    const { server, run, faults } = rigOf();
    faults.next = () => refusal(403, { message: 'quota' });
    expect(await run(applyChild(server, service, child(), undefined))).toMatchObject({
      kind: 'failed',
      failure: { kind: 'forbidden' },
    });
  });
});

describe('createChild', () => {
  const create = ({ server, run }: ReturnType<typeof rigOf>, manifest = child()) =>
    run(createChild(server, service, manifest, identity));

  test('is done once: the same again is ours and unchanged', async () => {
    const rig = rigOf();
    expect((await create(rig)).kind).toBe('written');
    expect((await create(rig)).kind).toBe('unchanged');
  });

  test.each([
    { name: 'another owner', there: child('r-3', { owner: 'uid-other' }) },
    { name: 'another epoch', there: child('r-3', { epoch: '2' }) },
    { name: 'no owner', there: { ...child(), metadata: { namespace: 'default', name: 'r-3' } } },
  ])('one of $name under the name is foreign, and stays as it is', async ({ there }) => {
    const rig = rigOf();
    const before = await rig.run(rig.server.create(service, there));
    const result = await create(rig);
    expect(result.kind).toBe('foreign');
    if (before.ok && result.kind === 'foreign') expect(result.object).toEqual(before.value);
  });

  test('one that is being deleted is nobody’s child any more', async () => {
    const rig = rigOf();
    const held = { ...child(), metadata: { ...child().metadata, finalizers: ['reticle.dev/test'] } };
    await rig.run(rig.server.create(service, held));
    await rig.run(rig.server.delete(service, held.metadata));
    expect((await create(rig)).kind).toBe('foreign');
  });

  test('a lost answer is found out, a request that never arrived is a failure', async () => {
    const rig = rigOf();
    rig.faults.next = ({ verb }) => (verb === 'create' ? 'lostAnswer' : undefined);
    expect((await create(rig)).kind).toBe('unchanged');
    rig.faults.next = ({ verb }) => (verb === 'create' ? 'lost' : undefined);
    expect(await create(rig, child('r-4'))).toMatchObject({ kind: 'failed', failure: { outcomeUnknown: true } });
    rig.faults.next = () => refusal(422, { message: 'policy' });
    expect(await create(rig, child('r-5'))).toMatchObject({ kind: 'failed', failure: { kind: 'invalid' } });
  });
});

describe('deleteChild', () => {
  test('deletes this incarnation alone, and one that is gone is success', async () => {
    const { server, run } = rigOf();
    const made = async (): Promise<KubeObject> => {
      const answer = await run(server.create(service, child()));
      if (!answer.ok) throw new Error(answer.failure.message);
      return answer.value;
    };
    const first = await made();
    expect(await run(deleteChild(server, service, first))).toBeUndefined();
    expect(await run(deleteChild(server, service, first))).toBeUndefined();
    const second = await made();
    expect(await run(deleteChild(server, service, first))).toBeUndefined();
    expect((await run(server.get(service, second.metadata))).ok).toBe(true);
  });

  test('a pod on a host stays until its host says so, without grace it goes at once', async () => {
    const { server, run, faults } = rigOf();
    const metadata = { namespace: 'default', name: 'p' };
    const manifest = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { nodeName: 'n' } };
    const pod = await run(server.create(resources.pod, manifest));
    if (!pod.ok) throw new Error(pod.failure.message);
    await run(deleteChild(server, resources.pod, pod.value, 150));
    expect((await run(server.get(resources.pod, metadata))).ok).toBe(true);
    await run(deleteChild(server, resources.pod, pod.value, 0));
    expect((await run(server.get(resources.pod, metadata))).ok).toBe(false);
    faults.next = () => refusal(500, {});
    expect(await run(deleteChild(server, resources.pod, pod.value))).toMatchObject({ kind: 'serverError' });
  });
});
