import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { FakeApiServer } from '../../test/kit/kube/fake-api-server.ts';
import { until } from '../../test/kit/kube/virtual-run.ts';
import type { SwapResult } from './compare-and-swap.ts';
import { addFinalizer, removeFinalizer } from './finalizer.ts';
import type { KubeObject } from './port.ts';
import { resources } from './resources.ts';

const NAME = 'reticle.dev/claim';

async function rigOf(finalizers: readonly string[]) {
  const clock = new VirtualClock();
  let patches = 0;
  const server = new FakeApiServer({
    clock,
    fault: ({ verb }) => {
      if (verb === 'patch') patches++;
      return undefined;
    },
  });
  const run = <T>(promise: Promise<T>): Promise<T> => until(clock, promise);
  const manifest = { apiVersion: 'reticle.dev/v1alpha1', kind: 'Wafer', metadata: { name: 'w', finalizers }, spec: {} };
  const made = await run(server.create(resources.wafer, manifest));
  if (!made.ok) throw new Error(made.failure.message);
  const live = async (): Promise<KubeObject | undefined> => {
    const read = await run(server.get(resources.wafer, { name: 'w' }));
    return read.ok ? read.value : undefined;
  };
  const add = (object: KubeObject): Promise<SwapResult> => run(addFinalizer(server, resources.wafer, object, NAME));
  const remove = (object: KubeObject): Promise<SwapResult> =>
    run(removeFinalizer(server, resources.wafer, object, NAME));
  return { server, run, object: made.value, live, add, remove, patches: () => patches };
}

describe('a finalizer', () => {
  test('is added once, beside others', async () => {
    const { object, add, live, patches } = await rigOf(['example.com/other']);
    const added = await add(object);
    expect((await live())?.metadata.finalizers).toEqual(['example.com/other', NAME]);
    if (added.kind === 'written') expect((await add(added.object)).kind).toBe('written');
    expect(patches()).toBe(1);
  });

  test('is taken off alone, and the object goes with the last one', async () => {
    const { server, run, object, remove, live } = await rigOf(['example.com/other', NAME]);
    await run(server.delete(resources.wafer, { name: 'w' }));
    expect((await remove(object)).kind).toBe('lost');
    const marked = await live();
    if (marked === undefined) throw new Error('it is held');
    expect((await remove(marked)).kind).toBe('written');
    expect((await live())?.metadata.finalizers).toEqual(['example.com/other']);
    await run(
      server.patch(resources.wafer, { name: 'w' }, { kind: 'merge', body: { metadata: { finalizers: null } } }),
    );
    expect(await live()).toBeUndefined();
  });

  test('of an object that another has changed is lost, and takes no other finalizer with it', async () => {
    const { server, run, object, add, live } = await rigOf([]);
    const body = { metadata: { finalizers: ['example.com/late'] } };
    await run(server.patch(resources.wafer, { name: 'w' }, { kind: 'merge', body }));
    expect((await add(object)).kind).toBe('lost');
    expect((await live())?.metadata.finalizers).toEqual(['example.com/late']);
  });
});
