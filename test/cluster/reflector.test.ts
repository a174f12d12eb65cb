/** A reflector over a real API server that dies, comes back and forgets. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { silentLogger, systemClock, systemRandom } from '@reticle/core/process';
import { Cache, Reflector, resources, type KubeClient, type KubeObject } from '@reticle/operator/cluster';
import { bounded } from '../kit/index.ts';
import { hasApiServer, startApiServer, type ApiServer } from '../kit/kube/api-server.ts';
import { manifest, value } from './gauge.ts';

jest.setTimeout(120_000);

const describeReal = (await hasApiServer()) ? describe : describe.skip;
const BOUND_MS = 60_000;
const OBJECTS = 1_100;

describeReal('a reflector over a real API server', () => {
  let server: ApiServer;
  let kube: KubeClient;
  let cache: Cache<KubeObject>;
  let reflector: Reflector;
  beforeAll(async () => {
    server = await startApiServer();
    kube = server.client();
    cache = new Cache({ resource: resources.configMap, read: (object) => object });
    reflector = new Reflector({
      kube,
      cache,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      namespace: 'default',
    });
  });
  afterAll(async () => {
    reflector?.stop();
    await server?.[Symbol.asyncDispose]();
  });

  /** Resolves when the cache has exactly what a list has at that moment. */
  const caughtUp = async (): Promise<void> => {
    const { items } = value(await kube.list(resources.configMap, { namespace: 'default' }));
    const want = versions(items);
    const equal = Promise.withResolvers<void>();
    const look = (): void => {
      if (versions(cache.values()) === want) equal.resolve();
    };
    const stop = cache.onChange(look);
    look();
    await bounded(equal.promise, `${items.length} objects, not ${cache.size}`, BOUND_MS).finally(stop);
  };
  const create = async (name: string): Promise<void> => {
    const metadata = { namespace: 'default', name };
    value(await kube.create(resources.configMap, manifest(resources.configMap, metadata, { data: {} })));
  };

  test('reads a list of three pages and every event of a burst', async () => {
    for (let from = 0; from < OBJECTS; from += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, index) => create(`m-${from + index}`)));
    }
    reflector.start();
    await caughtUp();
    expect(cache.size).toBe(OBJECTS);
    const body = { data: { changed: 'yes' } };
    const refs = Array.from({ length: OBJECTS }, (_, index) => ({ namespace: 'default', name: `m-${index}` }));
    for (let from = 0; from < OBJECTS; from += 50) {
      await Promise.all(
        refs.slice(from, from + 50).map((ref) => kube.patch(resources.configMap, ref, { kind: 'merge', body })),
      );
    }
    await caughtUp();
    expect(reflector.fresh).toBe(true);
  });

  test('goes on after the server died and came back', async () => {
    await server.kill();
    await server.restart();
    await create('after-death');
    await kube.delete(resources.configMap, { namespace: 'default', name: 'm-0' });
    await caughtUp();
  });

  test('finds its way after its revision was compacted away', async () => {
    await create('before-compaction');
    await server.compact();
    await create('after-compaction');
    await caughtUp();
    expect(reflector.fresh).toBe(true);
  });
});

function versions(objects: readonly KubeObject[]): string {
  return objects
    .map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`)
    .toSorted()
    .join();
}
