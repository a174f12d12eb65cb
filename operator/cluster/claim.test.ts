import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { FakeApiServer, type FakeCall, type FakeFault } from '../../test/kit/kube/fake-api-server.ts';
import { until } from '../../test/kit/kube/virtual-run.ts';
import { claimWafer, releaseWafer, writeReplica, type WaferClaim } from './claim.ts';
import type { SwapResult } from './compare-and-swap.ts';
import { refusal } from './failure.ts';
import type { Kube, KubeObject } from './port.ts';
import { resources } from './resources.ts';

const API = 'reticle.dev/v1alpha1';

function claimOf(replica: string, over: Partial<WaferClaim> = {}): WaferClaim {
  return { namespace: 'default', replica, uid: `uid-${replica}`, stage: 0, replicaEpoch: 1, planDigest: 'd', ...over };
}

type Rig = {
  readonly server: FakeApiServer;
  readonly run: <T>(promise: Promise<T>) => Promise<T>;
  readonly patches: () => number;
  fault: ((call: FakeCall) => FakeFault | undefined) | undefined;
};

function rigOf(): Rig {
  const clock = new VirtualClock();
  let patches = 0;
  const rig: { fault: Rig['fault'] } = { fault: undefined };
  const server = new FakeApiServer({
    clock,
    latencyMs: 2,
    fault: (call) => {
      if (call.verb === 'patch') patches++;
      return rig.fault?.(call);
    },
  });
  const run = <T>(promise: Promise<T>): Promise<T> => until(clock, promise);
  return Object.assign(rig, { server, run, patches: () => patches });
}

async function wafer({ server, run }: Rig, name = 'w'): Promise<KubeObject> {
  const made = await run(
    server.create(resources.wafer, { apiVersion: API, kind: 'Wafer', metadata: { name }, spec: { slot: 1, epoch: 4 } }),
  );
  if (!made.ok) throw new Error(made.failure.message);
  return made.value;
}

async function live({ server, run }: Rig, name = 'w'): Promise<KubeObject> {
  const read = await run(server.get(resources.wafer, { name }));
  if (!read.ok) throw new Error(read.failure.message);
  return read.value;
}

/** The next patch fares like this, everything after it well. */
function once(rig: Rig, fault: FakeFault): void {
  rig.fault = ({ verb }) => {
    if (verb !== 'patch') return undefined;
    rig.fault = undefined;
    return fault;
  };
}

