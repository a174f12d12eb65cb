/**
 * What every implementation of the `kube` port must do (OPERATOR §7). Run against the real API server and the fake one,
 * so that the fake is checked and not trusted.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  apiVersionOf,
  resources,
  type Kube,
  type KubeFailure,
  type KubeObject,
  type KubePatch,
  type KubeResult,
  type WatchEvent,
} from '@reticle/operator/cluster';
import { bounded } from '../kit/index.ts';
import { gauge, manifest, value } from './gauge.ts';

export interface KubeTarget extends AsyncDisposable {
  readonly kube: Kube;
  /** Forgets every revision before the present one. */
  compact(): Promise<void>;
}

const NAMESPACE = 'kube-port';

export function kubePortSuite(name: string, start: () => Promise<KubeTarget>): void {
  describe(`the kube port of ${name}`, () => {
    let target: KubeTarget;
    let kube: Kube;
    beforeAll(async () => {
      target = await start();
      kube = target.kube;
      value(await kube.create(resources.namespace, manifest(resources.namespace, { name: NAMESPACE }, {})));
    }, 120_000);
    afterAll(async () => target?.[Symbol.asyncDispose](), 30_000);

    const make = async (object: string, spec: object = { size: 1 }): Promise<KubeObject> =>
      value(await kube.create(gauge, manifest(gauge, { namespace: NAMESPACE, name: object }, { spec })));
    const patch = (object: string, by: KubePatch): Promise<KubeResult<KubeObject>> =>
      kube.patch(gauge, { namespace: NAMESPACE, name: object }, by);
    const merge = (body: object, resourceVersion?: string): KubePatch =>
      resourceVersion === undefined ? { kind: 'merge', body } : { kind: 'merge', body, resourceVersion };

    writing({ kube: () => kube, make, patch, merge });
    reading({ kube: () => kube, make, patch, merge });
    removing({ kube: () => kube, make, patch, merge });

    // Last: it makes other revisions unreadable.
    test('after compaction an old page and an old watch are expired, and a new list is not', async () => {
      await Promise.all(['old-a', 'old-b', 'old-c'].map((each) => make(each)));
      const page = value(await kube.list(gauge, { namespace: NAMESPACE, limit: 1 }));
      await make('old-d');
      await target.compact();
      const continueToken = page.continueToken ?? '';
      expect(failure(await kube.list(gauge, { namespace: NAMESPACE, limit: 1, continueToken })).kind).toBe('expired');
      const watch = await watched(kube, { resourceVersion: page.resourceVersion, seconds: 2 });
      expect(watch.failure?.kind).toBe('expired');
      expect(value(await kube.list(gauge, { namespace: NAMESPACE })).items.length).toBeGreaterThanOrEqual(4);
    }, 60_000);
  });
}

type Tools = {
  readonly kube: () => Kube;
  readonly make: (name: string, spec?: object) => Promise<KubeObject>;
  readonly patch: (name: string, by: KubePatch) => Promise<KubeResult<KubeObject>>;
  readonly merge: (body: object, resourceVersion?: string) => KubePatch;
};

