/** The pods of a chain as the real scheduler sees them: gated until a gate is taken off, pinned, one to a wafer. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { resources, type KubeClient, type KubeManifest, type KubeObject } from '@reticle/operator/cluster';
import { bounded } from '../kit/index.ts';
import { hasApiServer, startApiServer, type ApiServer } from '../kit/kube/api-server.ts';
import { fakeNode, fakeNodeToleration } from '../kit/kube/kwok.ts';
import { manifest, value } from './gauge.ts';

jest.setTimeout(120_000);

const options = { controllers: true, scheduler: true, kwok: true };
const describeReal = (await hasApiServer(options)) ? describe : describe.skip;
const STAGES = 4;
const BOUND_MS = 60_000;
const GATE = 'reticle.dev/committed';

function pod(stage: number, node: string): KubeManifest {
  const terms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }];
  return manifest(
    resources.pod,
    { namespace: 'default', name: `r-1-${stage}`, labels: { chain: 'r-1' } },
    {
      spec: {
        schedulingGates: [{ name: GATE }],
        affinity: {
          nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
        },
        tolerations: [fakeNodeToleration],
        containers: [{ name: 'engine', image: 'fake.local/x:1', resources: { limits: { 'reticle.dev/wafer': '1' } } }],
      },
    },
  );
}

describeReal('pods of a chain', () => {
  let server: ApiServer;
  let kube: KubeClient;
  beforeAll(async () => {
    server = await startApiServer(options);
    kube = server.client();
    for (let stage = 0; stage < STAGES; stage++) {
      value(await kube.create(resources.node, fakeNode(`host-${stage}`, { capacity: { 'reticle.dev/wafer': '1' } })));
    }
  });
  afterAll(async () => server?.[Symbol.asyncDispose]());

  /** Resolves when every pod of the chain is as wanted. */
  const all = async (count: number, wanted: (pod: KubeObject) => boolean): Promise<void> => {
    const selection = { namespace: 'default', labelSelector: 'chain=r-1' };
    const page = value(await kube.list(resources.pod, selection));
    const pods = new Map(page.items.map((each) => [each.metadata.name, each]));
    const there = Promise.withResolvers<void>();
    const look = (): void => {
      if (pods.size === count && [...pods.values()].every(wanted)) there.resolve();
    };
    const watch = { ...selection, resourceVersion: page.resourceVersion, timeoutSeconds: 120 };
    const stop = kube.watch(resources.pod, watch, {
      event: (event) => {
        if (event.kind === 'bookmark') return;
        if (event.kind === 'deleted') pods.delete(event.object.metadata.name);
        else pods.set(event.object.metadata.name, event.object);
        look();
      },
      end: () => {},
    });
    look();
    await bounded(
      there.promise,
      () => JSON.stringify([...pods.values()].map(({ status }) => status)),
      BOUND_MS,
    ).finally(stop);
  };

  test('are held by their gate, then bound to their own hosts and Ready, and go when deleted', async () => {
    for (let stage = 0; stage < STAGES; stage++) {
      value(await kube.create(resources.pod, pod(stage, `host-${stage}`)));
    }
    await all(STAGES, (each) => reasonOf(each) === 'SchedulingGated');
    const steps = [
      { op: 'test', path: '/spec/schedulingGates/0/name', value: GATE },
      { op: 'remove', path: '/spec/schedulingGates/0' },
    ] as const;
    for (let stage = 0; stage < STAGES; stage++) {
      const ref = { namespace: 'default', name: `r-1-${stage}` };
      value(await kube.patch(resources.pod, ref, { kind: 'json', steps }));
    }
    await all(STAGES, isReady);
    const { items } = value(await kube.list(resources.pod, { namespace: 'default', labelSelector: 'chain=r-1' }));
    expect(items.map(({ metadata, spec }) => [metadata.name, (spec as { nodeName: string }).nodeName])).toEqual(
      Array.from({ length: STAGES }, (_, stage) => [`r-1-${stage}`, `host-${stage}`]),
    );
    for (const { metadata } of items) value(await kube.delete(resources.pod, metadata, { uid: metadata.uid }));
    await all(0, () => true);
  });
});

type Conditions = { readonly conditions?: readonly { type: string; status: string; reason?: string }[] };

function reasonOf({ status }: KubeObject): string | undefined {
  return (status as Conditions | undefined)?.conditions?.find(({ type }) => type === 'PodScheduled')?.reason;
}

function isReady({ status }: KubeObject): boolean {
  return (status as Conditions | undefined)?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
}
