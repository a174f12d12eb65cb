/** What the operator writes, as a real API server takes it: its formats, its defaults and its second look at them. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import { memoryLogger, silentLogger, systemClock, systemRandom } from '@reticle/core/process';
import {
  applyChild,
  createChild,
  Events,
  Lease,
  Limits,
  resources,
  setStatus,
  type KubeClient,
  type KubeManifest,
  type KubeObject,
  type Resource,
} from '@reticle/operator/cluster';
import { bounded } from '../kit/index.ts';
import { hasApiServer, startApiServer, type ApiServer } from '../kit/kube/api-server.ts';
import { defineGauge, gauge, manifest, value } from './gauge.ts';

jest.setTimeout(90_000);

const describeReal = (await hasApiServer()) ? describe : describe.skip;

describeReal('writes to a real API server', () => {
  let server: ApiServer;
  let kube: KubeClient;
  let owner: KubeObject;
  beforeAll(async () => {
    server = await startApiServer();
    kube = server.client();
    await defineGauge(kube);
    owner = value(
      await kube.create(gauge, manifest(gauge, { namespace: 'default', name: 'owner' }, { spec: { size: 1 } })),
    );
  });
  afterAll(async () => server?.[Symbol.asyncDispose]());

  const child = (resource: Resource, fields: Readonly<Record<string, unknown>>): KubeManifest => {
    const { name, uid } = owner.metadata;
    const ownerReferences = [{ apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true }];
    const labels = { 'reticle.dev/epoch': '1' };
    return manifest(resource, { namespace: 'default', name: 'r-1', labels, ownerReferences }, fields);
  };
  const selector = { 'reticle.dev/replica': 'r' };

  test.each([
    {
      name: 'a headless Service',
      resource: resources.service,
      fields: {
        spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector, ports: [{ name: 'grpc', port: 7300 }] },
      },
    },
    {
      name: 'a PodDisruptionBudget',
      resource: resources.podDisruptionBudget,
      fields: { spec: { minAvailable: 21, selector: { matchLabels: selector } } },
    },
    {
      name: 'an immutable ConfigMap',
      resource: resources.configMap,
      fields: { immutable: true, data: { plan: '{}' } },
    },
  ])('$name is applied once: what the server defaults is no change', async ({ resource, fields }) => {
    const limits = new Limits({ kube, clock: systemClock });
    const wanted = child(resource, fields);
    const first = await applyChild(limits, resource, wanted, undefined);
    if (first.kind !== 'written') throw new Error(JSON.stringify(first));
    expect((await applyChild(limits, resource, wanted, first.object)).kind).toBe('unchanged');
    expect(limits.writes).toBe(1);
    const identity = { ownerUid: owner.metadata.uid, labels: { 'reticle.dev/epoch': '1' } };
    expect((await createChild(limits, resource, wanted, identity)).kind).toBe('unchanged');
    expect((await createChild(limits, resource, wanted, { ...identity, ownerUid: 'other' })).kind).toBe('foreign');
  });

  test('a status is written once, and not again while it says the same', async () => {
    const limits = new Limits({ kube, clock: systemClock });
    const options = { kube: limits, clock: systemClock, isReason: () => true };
    const ready = { type: 'Ready', status: 'True', reason: 'ProbePassed', message: '' } as const;
    const next = { seen: 3, conditions: [ready] };
    const first = await setStatus(options, gauge, owner, next);
    if (first.kind !== 'written') throw new Error(JSON.stringify(first));
    expect(first.object.status).toMatchObject({ seen: 3, observedGeneration: 1, conditions: [ready] });
    expect(first.object.metadata.generation).toBe(1);
    expect((await setStatus(options, gauge, first.object, next)).kind).toBe('unchanged');
    expect(limits.writes).toBe(1);
    const stale = await setStatus(options, gauge, owner, { seen: 4, conditions: [] });
    expect(stale.kind).toBe('lost');
  });

  test('an event is taken, and its series too', async () => {
    const clock = new VirtualClock({ wallMs: systemClock.wallMs() });
    const log = memoryLogger();
    const events = new Events({ kube, clock, log, identity: 'operator-0' });
    const words = { type: 'Warning', reason: 'NoFit', action: 'Place', note: 'need 21, found 19' } as const;
    await events.emit(gauge, owner, words);
    clock.advance(301_000);
    await events.emit(gauge, owner, words);
    expect(log.records).toEqual([]);
    const { items } = value(await kube.list(resources.event, { namespace: 'default' }));
    expect(items.filter(({ reason }) => reason === 'NoFit')).toMatchObject([
      {
        note: 'need 21, found 19',
        regarding: { kind: 'Gauge', name: 'owner', uid: owner.metadata.uid },
        series: { count: 2 },
      },
    ]);
  });

  test('a lease is gained, given up and gained by the next', async () => {
    const ref = { namespace: 'default', name: 'reticle-operator' };
    const contend = (identity: string): { lease: Lease; gained: Promise<void> } => {
      const gained = Promise.withResolvers<void>();
      const lease = new Lease({
        kube,
        clock: systemClock,
        random: identity === 'a' ? seededRandom(1) : systemRandom,
        log: silentLogger,
        ref,
        identity,
        onGained: () => gained.resolve(),
        onLost: () => gained.reject(new Error('lost')),
      });
      lease.start();
      return { lease, gained: gained.promise };
    };
    const a = contend('a');
    await bounded(a.gained, 'the first leader');
    const b = contend('b');
    await a.lease.stop();
    await bounded(b.gained, 'the second leader', 30_000);
    expect(a.lease.mayWrite).toBe(false);
    expect(value(await kube.get(resources.lease, ref)).spec).toMatchObject({
      holderIdentity: 'b',
      leaseTransitions: 1,
    });
    await b.lease.stop();
  });
});
