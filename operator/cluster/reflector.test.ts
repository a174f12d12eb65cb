import { describe, expect, test } from '@jest/globals';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import { silentLogger } from '@reticle/core/process';
import fc from 'fast-check';
import { FakeApiServer, type FakeCall, type FakeFault } from '../../test/kit/kube/fake-api-server.ts';
import { elapse, until } from '../../test/kit/kube/virtual-run.ts';
import { Cache } from './cache.ts';
import { refusal } from './failure.ts';
import type { Kube, KubeManifest, KubeObject } from './port.ts';
import { Reflector } from './reflector.ts';
import { resources } from './resources.ts';

const STALE_MS = 40_000;
const unavailable = refusal(503, { message: 'the server is starting' });

type Reading = Pick<Kube, 'list' | 'watch'>;

type Rig = {
  readonly clock: VirtualClock;
  readonly server: FakeApiServer;
  readonly cache: Cache<KubeObject>;
  readonly reflector: Reflector;
  readonly freshness: string[];
  /** Verbs that the server was asked, in order; watches not counted. */
  readonly calls: string[];
  fault: ((call: FakeCall) => FakeFault | undefined) | undefined;
};

function rigOf({ through = (kube: Kube): Reading => kube, namespace = undefined as string | undefined } = {}): Rig {
  const clock = new VirtualClock();
  const calls: string[] = [];
  const rig: { fault: Rig['fault'] } = { fault: undefined };
  const server = new FakeApiServer({
    clock,
    latencyMs: 2,
    fault: (call) => {
      calls.push(call.verb);
      return rig.fault?.(call);
    },
  });
  const cache = new Cache<KubeObject>({ resource: resources.configMap, read: (object) => object });
  const freshness: string[] = [];
  const reflector = new Reflector({
    kube: through(server),
    cache,
    clock,
    random: seededRandom(7),
    log: silentLogger,
    onFreshness: (fresh) => freshness.push(`${fresh ? 'fresh' : 'stale'} at ${Math.floor(clock.nowMs() / 1000)} s`),
    ...(namespace === undefined ? {} : { namespace }),
  });
  return Object.assign(rig, { clock, server, cache, reflector, freshness, calls });
}

function configMap(name: string, value = 'x', namespace = 'default'): KubeManifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data: { value } };
}

const make = async ({ server, clock }: Rig, name: string): Promise<void> => {
  await until(clock, server.create(resources.configMap, configMap(name)));
};