function writing({ kube, make, patch, merge }: Tools): void {
  test('a create gives uid, version and generation 1, and drops a status', async () => {
    const body = manifest(gauge, { namespace: NAMESPACE, name: 'made' }, { spec: { size: 1 }, status: { seen: 1 } });
    const object = value(await kube().create(gauge, body));
    expect(object.metadata).toMatchObject({ name: 'made', namespace: NAMESPACE, generation: 1 });
    expect(object.metadata.uid).not.toBe('');
    expect(object.metadata.resourceVersion).toMatch(/^\d+$/);
    expect(object.status).toBeUndefined();
    expect(Object.isFrozen(object.metadata)).toBe(true);
  });

  test('a create of a name that is taken, or in no namespace there is, is refused as such', async () => {
    await make('taken');
    const again = await kube().create(
      gauge,
      manifest(gauge, { namespace: NAMESPACE, name: 'taken' }, { spec: { size: 1 } }),
    );
    expect(failure(again)).toMatchObject({ kind: 'alreadyExists', status: 409, outcomeUnknown: false });
    const nowhere = await kube().create(
      gauge,
      manifest(gauge, { namespace: 'nowhere', name: 'x' }, { spec: { size: 1 } }),
    );
    expect(failure(nowhere)).toMatchObject({ kind: 'notFound', status: 404 });
  });

  test('a broken bound and a broken rule over two versions are invalid, with the server’s words', async () => {
    const big = await kube().create(
      gauge,
      manifest(gauge, { namespace: NAMESPACE, name: 'big' }, { spec: { size: 101 } }),
    );
    expect(failure(big)).toMatchObject({ kind: 'invalid', status: 422, outcomeUnknown: false });
    await make('shrinks', { size: 5 });
    const shrunk = failure(await patch('shrinks', merge({ spec: { size: 4 } })));
    expect(shrunk.kind).toBe('invalid');
    expect(shrunk.message).toContain('size never shrinks');
    expect(value(await patch('shrinks', merge({ spec: { size: 5 } }))).spec).toEqual({ size: 5 });
  });

  test('a change of the spec raises version and generation, the same again neither', async () => {
    const first = await make('grows');
    const second = value(await patch('grows', merge({ spec: { size: 2, label: 'a' } })));
    expect(second.metadata.generation).toBe(2);
    expect(second.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion);
    const third = value(await patch('grows', merge({ spec: { size: 2 } })));
    expect(third.metadata).toEqual(second.metadata);
    expect(value(await patch('grows', merge({ spec: { label: null } }))).spec).toEqual({ size: 2 });
  });

  test('of two merge patches on one version the second is a conflict and changes nothing', async () => {
    const { resourceVersion } = (await make('raced')).metadata;
    expect((await patch('raced', merge({ spec: { size: 2 } }, resourceVersion))).ok).toBe(true);
    const lost = failure(await patch('raced', merge({ spec: { size: 3 } }, resourceVersion)));
    expect(lost).toMatchObject({ kind: 'conflict', status: 409, outcomeUnknown: false });
    const live = value(await kube().get(gauge, { namespace: NAMESPACE, name: 'raced' }));
    expect(live.spec).toEqual({ size: 2 });
  });

  test('of many writers of one version exactly one wins', async () => {
    const { resourceVersion } = (await make('stormed')).metadata;
    const writes = Array.from({ length: 12 }, (_, index) => merge({ spec: { size: 2 + index } }, resourceVersion));
    const answers = await Promise.all(writes.map((each) => patch('stormed', each)));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    expect(answers.flatMap((each) => (each.ok ? [] : [each.failure.kind]))).toEqual(Array(11).fill('conflict'));
  });

  test('status and spec are written apart, and a status raises no generation', async () => {
    const made = await make('stated');
    const ref = { namespace: NAMESPACE, name: 'stated' };
    const body = { spec: { size: 50 }, status: { seen: 1 } };
    const stated = value(await kube().patch(gauge, ref, merge(body), { subresource: 'status' }));
    expect(stated).toMatchObject({ spec: { size: 1 }, status: { seen: 1 }, metadata: { generation: 1 } });
    expect(stated.metadata.resourceVersion).not.toBe(made.metadata.resourceVersion);
    const grown = value(await patch('stated', merge({ spec: { size: 2 }, status: { seen: 9 } })));
    expect(grown).toMatchObject({ spec: { size: 2 }, status: { seen: 1 }, metadata: { generation: 2 } });
  });

  test('a JSON patch does all of its steps or none', async () => {
    await make('stepped', { size: 1, label: 'x' });
    const remove = { op: 'remove', path: '/spec/label' } as const;
    const wrong = { kind: 'json', steps: [{ op: 'test', path: '/spec/label', value: 'y' }, remove] } as const;
    expect(failure(await patch('stepped', wrong)).kind).toBe('invalid');
    const right = { kind: 'json', steps: [{ op: 'test', path: '/spec/label', value: 'x' }, remove] } as const;
    expect(value(await patch('stepped', right)).spec).toEqual({ size: 1 });
    expect(failure(await patch('stepped', right)).kind).toBe('invalid');
  });

  test('an apply creates, changes, leaves others’ fields and removes what it leaves out', async () => {
    const ref = { namespace: NAMESPACE, name: 'applied' };
    const apply = (spec: object): Promise<KubeResult<KubeObject>> =>
      patch('applied', { kind: 'apply', manager: 'tester', manifest: manifest(gauge, ref, { spec }) });
    expect(value(await apply({ size: 1, label: 'a' })).metadata.generation).toBe(1);
    value(await patch('applied', merge({ metadata: { labels: { other: 'hand' } } })));
    const again = value(await apply({ size: 2 }));
    expect(again.spec).toEqual({ size: 2 });
    expect(again.metadata.labels).toEqual({ other: 'hand' });
    expect(value(await apply({ size: 2 })).metadata.resourceVersion).toBe(again.metadata.resourceVersion);
  });
}

