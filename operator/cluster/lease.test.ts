import { describe, expect, test } from '@jest/globals';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import { silentLogger } from '@reticle/core/process';
import fc from 'fast-check';
import { FakeApiServer, type FakeCall, type FakeFault } from '../../test/kit/kube/fake-api-server.ts';
import { elapse, until } from '../../test/kit/kube/virtual-run.ts';
import { Lease, whileLeading } from './lease.ts';
import type { Kube, KubeObject } from './port.ts';
import { resources } from './resources.ts';

const ref = { namespace: 'kube-system', name: 'reticle-operator' };

type Candidate = {
  readonly lease: Lease;
  readonly told: string[];
  readonly faults: { next?: (call: FakeCall) => FakeFault | undefined };
};

function worldOf() {
  const clock = new VirtualClock();
  const server = new FakeApiServer({ clock, latencyMs: 2 });
  /** A process with a wire and a clock of its own. */
  const candidate = (identity: string, seed = 1, own: VirtualClock = clock): Candidate => {
    const told: string[] = [];
    const faults: Candidate['faults'] = {};
    const wired = withFaults(server, faults, clock);
    const lease = new Lease({
      kube: wired,
      clock: own,
      random: seededRandom(seed),
      log: silentLogger,
      ref,
      identity,
      onGained: () => told.push(`gained at ${Math.round(clock.nowMs() / 1000)} s`),
      onLost: () => told.push(`lost at ${Math.round(clock.nowMs() / 1000)} s`),
    });
    return { lease, told, faults };
  };
  const holder = async (): Promise<Record<string, unknown>> => {
    const read = await until(clock, server.get(resources.lease, ref));
    if (!read.ok) throw new Error(read.failure.message);
    return read.value.spec as Record<string, unknown>;
  };
  return { clock, server, candidate, holder };
}

/** The server as one process reaches it. */
function withFaults(server: FakeApiServer, faults: Candidate['faults'], clock: VirtualClock): Kube {
  const call = <T>(verb: FakeCall['verb'], send: () => Promise<T>): Promise<T> => {
    const fault = faults.next?.({ verb, resource: resources.lease, name: ref.name });
    if (fault === undefined) return send();
    if (fault === 'lostAnswer') void send();
    const failure =
      typeof fault === 'object' ? fault : { kind: 'unreachable', status: 0, message: '', outcomeUnknown: true };
    return new Promise((resolve) => void clock.after(1, () => resolve({ ok: false, failure } as T)));
  };
  return {
    list: server.list,
    watch: server.watch,
    get: (resource, at, options) => call('get', () => server.get(resource, at, options)),
    create: (resource, manifest, options) => call('create', () => server.create(resource, manifest, options)),
    patch: (resource, at, patch, options) => call('patch', () => server.patch(resource, at, patch, options)),
    delete: (resource, at, options) => call('delete', () => server.delete(resource, at, options)),
  };
}

