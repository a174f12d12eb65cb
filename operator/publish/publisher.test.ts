import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { memoryLogger } from '@reticle/core/process';
import { deployment, pool } from '@reticle/operator/plan/kit';
import { encodeRequest, readHead, readSnapshot, SnapshotAssembly } from '@reticle/proto/serving';
import { Publisher, type PublisherOptions } from './publisher.ts';
import { CELL, committed, HEADS, servingScene, tenant } from './publish-kit.ts';
import type { ServingObject } from './serving-objects.ts';

const PARTS = 'reticle.snapshot.us-east';
const HEAD = `${PARTS}.head`;

/** Caches, a bus, and what a gateway makes of it. */
function rig(over: Partial<PublisherOptions> = {}, objects: readonly ServingObject[] = servingScene(4)) {
  const clock = new VirtualClock();
  const sent: { subject: string; payload: Uint8Array; atMs: number }[] = [];
  type Responder = (payload: Uint8Array) => Uint8Array | undefined;
  const none: Responder = () => undefined;
  let [listener, ask] = [(): void => {}, none];
  const source = {
    fresh: true,
    now: objects,
    objects: () => source.now,
    onChange: (told: () => void) => ((listener = told), () => (listener = () => {})),
  };
  const bus = {
    publish: (subject: string, payload: Uint8Array) => void sent.push({ subject, payload, atMs: clock.nowMs() }),
    respond: (_: string, responder: (payload: Uint8Array) => Uint8Array | undefined) => (
      (ask = responder),
      () => (ask = () => undefined)
    ),
  };
  const told: (string | undefined)[] = [];
  const log = memoryLogger();
  const onGuard = (problem: string | undefined): void => void told.push(problem);
  const publisher = new Publisher({ source, bus, clock, log, cell: CELL, heads: HEADS, term: 7, onGuard, ...over });
  publisher.start();
  const taken = () => {
    const assembly = new SnapshotAssembly(CELL.name);
    return sent
      .filter(({ subject }) => subject === PARTS)
      .flatMap(({ payload }) => assembly.take(payload, { term: 0, seq: 0 }) ?? []);
  };
  return {
    clock,
    source,
    sent,
    told,
    publisher,
    put: (next: readonly ServingObject[]): void => {
      source.now = next;
      listener();
    },
    ask: (has: { term: number; seq: number }) => ask(encodeRequest(has)),
    snapshots: () => taken().map((bytes) => readSnapshot(bytes).ok),
    heads: () =>
      sent.filter(({ subject }) => subject === HEAD).map(({ payload, atMs }) => ({ ...readHead(payload), atMs })),
  };
}

describe('Publisher', () => {
  test('publishes within 50 ms of a start, then a head every second, and nothing more at rest', () => {
    const { clock, snapshots, heads, sent } = rig();
    clock.advance(50);
    expect(snapshots()).toMatchObject([{ term: 7, seq: 1, replicas: [{}, {}, {}, {}] }]);
    clock.advance(3_000);
    expect(sent.filter(({ subject }) => subject === PARTS)).toHaveLength(1);
    expect(heads()).toMatchObject([50, 1_000, 2_000, 3_000].map((atMs) => ({ atMs, term: 7, seq: 1 })));
  });

  test('many changes are one snapshot, at most 20 a second', () => {
    const { clock, put, snapshots } = rig();
    for (let at = 0; at < 1_000; at += 5) {
      put([...servingScene(4), tenant(`t${at}`)]);
      clock.advance(5);
    }
    const made = snapshots();
    expect(made.length).toBeLessThanOrEqual(20);
    expect(made.at(-1)).toMatchObject({ tenants: [{ name: 'acme' }, { name: 't995' }] });
    expect(made.map((each) => each?.seq)).toEqual(made.map((_, index) => index + 1));
  });

  test('a large snapshot comes less often', () => {
    const base = tenant('base', { keys: [] });
    const many = Array.from({ length: 6_000 }, (_, index) => ({
      ...base,
      meta: { ...base.meta, name: `tenant-${index}` },
    }));
    const { clock, put, snapshots } = rig({}, many);
    clock.advance(50);
    for (let at = 0; at < 400; at += 10) {
      put([...many, tenant('more', { weight: 1 + at })]);
      clock.advance(10);
    }
    const made = snapshots();
    expect(made.length).toBeGreaterThan(2);
    expect(made.length).toBeLessThan(5);
    clock.advance(1_000);
    expect(
      snapshots()
        .at(-1)
        ?.tenants.find(({ name }) => name === 'more'),
    ).toMatchObject({ weight: 391 });
  });

  test('a change that gateways do not see is not published', () => {
    const { clock, put, snapshots } = rig();
    clock.advance(50);
    put(
      servingScene(4).map((object) => ({ ...object, meta: { ...object.meta, resourceVersion: '9' } }) as ServingObject),
    );
    clock.advance(5_000);
    expect(snapshots()).toHaveLength(1);
  });

  test('nothing comes from stale caches; what they missed comes when they are fresh', () => {
    const { clock, source, put, snapshots } = rig();
    clock.advance(50);
    source.fresh = false;
    put([]);
    clock.advance(10_000);
    expect(snapshots()).toHaveLength(1);
    source.fresh = true;
    put([...servingScene(4), tenant('globex')]);
    clock.advance(50);
    expect(snapshots().at(-1)).toMatchObject({ seq: 2, tenants: [{}, { name: 'globex' }] });
  });

  test('whoever is behind gets the head at once and the parts once for all', () => {
    const { clock, ask, sent } = rig();
    expect(ask({ term: 0, seq: 0 })).toBeUndefined();
    clock.advance(50);
    for (let gateway = 0; gateway < 5; gateway++)
      expect(readHead(ask({ term: 6, seq: 900 }) ?? new Uint8Array())).toMatchObject({ seq: 1 });
    clock.advance(60);
    expect(sent.filter(({ subject }) => subject === PARTS)).toHaveLength(2);
    ask({ term: 7, seq: 1 });
    clock.advance(500);
    expect(sent.filter(({ subject }) => subject === PARTS)).toHaveLength(2);
  });

  test('after stop nothing is sent', () => {
    const { clock, publisher, put, sent, ask } = rig();
    clock.advance(50);
    publisher.stop();
    put([]);
    const before = sent.length;
    clock.advance(10_000);
    expect([sent.length, ask({ term: 0, seq: 0 })]).toEqual([before, undefined]);
  });
});