function reading({ kube, make, patch, merge }: Tools): void {
  test('what is not there is not found, by name and by patch', async () => {
    const ref = { namespace: NAMESPACE, name: 'absent' };
    expect(failure(await kube().get(gauge, ref))).toMatchObject({ kind: 'notFound', outcomeUnknown: false });
    expect(failure(await patch('absent', merge({ spec: { size: 2 } }))).kind).toBe('notFound');
    expect(failure(await kube().delete(gauge, ref)).kind).toBe('notFound');
  });

  test('a list in pages is one moment, whatever is written between its pages', async () => {
    const labels = { set: 'pages' };
    const create = (name: string): Promise<KubeResult<KubeObject>> =>
      kube().create(gauge, manifest(gauge, { namespace: NAMESPACE, name, labels }, { spec: { size: 1 } }));
    await Promise.all(['page-a', 'page-b', 'page-c', 'page-d', 'page-e'].map(create));
    const select = { namespace: NAMESPACE, labelSelector: 'set=pages', limit: 2 };
    const first = value(await kube().list(gauge, select));
    expect(names(first.items)).toEqual(['page-a', 'page-b']);
    await create('page-ba');
    value(await patch('page-c', merge({ spec: { size: 9 } })));
    await kube().delete(gauge, { namespace: NAMESPACE, name: 'page-e' });
    const second = value(await kube().list(gauge, { ...select, continueToken: first.continueToken ?? '' }));
    const third = value(await kube().list(gauge, { ...select, continueToken: second.continueToken ?? '' }));
    expect(names([...second.items, ...third.items])).toEqual(['page-c', 'page-d', 'page-e']);
    expect(second.items[0]?.spec).toEqual({ size: 1 });
    expect([second.resourceVersion, third.resourceVersion]).toEqual(Array(2).fill(first.resourceVersion));
    expect(third.continueToken).toBeUndefined();
    expect(second.items[0]).toMatchObject({ apiVersion: apiVersionOf(gauge), kind: 'Gauge' });
  });

  test.each([
    { selector: 'color=red', want: ['pick-red'] },
    { selector: 'color!=red,pick', want: ['pick-blue', 'pick-none'] },
    { selector: '!color,pick', want: ['pick-none'] },
    { selector: 'color in (red, blue)', want: ['pick-blue', 'pick-red'] },
    { selector: 'color notin (red),pick', want: ['pick-blue', 'pick-none'] },
  ])('the selector $selector picks $want', async ({ selector, want }) => {
    for (const color of ['red', 'blue', undefined]) {
      const labels = { pick: 'yes', ...(color === undefined ? {} : { color }) };
      const name = `pick-${color ?? 'none'}`;
      await kube().create(gauge, manifest(gauge, { namespace: NAMESPACE, name, labels }, { spec: { size: 1 } }));
    }
    const page = value(await kube().list(gauge, { namespace: NAMESPACE, labelSelector: selector }));
    expect(names(page.items)).toEqual(want);
  });

  test('a watch tells every change after its revision, once and in order, then a bookmark and the end', async () => {
    const { resourceVersion } = value(await kube().list(gauge, { namespace: NAMESPACE }));
    const watching = watched(kube(), { resourceVersion, seconds: 3 });
    await make('seen');
    for (const size of [2, 3, 4]) value(await patch('seen', merge({ spec: { size } })));
    await kube().delete(gauge, { namespace: NAMESPACE, name: 'seen' });
    const { events, failure: why } = await watching;
    expect(why).toBeUndefined();
    const seen = events.filter((event) => event.kind !== 'bookmark' && event.object.metadata.name === 'seen');
    expect(seen.map(kindAndSize)).toEqual(['added 1', 'modified 2', 'modified 3', 'modified 4', 'deleted 4']);
    const last = events.at(-1);
    expect(last?.kind).toBe('bookmark');
    const versions = events.map(versionOf);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  }, 20_000);

  test('a watch from a revision tells what was written since, and an object that leaves its selection as deleted', async () => {
    const labels = { watched: 'yes' };
    const { resourceVersion } = value(await kube().list(gauge, { namespace: NAMESPACE }));
    const ref = { namespace: NAMESPACE, name: 'moves', labels };
    await kube().create(gauge, manifest(gauge, ref, { spec: { size: 1 } }));
    await make('other');
    await patch('moves', merge({ metadata: { labels: { watched: null } } }));
    await patch('moves', merge({ spec: { size: 2 } }));
    const { events } = await watched(kube(), { resourceVersion, seconds: 1, labelSelector: 'watched=yes' });
    expect(events.filter(({ kind }) => kind !== 'bookmark').map(({ kind }) => kind)).toEqual(['added', 'deleted']);
  }, 20_000);

  test('a stopped watch says nothing more', async () => {
    const { resourceVersion } = value(await kube().list(gauge, { namespace: NAMESPACE }));
    let heard = 0;
    const first = Promise.withResolvers<void>();
    const options = { namespace: NAMESPACE, resourceVersion, timeoutSeconds: 2 };
    const stop = kube().watch(gauge, options, {
      event: () => {
        heard++;
        first.resolve();
      },
      end: () => void (heard += 100),
    });
    await make('before-stop');
    await bounded(first.promise, 'the first event');
    stop();
    const after = watched(kube(), { resourceVersion, seconds: 1 });
    await make('after-stop');
    await after;
    expect(heard).toBe(1);
  }, 20_000);
}