describe('a lease', () => {
  test('is gained at once when nobody has it, and kept by renewals every two seconds', async () => {
    const { clock, server, candidate, holder } = worldOf();
    const a = candidate('a');
    a.lease.start();
    await elapse(clock, 60_000);
    expect(a.told).toEqual(['gained at 0 s']);
    expect(a.lease.mayWrite).toBe(true);
    expect(await holder()).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(server.revision).toBeGreaterThan(25);
    expect(server.revision).toBeLessThan(40);
  });

  test('of two exactly one leads, and the other takes over within 20 s of its silence', async () => {
    const { clock, candidate, holder } = worldOf();
    const [a, b] = [candidate('a', 1), candidate('b', 2)];
    a.lease.start();
    b.lease.start();
    await elapse(clock, 30_000);
    const [leader, other] = a.lease.mayWrite ? [a, b] : [b, a];
    expect(other.lease.mayWrite).toBe(false);
    leader.faults.next = () => 'lost';
    await elapse(clock, 20_000);
    expect(leader.told.at(-1)).toMatch(/^lost at (38|39|40) s$/);
    expect(other.lease.mayWrite).toBe(true);
    expect(await holder()).toMatchObject({ leaseTransitions: 1 });
    leader.faults.next = () => undefined;
    await elapse(clock, 60_000);
    expect(leader.told).toHaveLength(2);
    expect(leader.lease.mayWrite).toBe(false);
  });

  test('a paused process may not write when it wakes, and says so', async () => {
    const { clock, candidate } = worldOf();
    const own = new VirtualClock();
    const a = candidate('a', 1, own);
    const b = candidate('b', 2);
    a.lease.start();
    await elapse(clock, 10);
    await elapse(own, 1);
    expect(a.lease.mayWrite).toBe(true);
    b.lease.start();
    await elapse(clock, 20_000);
    expect(b.lease.mayWrite).toBe(true);
    own.advance(20_000);
    expect(a.lease.mayWrite).toBe(false);
    await elapse(clock, 10);
    await elapse(own, 3_000);
    expect(a.told.at(-1)).toMatch(/^lost/);
  });

  test('a jump of wall time lengthens and shortens nothing', async () => {
    const { clock, candidate } = worldOf();
    const [a, b] = [candidate('a', 1), candidate('b', 2)];
    a.lease.start();
    await elapse(clock, 5_000);
    b.lease.start();
    clock.jumpWall(86_400_000);
    await elapse(clock, 30_000);
    clock.jumpWall(-2 * 86_400_000);
    await elapse(clock, 30_000);
    expect(a.told).toEqual(['gained at 0 s']);
    expect(b.told).toEqual([]);
  });

  test('one that is given up is taken at once', async () => {
    const { clock, candidate } = worldOf();
    const [a, b] = [candidate('a', 1), candidate('b', 2)];
    a.lease.start();
    await elapse(clock, 5_000);
    b.lease.start();
    await elapse(clock, 5_000);
    await until(clock, a.lease.stop());
    expect(a.lease.mayWrite).toBe(false);
    await elapse(clock, 5_000);
    expect(b.lease.mayWrite).toBe(true);
    expect(a.told).toEqual(['gained at 0 s']);
  });

  test('a leader whose lease another has taken by hand stops at its next renewal', async () => {
    const { clock, server, candidate } = worldOf();
    const a = candidate('a');
    a.lease.start();
    await elapse(clock, 5_000);
    await until(
      clock,
      server.patch(resources.lease, ref, { kind: 'merge', body: { spec: { holderIdentity: 'hand' } } }),
    );
    await elapse(clock, 3_000);
    expect(a.told.at(-1)).toMatch(/^lost/);
    expect(a.lease.mayWrite).toBe(false);
  });

  test('an answer that is lost costs no leadership', async () => {
    const { clock, candidate } = worldOf();
    const a = candidate('a');
    let count = 0;
    a.faults.next = ({ verb }) => (verb !== 'get' && ++count % 2 === 0 ? 'lostAnswer' : undefined);
    a.lease.start();
    await elapse(clock, 120_000);
    expect(a.told).toEqual(['gained at 0 s']);
    expect(a.lease.mayWrite).toBe(true);
  });

  test('two never may write at one moment, whatever becomes of their requests', async () => {
    const faults = fc.array(fc.constantFrom<FakeFault | undefined>(undefined, undefined, 'lost', 'lostAnswer'), {
      minLength: 40,
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(faults, faults, fc.nat(1_000), async (ofA, ofB, seed) => {
        const { clock, candidate } = worldOf();
        const both = [candidate('a', seed), candidate('b', seed + 1)];
        [ofA, ofB].forEach((list, index) => {
          let at = 0;
          const each = both[index];
          if (each !== undefined) each.faults.next = () => list[at++ % list.length];
        });
        for (const { lease } of both) lease.start();
        for (let second = 0; second < 90; second++) {
          await elapse(clock, 1_000);
          expect(both.filter(({ lease }) => lease.mayWrite).length).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 20 },
    );
  }, 20_000);
});

describe('whileLeading', () => {
  test('passes reads always and writes only while the lease allows them', async () => {
    const { clock, server } = worldOf();
    const lease = { mayWrite: false };
    const kube = whileLeading(server, lease);
    const at = { namespace: 'default', name: 'a' };
    const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: at, data: {} };
    const before = server.revision;
    const refused = { ok: false, failure: { kind: 'notLeader', outcomeUnknown: false } };
    expect(await kube.create(resources.configMap, manifest)).toMatchObject(refused);
    expect(await kube.patch(resources.configMap, at, { kind: 'merge', body: {} })).toMatchObject(refused);
    expect(await kube.delete(resources.configMap, at)).toMatchObject(refused);
    expect(server.revision).toBe(before);
    expect((await until(clock, kube.list(resources.configMap))).ok).toBe(true);
    lease.mayWrite = true;
    const made = await until(clock, kube.create(resources.configMap, manifest));
    expect((made as { value: KubeObject }).value.metadata.name).toBe('a');
    expect((await until(clock, kube.get(resources.configMap, at))).ok).toBe(true);
  });
});
