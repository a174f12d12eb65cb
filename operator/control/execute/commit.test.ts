import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { apiVersionOf, resources, type KubeManifest, type KubeObject } from '@reticle/operator/cluster';
import { FakeApiServer } from '../../../test/kit/kube/fake-api-server.ts';
import { until } from '../../../test/kit/kube/virtual-run.ts';
import { commitReplica } from './commit.ts';

const { wafer, modelReplica } = resources;
const wafers = ['w0', 'w1'];

type Claim = { readonly uid?: string; readonly replicaEpoch?: number; readonly planDigest?: string } | undefined;

/** A replica whose epoch 1 is reserved, and two wafers; the second one's claim is as the test says. */
async function committed(second: (uid: string) => Claim, more: { readonly abortFirst?: boolean } = {}) {
  const clock = new VirtualClock();
  const server = new FakeApiServer({ clock });
  const make = async (
    resource: typeof wafer,
    metadata: KubeManifest['metadata'],
    spec: object,
  ): Promise<KubeObject> => {
    const manifest = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata, spec };
    const made = await until(clock, server.create(resource, manifest));
    if (!made.ok) throw new Error(made.failure.message);
    return made.value;
  };
  const ref = { name: 'r', namespace: 'default' };
  const replica = await make(modelReplica, ref, { epoch: 1, fence: { epoch: 1, outcome: 'Pending' } });
  const { uid } = replica.metadata;
  const claim = { uid, replicaEpoch: 1, planDigest: 'd' };
  await make(wafer, { name: 'w0' }, { claim });
  const other = second(uid);
  await make(wafer, { name: 'w1' }, other === undefined ? {} : { claim: { ...claim, ...other } });
  if (more.abortFirst === true) {
    const body = { spec: { fence: { epoch: 1, outcome: 'Aborted' } } };
    await until(clock, server.patch(modelReplica, ref, { kind: 'merge', body }));
  }
  const result = await until(clock, commitReplica(server, replica, { epoch: 1, digest: 'd', wafers }));
  const live = await until(clock, server.get(modelReplica, ref));
  const { fence } = (live.ok ? live.value.spec : {}) as { readonly fence?: { readonly outcome: string } };
  return `${result.kind} ${fence?.outcome}`;
}

describe('a plan is committed', () => {
  test('when all of its wafers are claimed for it', async () => {
    expect(await committed((uid) => ({ uid }))).toBe('written Committed');
  });

  test.each<{ name: string; claim: Claim }>([
    { name: 'one is not claimed', claim: undefined },
    { name: 'one has another holder', claim: { uid: 'other' } },
    { name: 'one is claimed for another epoch', claim: { replicaEpoch: 2 } },
    { name: 'one is claimed for another plan', claim: { planDigest: 'e' } },
  ])('not while $name, whatever a cache says', async ({ claim }) => {
    expect(await committed(() => claim)).toBe('lost Pending');
  });

  test('not after it was aborted', async () => {
    expect(await committed((uid) => ({ uid }), { abortFirst: true })).toBe('lost Aborted');
  });
});