function removing({ kube, make, patch, merge }: Tools): void {
  const pod = async (name: string, spec: object): Promise<KubeObject> => {
    const containers = [{ name: 'engine', image: 'fake.local/x:1' }];
    const body = { spec: { containers, terminationGracePeriodSeconds: 30, ...spec } };
    return value(await kube().create(resources.pod, manifest(resources.pod, { namespace: NAMESPACE, name }, body)));
  };

  test('a pod that no host has goes at once, whatever its grace', async () => {
    const gated = await pod('gated', { schedulingGates: [{ name: 'reticle.dev/committed' }] });
    value(await kube().delete(resources.pod, gated.metadata, { uid: gated.metadata.uid, graceSeconds: 150 }));
    expect(failure(await kube().get(resources.pod, gated.metadata)).kind).toBe('notFound');
  });

  test('a pod on a host stays, marked, until the host or a delete without grace ends it', async () => {
    const bound = await pod('bound', { nodeName: 'host' });
    value(await kube().delete(resources.pod, bound.metadata, { graceSeconds: 30 }));
    const marked = value(await kube().get(resources.pod, bound.metadata));
    expect(marked.metadata.deletionTimestamp).toBeDefined();
    value(await kube().delete(resources.pod, bound.metadata, { uid: bound.metadata.uid, graceSeconds: 0 }));
    expect(failure(await kube().get(resources.pod, bound.metadata)).kind).toBe('notFound');
  });

  test('a gate is taken off a pod once, and the others stay', async () => {
    const gates = [{ name: 'reticle.dev/committed' }, { name: 'example.com/quota' }];
    const { metadata } = await pod('two-gates', { schedulingGates: gates });
    const test = { op: 'test', path: '/spec/schedulingGates/0/name', value: 'reticle.dev/committed' } as const;
    const remove = { op: 'remove', path: '/spec/schedulingGates/0' } as const;
    const first = value(await kube().patch(resources.pod, metadata, { kind: 'json', steps: [test, remove] }));
    expect(first.spec).toMatchObject({ schedulingGates: [{ name: 'example.com/quota' }] });
    expect(failure(await kube().patch(resources.pod, metadata, { kind: 'json', steps: [test, remove] })).kind).toBe(
      'invalid',
    );
  });

  test('a delete with the uid or version of another incarnation is a conflict', async () => {
    const ref = { namespace: NAMESPACE, name: 'reborn' };
    const first = await make('reborn');
    value(await kube().delete(gauge, ref, { uid: first.metadata.uid }));
    const second = await make('reborn');
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
    expect(failure(await kube().delete(gauge, ref, { uid: first.metadata.uid })).kind).toBe('conflict');
    const { resourceVersion } = second.metadata;
    value(await patch('reborn', merge({ spec: { size: 2 } })));
    expect(failure(await kube().delete(gauge, ref, { resourceVersion })).kind).toBe('conflict');
    expect((await kube().get(gauge, ref)).ok).toBe(true);
  });

  test('an object with a finalizer stays, marked, until the finalizer is taken off', async () => {
    const meta = { namespace: NAMESPACE, name: 'held', finalizers: ['reticle.dev/test'] };
    const held = value(await kube().create(gauge, manifest(gauge, meta, { spec: { size: 1 } })));
    value(await kube().delete(gauge, meta, { uid: held.metadata.uid }));
    const marked = value(await kube().get(gauge, meta));
    expect(marked.metadata.deletionTimestamp).toBeDefined();
    expect(marked.metadata.generation).toBe(2);
    value(await kube().delete(gauge, meta));
    expect((await kube().get(gauge, meta)).ok).toBe(true);
    value(await patch('held', merge({ metadata: { finalizers: null } })));
    expect(failure(await kube().get(gauge, meta)).kind).toBe('notFound');
  });
}

