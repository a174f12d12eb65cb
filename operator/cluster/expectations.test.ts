import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { FakeApiServer, type FakeFault } from '../../test/kit/kube/fake-api-server.ts';
import { until } from '../../test/kit/kube/virtual-run.ts';
import { Cache } from './cache.ts';
import { EXPECTATION_MS_MAX, Expectations } from './expectations.ts';
import type { KubeObject, KubeResult } from './port.ts';
import { resources } from './resources.ts';

const ref = { name: 'w' };
const key = 'Wafer//w';

function rigOf() {
  const clock = new VirtualClock();
  const faults: { next?: FakeFault } = {};
  const server = new FakeApiServer({ clock, fault: ({ verb }) => (verb === 'get' ? faults.next : undefined) });
  const cache = new Cache<KubeObject>({ resource: resources.wafer, read: (object) => object });
  const expectations = new Expectations({ kube: server, clock, caches: () => cache });
  const ok = async <T>(asked: Promise<KubeResult<T>>): Promise<T> => {
    const answer = await until(clock, asked);
    if (!answer.ok) throw new Error(answer.failure.message);
    return answer.value;
  };
  const manifest = { apiVersion: 'reticle.dev/v1alpha1', kind: 'Wafer', metadata: ref, spec: { epoch: 0 } };
  const make = (): Promise<KubeObject> => ok(server.create(resources.wafer, manifest));
  const change = (epoch: number): Promise<KubeObject> =>
    ok(server.patch(resources.wafer, ref, { kind: 'merge', body: { spec: { epoch } } }));
  const remove = (): Promise<void> => ok(server.delete(resources.wafer, ref));
  const met = (): boolean => expectations.met(resources.wafer, ref);
  const settle = (): Promise<string[]> => until(clock, expectations.settle());
  return { clock, server, cache, expectations, faults, make, change, remove, met, settle };
}

describe('expectations', () => {
  test('a write is expected until the cache shows it or something later', async () => {
    const { cache, expectations, make, change, met } = rigOf();
    const first = await make();
    cache.take('added', first);
    expect(met()).toBe(true);
    const second = await change(1);
    expectations.wrote(resources.wafer, second);
    expect(met()).toBe(false);
    cache.take('modified', await change(2));
    expect(met()).toBe(true);
    expect(expectations.size).toBe(0);
  });

  test('an object that somebody deleted after our write is not waited for once the cache is past it', async () => {
    const { cache, expectations, make, met } = rigOf();
    const made = await make();
    expectations.wrote(resources.wafer, made);
    expect(met()).toBe(false);
    cache.bookmark(String(Number(made.metadata.resourceVersion) + 5));
    expect(met()).toBe(true);
  });

  test('a removal is expected until the object is gone or another one of the name is there', async () => {
    const { cache, expectations, make, remove, met } = rigOf();
    const made = await make();
    cache.take('added', made);
    await remove();
    expectations.removed(resources.wafer, ref, made.metadata.uid);
    expect(met()).toBe(false);
    cache.take('modified', await make());
    expect(met()).toBe(true);
  });

  test('after 30 s a live read settles it and brings the cache up to date', async () => {
    const { clock, cache, expectations, make, change, met, settle } = rigOf();
    cache.take('added', await make());
    expectations.wrote(resources.wafer, await change(1));
    clock.advance(EXPECTATION_MS_MAX - 1);
    expect(await settle()).toEqual([]);
    clock.advance(1);
    expect(await settle()).toEqual([key]);
    expect(cache.get(key)?.spec).toEqual({ epoch: 1 });
    expect(met()).toBe(true);
  });

  test('what cannot be read stays expected, never a guess', async () => {
    const { clock, cache, expectations, faults, make, change, met, settle } = rigOf();
    cache.take('added', await make());
    expectations.wrote(resources.wafer, await change(1));
    clock.advance(EXPECTATION_MS_MAX);
    faults.next = 'lost';
    expect(await settle()).toEqual([]);
    expect(met()).toBe(false);
    delete faults.next;
    expect(await settle()).toEqual([key]);
  });

  test.each(['gone', 'reborn'])('a written object that is %s is settled', async (how) => {
    const { clock, expectations, make, remove, settle } = rigOf();
    expectations.wrote(resources.wafer, await make());
    await remove();
    if (how === 'reborn') await make();
    clock.advance(EXPECTATION_MS_MAX);
    expect(await settle()).toEqual([key]);
    expect(expectations.size).toBe(0);
  });

  test('a delete that did not happen after all is settled by the object being there', async () => {
    const { clock, cache, expectations, make, met, settle } = rigOf();
    const made = await make();
    cache.take('added', made);
    expectations.removed(resources.wafer, ref, made.metadata.uid);
    expect(met()).toBe(false);
    clock.advance(EXPECTATION_MS_MAX);
    expect(await settle()).toEqual([key]);
  });

  test('a newer write of the same object takes the place of an older one', async () => {
    const { cache, expectations, make, change, met } = rigOf();
    const [first, second] = [await make(), await change(1)];
    expectations.wrote(resources.wafer, first);
    expectations.wrote(resources.wafer, second);
    cache.take('added', first);
    expect(met()).toBe(false);
    cache.take('modified', second);
    expect(met()).toBe(true);
  });
});