function contents(rig: Rig): string[] {
  return rig.cache
    .values()
    .map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`)
    .toSorted();
}

function served({ server }: Rig): string[] {
  const objects = server.objects().filter(({ kind }) => kind === 'ConfigMap');
  return objects.map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).toSorted();
}

describe('a reflector', () => {
  test('lists once, then follows by watches that go on where the last one ended', async () => {
    const rig = rigOf();
    await make(rig, 'before');
    rig.reflector.start();
    await elapse(rig.clock, 100);
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await make(rig, name);
      await elapse(rig.clock, 20_000);
    }
    expect(contents(rig)).toEqual(served(rig));
    expect(rig.cache.size).toBe(6);
    expect(rig.calls.filter((verb) => verb === 'list')).toHaveLength(1);
    expect(rig.freshness).toEqual(['fresh at 0 s']);
  });

  test('reads a long list in pages of 500', async () => {
    const rig = rigOf();
    await Promise.all(Array.from({ length: 1_201 }, (_, index) => make(rig, `m-${index}`)));
    rig.reflector.start();
    await elapse(rig.clock, 100);
    expect(rig.cache.size).toBe(1_201);
    expect(rig.calls.filter((verb) => verb === 'list')).toHaveLength(3);
  });

  test('goes on from the last revision after a broken watch, without a list', async () => {
    const rig = rigOf();
    rig.reflector.start();
    await elapse(rig.clock, 100);
    rig.server.breakWatches();
    await make(rig, 'meanwhile');
    await elapse(rig.clock, 1_000);
    expect(contents(rig)).toEqual(served(rig));
    expect(rig.calls.filter((verb) => verb === 'list')).toHaveLength(1);
  });

  test('lists again when its revision was compacted away, and tells the difference', async () => {
    const rig = rigOf();
    await make(rig, 'goes');
    rig.reflector.start();
    await elapse(rig.clock, 100);
    const changes: string[] = [];
    rig.cache.onChange(({ kind, key }) => changes.push(`${kind} ${key}`));
    rig.server.pauseWatches();
    rig.server.breakWatches();
    await until(rig.clock, rig.server.delete(resources.configMap, { namespace: 'default', name: 'goes' }));
    await until(rig.clock, rig.server.create(resources.configMap, configMap('comes')));
    rig.server.compact();
    rig.server.resumeWatches();
    await elapse(rig.clock, 1_000);
    expect(changes.toSorted()).toEqual(['added ConfigMap/default/comes', 'removed ConfigMap/default/goes']);
    expect(rig.calls.filter((verb) => verb === 'list')).toHaveLength(2);
  });

  test('tries a refused list again and again, not before the server’s Retry-After', async () => {
    const rig = rigOf();
    let refused = 0;
    rig.fault = ({ verb }) => {
      if (verb !== 'list' || ++refused > 6) return undefined;
      return refused === 6 ? refusal(429, {}, 7_000) : unavailable;
    };
    rig.reflector.start();
    await elapse(rig.clock, 7_000);
    expect(rig.reflector.fresh).toBe(false);
    await elapse(rig.clock, 20_000);
    expect(rig.reflector.fresh).toBe(true);
    expect(refused).toBe(7);
  });

  test('finds a silent watch within 40 s, says so, and lists', async () => {
    const rig = rigOf();
    rig.reflector.start();
    await elapse(rig.clock, 100);
    rig.server.pauseWatches();
    await make(rig, 'unseen');
    await elapse(rig.clock, STALE_MS - 5_000);
    expect(rig.cache.size).toBe(0);
    expect(rig.reflector.fresh).toBe(true);
    await elapse(rig.clock, 6_000);
    expect(rig.freshness.slice(0, 2)).toEqual(['fresh at 0 s', 'stale at 40 s']);
    expect(rig.cache.size).toBe(1);
    expect(rig.reflector.fresh).toBe(true);
  });

  test('is stale while a server is frozen, however long, and current within a minute after', async () => {
    const rig = rigOf();
    rig.reflector.start();
    await elapse(rig.clock, 100);
    rig.server.freeze();
    await elapse(rig.clock, 3_600_000);
    expect(rig.reflector.fresh).toBe(false);
    expect(rig.reflector.ageMs).toBeGreaterThan(3_500_000);
    rig.server.thaw();
    await make(rig, 'after');
    await elapse(rig.clock, 60_000);
    expect(rig.reflector.fresh).toBe(true);
    expect(contents(rig)).toEqual(served(rig));
  });

  test('after a day of refusals it is current within a minute, having asked no more than every few seconds', async () => {
    const rig = rigOf();
    rig.reflector.start();
    await elapse(rig.clock, 100);
    rig.fault = () => unavailable;
    rig.server.pauseWatches();
    rig.server.breakWatches();
    await elapse(rig.clock, 86_400_000);
    expect(rig.calls.length).toBeLessThan(86_400 / 4);
    rig.fault = undefined;
    rig.server.resumeWatches();
    await make(rig, 'after');
    await elapse(rig.clock, 60_000);
    expect(rig.reflector.fresh).toBe(true);
    expect(contents(rig)).toEqual(served(rig));
  });

  test('a full list every ten minutes heals what a watch never said', async () => {
    const deaf = (kube: Kube): Reading => ({
      list: (resource, options) => kube.list(resource, options),
      watch: (resource, options, listener) =>
        kube.watch(resource, options, {
          event: (event) => {
            if (event.kind === 'bookmark') listener.event(event);
          },
          end: (failure) => listener.end(failure),
        }),
    });
    const rig = rigOf({ through: deaf });
    rig.reflector.start();
    await elapse(rig.clock, 100);
    await make(rig, 'dropped');
    await elapse(rig.clock, 400_000);
    expect(rig.cache.size).toBe(0);
    await elapse(rig.clock, 400_000);
    expect(rig.cache.size).toBe(1);
    expect(rig.freshness).toEqual(['fresh at 0 s']);
  });

  test('a watch that ends at once, again and again, is no storm of requests', async () => {
    let watches = 0;
    const rig = rigOf({
      through: (kube) => ({
        list: (resource, options) => kube.list(resource, options),
        watch: (_resource, _options, listener) => {
          watches++;
          const timer = setImmediate(() => listener.end());
          return () => clearImmediate(timer);
        },
      }),
    });
    rig.reflector.start();
    await elapse(rig.clock, 30_000);
    expect(watches).toBeLessThan(40);
  });

  test('reads one namespace only when told so', async () => {
    const rig = rigOf({ namespace: 'default' });
    rig.reflector.start();
    await elapse(rig.clock, 100);
    await until(rig.clock, rig.server.create(resources.configMap, configMap('here')));
    await until(rig.clock, rig.server.create(resources.configMap, configMap('there', 'x', 'kube-system')));
    await elapse(rig.clock, 1_000);
    expect(rig.cache.keys()).toEqual(['ConfigMap/default/here']);
  });

  test('a stopped one hears nothing, is not fresh, and leaves no timer', async () => {
    const rig = rigOf();
    rig.reflector.start();
    await elapse(rig.clock, 100);
    rig.reflector.stop();
    await make(rig, 'later');
    await elapse(rig.clock, 60_000);
    expect(rig.cache.size).toBe(0);
    expect(rig.reflector.fresh).toBe(false);
    expect(rig.clock.pending).toBe(0);
  });

  test('ends up with what the server has, whatever went wrong on the way', async () => {
    const trouble = fc.constantFrom('create', 'change', 'delete', 'break', 'compact', 'pause', 'refuse', 'wait');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(trouble, fc.nat(3)), { maxLength: 30 }), async (steps) => {
        const rig = rigOf();
        rig.reflector.start();
        for (const [what, which] of steps) await disturb(rig, what, `m-${which}`);
        rig.fault = undefined;
        rig.server.resumeWatches();
        await elapse(rig.clock, 90_000);
        expect(contents(rig)).toEqual(served(rig));
        rig.reflector.stop();
      }),
      // Silence, the server's own end of the watch, then a change: a late bookmark must not hide it.
      {
        numRuns: 40,
        examples: [
          [
            [
              ['pause', 0],
              ['wait', 0],
              ['wait', 0],
              ['create', 0],
            ],
          ],
        ],
      },
    );
  });
});

async function disturb(rig: Rig, what: string, name: string): Promise<void> {
  const { server, clock } = rig;
  const ref = { namespace: 'default', name };
  if (what === 'create') await until(clock, server.create(resources.configMap, configMap(name)));
  if (what === 'delete') await until(clock, server.delete(resources.configMap, ref));
  if (what === 'change') {
    const body = { data: { value: String(clock.nowMs()) } };
    await until(clock, server.patch(resources.configMap, ref, { kind: 'merge', body }));
  }
  if (what === 'break') server.breakWatches();
  if (what === 'compact') server.compact();
  if (what === 'pause') server.pauseWatches();
  if (what === 'refuse') rig.fault = ({ verb }) => (verb === 'list' ? unavailable : undefined);
  if (what === 'wait') await elapse(clock, 13_000);
}