describe('the guard', () => {
  const without = (count: number): ServingObject[] => servingScene(4 - count);

  test.each([
    { name: 'a quarter of the Ready replicas', next: without(1), want: undefined },
    { name: 'half of them', next: without(2), want: 'replicas of us-east: too many are gone' },
    { name: 'everything', next: [], want: 'replicas of us-east: too many are gone' },
  ])('$name goes without a word: $want', ({ next, want }) => {
    const { clock, put, publisher, snapshots, heads } = rig();
    clock.advance(50);
    put(next);
    clock.advance(2_000);
    expect(publisher.problem).toBe(want);
    expect(snapshots()).toHaveLength(want === undefined ? 2 : 1);
    expect(heads().at(-1)).toMatchObject({ seq: want === undefined ? 2 : 1 });
  });

  test('replicas that retire or fail their probe may all go', () => {
    const { clock, put, snapshots, told } = rig();
    clock.advance(50);
    put([
      ...servingScene(0),
      ...['a', 'b', 'c', 'd'].map((name) => committed(`spark-${name}`, { status: { phase: 'Draining' } })),
    ]);
    clock.advance(50);
    put(servingScene(0));
    clock.advance(50);
    expect([snapshots().length, told]).toEqual([3, []]);
  });

  test('it is told once when it trips and once when it ends, and the last snapshot stays', () => {
    const { clock, put, told, snapshots } = rig();
    clock.advance(50);
    put([]);
    clock.advance(3_000);
    put(servingScene(4));
    clock.advance(1_000);
    expect([told, snapshots().length]).toEqual([['replicas of us-east: too many are gone', undefined], 1]);
  });

  test('what a person has confirmed is published, once', () => {
    let confirms = 1;
    const { clock, put, snapshots } = rig({ confirmed: () => confirms-- > 0 });
    clock.advance(50);
    expect(confirms).toBe(1);
    put([]);
    clock.advance(50);
    expect([snapshots().length, confirms]).toEqual([2, 0]);
  });

  test('a new leader knows what the cell was served by before it', () => {
    const { clock, snapshots } = rig();
    clock.advance(50);
    const next = rig({ before: snapshots()[0], term: 8 }, []);
    next.clock.advance(5_000);
    expect([next.snapshots(), next.publisher.problem]).toEqual([[], 'replicas of us-east: too many are gone']);
  });

  test('what its own reader refuses is not published', () => {
    const blank = deployment('spark', { servedName: 'spark' });
    const { clock, publisher, snapshots } = rig({}, [
      pool('p1'),
      { ...blank, spec: { ...blank.spec, servedName: '' } },
    ]);
    clock.advance(2_000);
    expect([publisher.problem, snapshots()]).toEqual(['deployments[0].servedName: blank', []]);
  });
});