describe('claimWafer', () => {
  test('takes a free wafer with its next epoch, and releases it with the epoch kept', async () => {
    const rig = rigOf();
    const claim = claimOf('r');
    const taken = await rig.run(claimWafer(rig.server, await wafer(rig), { claim, epoch: 5 }));
    expect(taken).toMatchObject({ kind: 'written', object: { spec: { slot: 1, epoch: 5, claim } } });
    const released = await rig.run(releaseWafer(rig.server, await live(rig)));
    expect(released.kind).toBe('written');
    expect((await live(rig)).spec).toEqual({ slot: 1, epoch: 5 });
  });

  test('of two that want one wafer exactly one has it, and the other is shown who', async () => {
    const rig = rigOf();
    const base = await wafer(rig);
    const both = await rig.run(
      Promise.all(['a', 'b'].map((name) => claimWafer(rig.server, base, { claim: claimOf(name), epoch: 5 }))),
    );
    expect(both.map(({ kind }) => kind)).toEqual(['written', 'lost']);
    const [, lost] = both;
    expect(lost).toMatchObject({ live: { spec: { claim: { replica: 'a' } } } });
  });

  test.each([
    { name: 'whose answer is lost was written', fault: 'lostAnswer' as const, want: 'written', patches: 1 },
    { name: 'that never arrives was not written', fault: 'lost' as const, want: 'notWritten', patches: 1 },
    { name: 'that the server fails may be tried again', fault: refusal(500, {}), want: 'notWritten', patches: 1 },
    { name: 'that is throttled was not written', fault: refusal(429, {}), want: 'notWritten', patches: 1 },
    { name: 'that a rule refuses is refused', fault: refusal(422, { message: 'wf2' }), want: 'refused', patches: 1 },
    { name: 'that is not allowed is refused', fault: refusal(403, {}), want: 'refused', patches: 1 },
  ])('a claim $name', async ({ fault, want, patches }) => {
    const rig = rigOf();
    const base = await wafer(rig);
    once(rig, fault);
    const result = await rig.run(claimWafer(rig.server, base, { claim: claimOf('r'), epoch: 5 }));
    expect(result.kind).toBe(want);
    expect(rig.patches()).toBe(patches);
    expect('claim' in ((await live(rig)).spec as object)).toBe(want === 'written');
  });

  test('a second try of a claim that had been written is not taken for a theft', async () => {
    const rig = rigOf();
    const base = await wafer(rig);
    const next = { claim: claimOf('r'), epoch: 5 };
    rig.fault = ({ verb }) => (verb === 'get' ? 'lost' : 'lostAnswer');
    const first = await rig.run(claimWafer(rig.server, base, next));
    expect(first).toMatchObject({ kind: 'unknown', failure: { outcomeUnknown: true } });
    rig.fault = undefined;
    expect((await rig.run(claimWafer(rig.server, base, next))).kind).toBe('written');
    expect((await live(rig)).spec).toMatchObject({ epoch: 5, claim: { replica: 'r' } });
  });

  test('a wafer that is gone, or another one by now, is lost', async () => {
    const rig = rigOf();
    const base = await wafer(rig);
    const next = { claim: claimOf('r'), epoch: 5 };
    await rig.run(rig.server.delete(resources.wafer, { name: 'w' }));
    expect(await rig.run(claimWafer(rig.server, base, next))).toEqual({ kind: 'lost', live: undefined });
    await wafer(rig);
    const reborn: SwapResult = await rig.run(claimWafer(rig.server, base, next));
    expect(reborn.kind).toBe('lost');
    expect((await live(rig)).spec).toEqual({ slot: 1, epoch: 4 });
  });

  test('what is already so is written without a request', async () => {
    const rig = rigOf();
    const base = await wafer(rig);
    expect((await rig.run(releaseWafer(rig.server, base))).kind).toBe('written');
    expect(rig.patches()).toBe(0);
  });

  test('a claim on anything but a wafer is a defect', async () => {
    const rig = rigOf();
    const other = { ...(await wafer(rig)), kind: 'ModelReplica' };
    expect(() => claimWafer(rig.server, other, { claim: claimOf('r'), epoch: 5 })).toThrow('a claim is on a wafer');
    expect(() => writeReplica(rig.server, { ...other, kind: 'Wafer' }, { epoch: 1 })).toThrow('of a replica');
  });
});

describe('writeReplica', () => {
  test('replaces a plan whole: nothing of the earlier one stays', async () => {
    const rig = rigOf();
    const metadata = { name: 'r', namespace: 'default' };
    const made = await rig.run(
      rig.server.create(resources.modelReplica, {
        apiVersion: API,
        kind: 'ModelReplica',
        metadata,
        spec: { epoch: 0 },
      }),
    );
    if (!made.ok) throw new Error(made.failure.message);
    const write = async (base: KubeObject, spec: Parameters<typeof writeReplica>[2]): Promise<KubeObject> => {
      const result = await rig.run(writeReplica(rig.server as Kube, base, spec));
      if (result.kind !== 'written') throw new Error(result.kind);
      return result.object;
    };
    const fence = (epoch: number): object => ({ epoch, outcome: 'Pending' });
    const first = await write(made.value, {
      epoch: 1,
      plan: { digest: 'a', pool: 'p', stages: [1, 2] },
      fence: fence(1),
    });
    const second = await write(first, { epoch: 2, plan: { digest: 'b', stages: [3] }, fence: fence(2) });
    expect(second.spec).toEqual({ epoch: 2, plan: { digest: 'b', stages: [3] }, fence: fence(2) });
    expect(second.metadata.generation).toBe(3);
  });
});
