/** What the fake does beyond the port: faults, frozen moments, garbage. The port itself is `kube-port.suite.ts`'s. */
import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { refusal, resources, type KubeManifest, type KubeObject } from '@reticle/operator/cluster';
import { FakeApiServer, type FakeFault } from './fake-api-server.ts';
import { elapse, until } from './virtual-run.ts';

const { configMap } = resources;
const ref = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });

function manifest(name: string, owner?: KubeObject): KubeManifest {
  const ownerReferences = owner === undefined ? [] : [{ ...owner, name: owner.metadata.name, uid: owner.metadata.uid }];
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...ref(name), ownerReferences }, data: {} };
}

function rigOf() {
  const clock = new VirtualClock();
  const faults: { next?: FakeFault } = {};
  const changes: string[] = [];
  const server = new FakeApiServer({
    clock,
    latencyMs: 10,
    fault: () => faults.next,
    onChange: ({ key, deleted }) => changes.push(`${deleted ? '-' : '+'}${key}`),
  });
  changes.length = 0;
  const run = <T>(promise: Promise<T>): Promise<T> => until(clock, promise);
  const make = async (name: string, owner?: KubeObject): Promise<KubeObject> => {
    const answer = await run(server.create(configMap, manifest(name, owner)));
    if (!answer.ok) throw new Error(answer.failure.message);
    return answer.value;
  };
  return { clock, server, faults, changes, run, make };
}

describe('the fake API server', () => {
  test.each<{ name: string; fault: FakeFault; want: object; done: boolean }>([
    { name: 'lost', fault: 'lost', want: { kind: 'unreachable', outcomeUnknown: true }, done: false },
    { name: 'lostAnswer', fault: 'lostAnswer', want: { kind: 'unreachable', outcomeUnknown: true }, done: true },
    { name: 'a refusal', fault: refusal(429, {}, 5), want: { kind: 'throttled', retryAfterMs: 5 }, done: false },
  ])('a request that is $name: what the caller hears, and what became of it', async ({ fault, want, done }) => {
    const { server, faults, run } = rigOf();
    faults.next = fault;
    expect(await run(server.create(configMap, manifest('a')))).toMatchObject({ ok: false, failure: want });
    delete faults.next;
    expect((await run(server.get(configMap, ref('a')))).ok).toBe(done);
  });

  test('a request that was given up may arrive all the same', async () => {
    const { clock, server, run, changes } = rigOf();
    const abort = new AbortController();
    const asked = server.create(configMap, manifest('a'), { signal: abort.signal });
    abort.abort();
    expect(await asked).toMatchObject({ ok: false, failure: { kind: 'timeout', outcomeUnknown: true } });
    expect(changes).toEqual([]);
    await elapse(clock, 100);
    expect(changes).toEqual(['+configmaps./default/a']);
    expect((await run(server.get(configMap, ref('a')))).ok).toBe(true);
  });

  test('a frozen one does nothing, then everything in the order in which it came', async () => {
    const { clock, server, changes } = rigOf();
    server.freeze();
    const asked = ['a', 'b', 'c'].map((name) => server.create(configMap, manifest(name)));
    await elapse(clock, 60_000);
    expect(changes).toEqual([]);
    server.thaw();
    await until(clock, Promise.all(asked));
    expect(changes).toEqual(['a', 'b', 'c'].map((name) => `+configmaps./default/${name}`));
  });

  test('collects what only owners that are gone would hold, and theirs the next time', async () => {
    const { server, run, make } = rigOf();
    const owner = await make('owner');
    const child = await make('child', owner);
    await make('grandchild', child);
    await make('free');
    expect(server.collectGarbage()).toBe(0);
    await run(server.delete(configMap, ref('owner')));
    expect(server.collectGarbage()).toBe(1);
    expect(server.collectGarbage()).toBe(1);
    expect(server.collectGarbage()).toBe(0);
    const left = server.objects().filter(({ kind }) => kind === 'ConfigMap');
    expect(left.map(({ metadata }) => metadata.name)).toEqual(['free']);
  });

  test('a body that the sender changes afterwards changes nothing that is stored', async () => {
    const { server, run } = rigOf();
    const data: Record<string, string> = { a: '1' };
    const answer = await run(server.create(configMap, { ...manifest('a'), data, note: undefined }));
    data['a'] = '2';
    expect(answer).toMatchObject({ ok: true, value: { data: { a: '1' } } });
    expect(Object.keys((answer as { value: object }).value)).not.toContain('note');
  });
});