function failure(result: KubeResult<unknown>): KubeFailure {
  if (result.ok) throw new Error('it was no failure');
  return result.failure;
}

function names(objects: readonly KubeObject[]): string[] {
  return objects.map(({ metadata }) => metadata.name);
}

function kindAndSize(event: WatchEvent): string {
  if (event.kind === 'bookmark') return event.kind;
  return `${event.kind} ${(event.object.spec as { size: number }).size}`;
}

function versionOf(event: WatchEvent): number {
  return Number(event.kind === 'bookmark' ? event.resourceVersion : event.object.metadata.resourceVersion);
}

type Watched = { readonly events: readonly WatchEvent[]; readonly failure: KubeFailure | undefined };

/** Everything that a watch says until the server ends it. */
async function watched(
  kube: Kube,
  { seconds, ...more }: { resourceVersion: string; seconds: number; labelSelector?: string },
): Promise<Watched> {
  const events: WatchEvent[] = [];
  const ended = Promise.withResolvers<KubeFailure | undefined>();
  kube.watch(
    gauge,
    { namespace: NAMESPACE, timeoutSeconds: seconds, ...more },
    { event: (event) => void events.push(event), end: (why) => ended.resolve(why) },
  );
  return { events, failure: await bounded(ended.promise, 'the end of the watch') };
}
