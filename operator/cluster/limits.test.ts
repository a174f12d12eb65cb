import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { FakeApiServer, type FakeCall, type FakeFault } from '../../test/kit/kube/fake-api-server.ts';
import { elapse, until } from '../../test/kit/kube/virtual-run.ts';
import { refusal } from './failure.ts';
import { Limits, type LimitedAnswer } from './limits.ts';
import type { KubeResult } from './port.ts';
import { resources } from './resources.ts';

const ref = { namespace: 'default', name: 'a' };

function rigOf(options: { ratePerSecond?: number; burst?: number } = {}) {
  const clock = new VirtualClock();
  const faults: { next?: (call: FakeCall) => FakeFault | undefined } = {};
  const starts: number[] = [];
  const server = new FakeApiServer({
    clock,
    fault: (call) => {
      starts.push(clock.nowMs());
      return faults.next?.(call);
    },
  });
  const answers: LimitedAnswer[] = [];
  const limits = new Limits({ kube: server, clock, onAnswer: (answer) => answers.push(answer), ...options });
  const ask = (count: number) => Promise.all(Array.from({ length: count }, () => limits.get(resources.configMap, ref)));
  return { clock, server, limits, faults, starts, answers, ask };
}

describe('limits', () => {
  test('let a burst through at once and the rest at the rate, in order', async () => {
    const { clock, ask, starts } = rigOf({ ratePerSecond: 10, burst: 5 });
    await until(clock, ask(25));
    expect(starts.filter((ms) => ms === 0)).toHaveLength(5);
    expect(starts.at(-1)).toBeCloseTo(2_000, 0);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
  });

  test('are 200 per second with a burst of 400 unless told otherwise', async () => {
    const { clock, ask, starts } = rigOf();
    await until(clock, ask(600));
    expect(starts.filter((ms) => ms === 0)).toHaveLength(400);
    expect(starts.at(-1)).toBeCloseTo(1_000, 0);
  });

  test('a 429 halves the rate, holds everything for the server’s time, and the rate grows back', async () => {
    const { clock, ask, starts, faults } = rigOf({ ratePerSecond: 100, burst: 100 });
    faults.next = () => (starts.length === 1 ? refusal(429, {}, 5_000) : undefined);
    expect((await until(clock, ask(1)))[0]).toMatchObject({ ok: false, failure: { kind: 'throttled' } });
    await until(clock, ask(200));
    const later = starts.slice(1);
    expect(later[0]).toBeGreaterThanOrEqual(5_000);
    // What the bucket held is halved too; the rest comes at a rate between a half and three quarters.
    const lastSeconds = ((later.at(-1) ?? 0) - 5_000) / 1_000;
    expect(lastSeconds).toBeGreaterThan((200 - 100) / 100);
    await elapse(clock, 60_000);
    const from = starts.length;
    await until(clock, ask(200));
    const spanMs = (starts.at(-1) ?? 0) - (starts[from] ?? 0);
    expect(spanMs).toBeCloseTo(1_000, -1);
  });

  test('a storm of 429 never stops the asking for good', async () => {
    const { clock, ask, faults, starts } = rigOf({ ratePerSecond: 200, burst: 10 });
    faults.next = () => refusal(429, {});
    await until(clock, ask(50));
    faults.next = () => undefined;
    await until(clock, ask(10));
    expect(starts).toHaveLength(60);
    expect(clock.nowMs()).toBeLessThan(60_000);
  });

  test.each([
    { name: 'a request', wantMs: 10_000, call: 'get' as const },
    { name: 'a list', wantMs: 60_000, call: 'list' as const },
  ])('$name that is not answered is a timeout after $wantMs ms', async ({ wantMs, call }) => {
    const { clock, server, limits, answers } = rigOf();
    server.freeze();
    const asked: Promise<KubeResult<unknown>> =
      call === 'list' ? limits.list(resources.configMap) : limits.get(resources.configMap, ref);
    expect(await until(clock, asked)).toMatchObject({ ok: false, failure: { kind: 'timeout' } });
    expect(clock.nowMs()).toBe(wantMs);
    expect(answers).toMatchObject([{ verb: call, failure: { kind: 'timeout' }, ms: wantMs }]);
  });

  test('who gives up while waiting is told that nothing was sent', async () => {
    const { clock, limits, ask, starts } = rigOf({ ratePerSecond: 1, burst: 1 });
    const first = ask(1);
    const abort = new AbortController();
    const second = limits.get(resources.configMap, ref, { signal: abort.signal });
    abort.abort();
    await until(clock, first);
    expect(await until(clock, second)).toMatchObject({
      ok: false,
      failure: { kind: 'timeout', outcomeUnknown: false },
    });
    expect(starts).toHaveLength(1);
  });

  test('count writes for each object, and reads for none', async () => {
    const { clock, limits, ask } = rigOf();
    const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: ref, data: {} };
    await until(clock, limits.create(resources.configMap, manifest));
    await until(clock, limits.patch(resources.configMap, ref, { kind: 'merge', body: { data: { a: 'b' } } }));
    await until(clock, ask(3));
    await until(clock, limits.delete(resources.configMap, ref));
    expect(limits.writes).toBe(3);
    expect(limits.writesOf('ConfigMap/default/a')).toBe(3);
    expect(limits.writesOf('ConfigMap/default/b')).toBe(0);
  });
});
