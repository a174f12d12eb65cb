import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { FakeApiServer, type FakeFault } from '../../test/kit/kube/fake-api-server.ts';
import { elapse, until } from '../../test/kit/kube/virtual-run.ts';
import type { KubeObject } from './port.ts';
import { resources } from './resources.ts';
import { setStatus, type NextCondition, type NextStatus, type StatusResult } from './status.ts';

const ready = (status: 'True' | 'False', over: Partial<NextCondition> = {}): NextCondition => ({
  type: 'Ready',
  status,
  reason: status === 'True' ? 'ProbePassed' : 'PodsNotReady',
  message: '',
  ...over,
});

async function rigOf() {
  const clock = new VirtualClock();
  let writes = 0;
  const faults: { next?: FakeFault } = {};
  const server = new FakeApiServer({
    clock,
    fault: ({ verb }) => {
      if (verb !== 'patch') return undefined;
      writes++;
      const { next } = faults;
      delete faults.next;
      return next;
    },
  });
  const manifest = { apiVersion: 'reticle.dev/v1alpha1', kind: 'Wafer', metadata: { name: 'w' }, spec: { epoch: 0 } };
  const made = await until(clock, server.create(resources.wafer, manifest));
  if (!made.ok) throw new Error(made.failure.message);
  const isReason = (reason: string): boolean => reason !== 'Invented';
  const set = (object: KubeObject, next: NextStatus): Promise<StatusResult> =>
    until(clock, setStatus({ kube: server, clock, isReason }, resources.wafer, object, next));
  const written = async (object: KubeObject, next: NextStatus): Promise<KubeObject> => {
    const result = await set(object, next);
    if (result.kind !== 'written') throw new Error(result.kind);
    return result.object;
  };
  return { clock, server, faults, object: made.value, set, written, writes: () => writes };
}

describe('setStatus', () => {
  test('writes once, and nothing while what is stated stays the same, whatever the time', async () => {
    const { clock, object, written, set, writes } = await rigOf();
    const next = { phase: 'Running', conditions: [ready('True')] };
    const first = await written(object, next);
    expect(first.status).toEqual({
      phase: 'Running',
      observedGeneration: 1,
      conditions: [{ ...ready('True'), observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00Z' }],
    });
    await elapse(clock, 3_600_000);
    expect(await set(first, { conditions: [ready('True')], phase: 'Running' })).toEqual({ kind: 'unchanged' });
    expect(writes()).toBe(1);
  });

  test('keeps the time of the last transition while the status stays, and moves it when it changes', async () => {
    const { clock, object, written } = await rigOf();
    const first = await written(object, { conditions: [ready('False')] });
    await elapse(clock, 60_000);
    const second = await written(first, { conditions: [ready('False', { message: 'two of three stages' })] });
    expect(timesOf(second)).toEqual(['2026-01-01T00:00:00Z']);
    const third = await written(second, { conditions: [ready('True'), ready('True', { type: 'Bound' })] });
    expect(timesOf(third)).toEqual(['2026-01-01T00:01:00Z', '2026-01-01T00:01:00Z']);
  });

  test('takes away what is no longer stated, and says which generation was observed', async () => {
    const { clock, server, object, written } = await rigOf();
    const first = await written(object, { phase: 'Free', attempts: { count: 3 }, conditions: [ready('False')] });
    const body = { spec: { epoch: 1 } };
    const grown = await until(clock, server.patch(resources.wafer, { name: 'w' }, { kind: 'merge', body }));
    if (!grown.ok) throw new Error(grown.failure.message);
    expect(first.metadata.generation).toBe(1);
    const second = await written(grown.value, { phase: 'Free', conditions: [] });
    expect(second.status).toEqual({ phase: 'Free', observedGeneration: 2, conditions: [] });
    expect(second.spec).toEqual({ epoch: 1 });
  });

  test('of a version that is no longer the object’s is lost, and a lost answer is found out', async () => {
    const { clock, server, faults, object, set } = await rigOf();
    await until(clock, server.patch(resources.wafer, { name: 'w' }, { kind: 'merge', body: { spec: { epoch: 1 } } }));
    const next = { conditions: [ready('True')] };
    expect((await set(object, next)).kind).toBe('lost');
    const live = await until(clock, server.get(resources.wafer, { name: 'w' }));
    if (!live.ok) throw new Error(live.failure.message);
    faults.next = 'lostAnswer';
    expect((await set(live.value, next)).kind).toBe('written');
  });

  test('refuses a reason outside the registry before anything is sent', async () => {
    const { object, set, writes } = await rigOf();
    await expect(set(object, { conditions: [ready('True', { reason: 'Invented' })] })).rejects.toThrow('Invented');
    expect(writes()).toBe(0);
  });
});

function timesOf({ status }: KubeObject): string[] {
  return (status as { conditions: { lastTransitionTime: string }[] }).conditions.map((each) => each.lastTransitionTime);
}
