import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { silentLogger } from '@reticle/core/process';
import { apiVersionOf, resources, type KubeObject } from '@reticle/operator/cluster';
import { deployment } from '@reticle/operator/plan/kit';
import { readHead } from '@reticle/proto/serving';
import { FakeApiServer } from '../../test/kit/kube/fake-api-server.ts';
import { elapse, until } from '../../test/kit/kube/virtual-run.ts';
import { HEADS, servingScene } from './publish-kit.ts';
import type { ServingObject } from './serving-objects.ts';
import { CONFIRM_MASS, startServing } from './start-serving.ts';

const REF = { namespace: 'kube-system', name: 'reticle-serving' };
const CELLS = ['us-east', 'eu-west'].map((region) => ({ name: region, region }));

function worldOf() {
  const clock = new VirtualClock();
  const server = new FakeApiServer({ clock, latencyMs: 2 });
  const caches = { fresh: true, now: servingScene(4), told: [] as (() => void)[] };
  const heads: string[] = [];
  const guards: string[] = [];
  const bus = {
    publish(subject: string, payload: Uint8Array): void {
      const head = subject.endsWith('.head') ? readHead(payload) : undefined;
      if (head !== undefined) heads.push(`${head.cell} ${head.term}.${head.seq}`);
    },
    respond: () => () => {},
  };
  const start = async () => {
    const started = await until(
      clock,
      startServing({
        kube: server,
        clock,
        log: silentLogger,
        source: {
          fresh: true,
          objects: () => caches.now,
          onChange: (listener) => (caches.told.push(listener), () => {}),
        },
        ref: REF,
        heads: HEADS,
        cells: CELLS.map((cell) => ({ cell, bus })),
        onGuard: (cell, problem) => void guards.push(`${cell.name} ${problem ?? 'ended'}`),
      }),
    );
    if (!started.ok) throw new Error(started.failure.message);
    return started.value;
  };
  const put = (objects: ServingObject[]): void => {
    caches.now = objects;
    for (const told of caches.told) told();
  };
  const read = async (resource: (typeof resources)['configMap' | 'modelDeployment'], ref: typeof REF) => {
    const answer = await until(clock, server.get(resource, ref));
    return answer.ok ? (answer.value as KubeObject & { readonly data?: Record<string, string> }) : undefined;
  };
  return { clock, server, caches, heads, guards, start, put, read };
}

describe('startServing', () => {
  test('publishes and keeps every cell under one term; the next leadership has the next one', async () => {
    const { clock, heads, start, read } = worldOf();
    const first = await start();
    await elapse(clock, 1_500);
    expect([first.term, new Set(heads)]).toEqual([1, new Set(['us-east 1.1', 'eu-west 1.1'])]);
    const data = (await read(resources.configMap, REF))?.data ?? {};
    expect(Object.keys(data).toSorted()).toEqual(['serving.eu-west', 'serving.us-east', 'term']);
    first.stop();
    heads.length = 0;
    await start();
    await elapse(clock, 1_500);
    expect(new Set(heads)).toEqual(new Set(['us-east 2.1', 'eu-west 2.1']));
  });

  test('the next leadership publishes nothing that leaves out what the last one served', async () => {
    const { clock, caches, heads, guards, start } = worldOf();
    (await start()).stop();
    const first = await start();
    await elapse(clock, 1_500);
    first.stop();
    heads.length = 0;
    caches.now = [];
    await start();
    await elapse(clock, 1_500);
    expect([heads, guards]).toEqual([[], CELLS.map(({ name }) => `${name} replicas of us-east: too many are gone`)]);
  });

  test('a confirmation of this term lets one such snapshot go, and is taken away', async () => {
    const { clock, server, heads, guards, start, put, read } = worldOf();
    await start();
    await elapse(clock, 1_500);
    const annotated = (term: string) =>
      deployment(
        'spark',
        {},
        { namespace: 'default', meta: { namespace: 'default', annotations: { [CONFIRM_MASS]: term } } },
      );
    const made = await until(
      clock,
      server.create(resources.modelDeployment, {
        apiVersion: apiVersionOf(resources.modelDeployment),
        kind: 'ModelDeployment',
        metadata: { name: 'spark', namespace: 'default', annotations: { [CONFIRM_MASS]: '1' } },
        spec: {},
      }),
    );
    put([annotated('7')]);
    await elapse(clock, 100);
    expect(guards).toHaveLength(2);
    const { resourceVersion = '' } = made.ok ? made.value.metadata : {};
    const confirmed = annotated('1');
    heads.length = 0;
    put([{ ...confirmed, meta: { ...confirmed.meta, resourceVersion } }]);
    await elapse(clock, 100);
    expect(heads).toEqual(['us-east 1.2', 'eu-west 1.2']);
    const left = await read(resources.modelDeployment, { namespace: 'default', name: 'spark' });
    expect(left?.metadata.annotations ?? {}).toEqual({});
  });
});
