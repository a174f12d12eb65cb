import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { memoryLogger } from '@reticle/core/process';
import { resources, type KubeObject } from '@reticle/operator/cluster';
import { encodeSnapshot, packSnapshot, readSnapshot, unpackSnapshot } from '@reticle/proto/serving';
import { keyRow, snapshotRows, tenantRow } from '@reticle/proto/serving/kit';
import { FakeApiServer, type FakeCall, type FakeFault } from '../../test/kit/kube/fake-api-server.ts';
import { elapse, until } from '../../test/kit/kube/virtual-run.ts';
import { ServingKeeper } from './serving-keeper.ts';
import { raiseTerm } from './serving-term.ts';

const ref = { namespace: 'kube-system', name: 'reticle-serving' };

function worldOf(given: { fault?: (call: FakeCall) => FakeFault | undefined } = {}) {
  const clock = new VirtualClock();
  const writes: number[] = [];
  const faults = given;
  const server = new FakeApiServer({
    clock,
    latencyMs: 2,
    fault: (call) => faults.fault?.(call),
    onChange: () => void writes.push(Math.round(clock.nowMs() / 1_000)),
  });
  const log = memoryLogger();
  const raise = () => until(clock, raiseTerm(server, ref));
  const data = async (): Promise<Record<string, string>> => {
    const read = await until(clock, server.get(resources.configMap, ref));
    return read.ok ? ((read.value as KubeObject & { data: Record<string, string> }).data ?? {}) : {};
  };
  const keeper = (term: number, charactersMax?: number) =>
    new ServingKeeper({
      kube: server,
      clock,
      log,
      ref,
      cell: 'us-east',
      term,
      ...(charactersMax === undefined ? {} : { charactersMax }),
    });
  return { clock, server, writes, faults, log, raise, data, keeper };
}

function made(over: Parameters<typeof snapshotRows>[0] = {}) {
  const bytes = encodeSnapshot(snapshotRows(over));
  const { ok, problem } = readSnapshot(bytes);
  if (ok === undefined) throw new Error(problem);
  return [bytes, ok] as const;
}

describe('raiseTerm', () => {
  test('gives each leadership its own number, and what is kept', async () => {
    const { clock, raise, keeper } = worldOf();
    expect(await raise()).toMatchObject({ ok: true, value: { term: 1, kept: new Map() } });
    keeper(1).offer(...made());
    await elapse(clock, 1_000);
    const second = await raise();
    expect(second).toMatchObject({ ok: true, value: { term: 2 } });
    expect(second.ok && second.value.kept.get('us-east')).toMatchObject({ term: 1, seq: 1, replicas: [{ epoch: 3 }] });
  });

  test('two at once never get the same', async () => {
    const { clock, server } = worldOf();
    const both = await until(clock, Promise.all([raiseTerm(server, ref), raiseTerm(server, ref)]));
    const terms = both.map((each) => (each.ok ? each.value.term : 0));
    expect(terms.toSorted((a, b) => a - b)).toEqual([1, 2]);
  });

  test('a lost answer costs a number, not an order', async () => {
    const { raise, faults } = worldOf();
    let lost = 1;
    faults.fault = ({ verb }) => (verb === 'create' && lost-- > 0 ? 'lostAnswer' : undefined);
    expect(await raise()).toMatchObject({ ok: true, value: { term: 2 } });
  });

  test('a number that was damaged goes on above what is kept', async () => {
    const { clock, server, raise, keeper } = worldOf();
    await raise();
    keeper(1).offer(...made({ term: 41 }));
    await elapse(clock, 1_000);
    await until(
      clock,
      server.patch(resources.configMap, ref, { kind: 'merge', body: { data: { term: 'many', 'serving.eu': '?' } } }),
    );
    const raised = await raise();
    expect(raised).toMatchObject({ ok: true, value: { term: 42 } });
    expect(raised.ok && [...raised.value.kept.keys()]).toEqual(['us-east']);
  });

  test('a server that refuses is said', async () => {
    const { raise, faults } = worldOf();
    faults.fault = () => ({ kind: 'forbidden', status: 403, message: '', outcomeUnknown: false });
    expect(await raise()).toMatchObject({ ok: false, failure: { kind: 'forbidden' } });
  });
});

describe('ServingKeeper', () => {
  test('keeps the newest, one write in ten seconds, and none at rest', async () => {
    const { clock, raise, keeper, writes, data } = worldOf();
    await raise();
    const own = keeper(1);
    writes.length = 0;
    for (let seq = 1; seq <= 25; seq++) {
      own.offer(...made({ seq }));
      await elapse(clock, 1_000);
    }
    await elapse(clock, 60_000);
    expect(writes).toEqual([0, 10, 20, 30]);
    expect(unpackSnapshot((await data())['serving.us-east'] ?? '').ok).toMatchObject({ seq: 25 });
  });

  test('writes nothing once another leadership has raised the term', async () => {
    const { clock, raise, keeper, data, log } = worldOf();
    await raise();
    const old = keeper(1);
    await raise();
    old.offer(...made({ seq: 1 }));
    await elapse(clock, 1_000);
    old.offer(...made({ seq: 2 }));
    await elapse(clock, 60_000);
    expect(await data()).toEqual({ term: '2' });
    expect(log.records).toMatchObject([{ level: 'warn', fields: { reason: 'invalid' } }]);
  });

  test('a write that failed is made again', async () => {
    const { clock, raise, keeper, data, faults } = worldOf();
    await raise();
    let failing = 2;
    faults.fault = ({ verb }) => (verb === 'patch' && failing-- > 0 ? 'lost' : undefined);
    keeper(1).offer(...made({ seq: 9 }));
    await elapse(clock, 120_000);
    expect(unpackSnapshot((await data())['serving.us-east'] ?? '').ok).toMatchObject({ seq: 9 });
  });

  test('what is too large is kept without tenants, or not at all', async () => {
    const tenants = Array.from({ length: 40 }, (_, index) =>
      tenantRow({
        name: `t${index}`,
        keys: [keyRow({ id: String(index).padStart(8, 'k'), hmacs: [randomBytes(32)] })],
      }),
    );
    const { clock, raise, keeper, data, log } = worldOf();
    await raise();
    const routes = packSnapshot(made({ tenants: [], withoutTenants: true })[0]).length;
    keeper(1, routes + 64).offer(...made({ tenants }));
    await elapse(clock, 1_000);
    const kept = unpackSnapshot((await data())['serving.us-east'] ?? '').ok;
    expect(kept).toMatchObject({ withoutTenants: true, tenants: [], replicas: [{ epoch: 3 }] });
    keeper(1, 10).offer(...made({ tenants, seq: 2 }));
    await elapse(clock, 1_000);
    expect(log.records).toMatchObject([{ level: 'error' }]);
    expect(unpackSnapshot((await data())['serving.us-east'] ?? '').ok).toMatchObject({ seq: 1 });
  });

  test('after stop nothing is written', async () => {
    const { clock, raise, keeper, data } = worldOf();
    await raise();
    const own = keeper(1);
    own.offer(...made());
    own.stop();
    await elapse(clock, 60_000);
    expect(await data()).toEqual({ term: '1' });
  });
});
