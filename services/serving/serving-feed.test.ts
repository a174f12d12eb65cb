import { describe, expect, test } from '@jest/globals';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import { memoryLogger } from '@reticle/core/process';
import { subjects } from '@reticle/proto/contract';
import type { ServingSnapshot__Input } from '@reticle/proto/gen/serving/v1/ServingSnapshot';
import {
  encodeHead,
  encodeSnapshot,
  packSnapshot,
  readRequest,
  snapshotDigest,
  snapshotParts,
} from '@reticle/proto/serving';
import { snapshotRows, tenantRow, keyRow } from '@reticle/proto/serving/kit';
import { LocalBus } from '@reticle/services/bus';
import { ServingFeed } from './serving-feed.ts';

const CELL = 'us-east';

/** More than one message of the bus carries. */
const many = Array.from({ length: 3_000 }, (_, index) =>
  tenantRow({ name: `tenant-${index}`, keys: [keyRow({ id: String(index).padStart(8, 'k') })] }),
);

/** A feed, and an operator that a test plays. */
function rig() {
  const clock = new VirtualClock();
  const bus = new LocalBus(clock);
  const log = memoryLogger();
  const taken: string[] = [];
  const asked: string[] = [];
  const silences: number[] = [];
  const feed = new ServingFeed({
    bus,
    clock,
    random: seededRandom(1),
    log,
    cell: CELL,
    region: CELL,
    onSilence: () => void silences.push(clock.nowMs()),
    onSnapshot: ({ term, seq }) => void taken.push(`${term}.${seq}`),
  });
  const whole = (over: ServingSnapshot__Input) => encodeSnapshot(snapshotRows(over));
  const nameOf = ({ term = 1, seq = 1 }: ServingSnapshot__Input) => ({
    cell: CELL,
    term: Number(term),
    seq: Number(seq),
  });
  const headOf = (over: ServingSnapshot__Input): Uint8Array => encodeHead(nameOf(over), snapshotDigest(whole(over)));
  /** The bus delivers in microtasks. */
  const settled = async (advanceMs = 0): Promise<void> => {
    for (let round = 0; round < 20; round++) await Promise.resolve();
    clock.advance(advanceMs);
    for (let round = 0; round < 20; round++) await Promise.resolve();
  };
  return {
    clock,
    bus,
    feed,
    log,
    taken,
    asked,
    silences,
    settled,
    parts: async (over: ServingSnapshot__Input, lost: readonly number[] = []): Promise<void> => {
      for (const [index, part] of snapshotParts(whole(over), nameOf(over)).entries()) {
        if (!lost.includes(index)) bus.publish(subjects.snapshot(CELL), part);
      }
      await settled();
    },
    head: async (over: ServingSnapshot__Input): Promise<void> => {
      bus.publish(subjects.snapshotHead(CELL), headOf(over));
      await settled();
    },
    /** An operator that has this one in force. */
    answers: (over: ServingSnapshot__Input) =>
      bus.respond(subjects.snapshotGet(CELL), (bytes) => {
        const has = readRequest(bytes);
        asked.push(`${has?.term}.${has?.seq}`);
        return headOf(over);
      }),
  };
}

describe('ServingFeed', () => {
  test('takes a snapshot whole, and only larger ones after it', async () => {
    const { parts, taken, feed } = rig();
    await parts({ term: 2, seq: 5, tenants: many });
    for (const order of [
      { term: 2, seq: 5 },
      { term: 2, seq: 4 },
      { term: 1, seq: 900 },
      { term: 2, seq: 6 },
      { term: 3, seq: 1 },
    ]) {
      await parts(order);
    }
    expect([taken, feed.inForce]).toEqual([['2.5', '2.6', '3.1'], { term: 3, seq: 1 }]);
  });

  test('a lost part is asked for after the head, once', async () => {
    const { parts, head, taken, asked, answers, settled } = rig();
    const next = { seq: 2, tenants: many };
    await parts({ seq: 1 });
    answers(next);
    await parts(next, [1]);
    await head(next);
    expect([taken, asked]).toEqual([['1.1'], []]);
    await settled(200);
    expect(asked).toEqual(['1.1']);
    await parts(next);
    expect(taken).toEqual(['1.1', '1.2']);
    await head(next);
    await settled(200);
    expect(asked).toHaveLength(1);
  });

  test('silence of three seconds is a question; heads are none', async () => {
    const { parts, head, asked, answers, settled, silences } = rig();
    await parts({ seq: 1 });
    answers({ seq: 1 });
    for (let second = 0; second < 10; second++) {
      await settled(1_000);
      await head({ seq: 1 });
    }
    expect(asked).toEqual([]);
    await settled(3_000);
    expect([asked, silences]).toEqual([['1.1'], [13_000]]);
  });

  test('nobody answers: what is in force stays, and the question comes again', async () => {
    const { parts, feed, settled, answers, asked } = rig();
    await parts({ seq: 7 });
    for (let second = 0; second < 20; second++) await settled(1_000);
    expect(feed.inForce).toEqual({ term: 1, seq: 7 });
    answers({ seq: 7 });
    await settled(3_000);
    expect(asked).toEqual(['1.7']);
  });

  test.each([
    { name: 'has a blank field', bad: { seq: 2, deployments: [{ uid: 'u' }] }, want: /^deployments\[0\]/ },
    { name: 'has a format of a later version', bad: { seq: 2, format: 2 }, want: /^format/ },
    {
      name: 'is of another region',
      bad: { seq: 2, region: 'eu', regions: [{ name: 'eu' }], deployments: [], replicas: [] },
      want: /^cell/,
    },
  ])('P26 a snapshot that $name is refused, said, and not asked for again', async ({ bad, want }) => {
    const { parts, head, taken, asked, answers, settled, log, feed } = rig();
    await parts({ seq: 1 });
    answers(bad);
    await parts(bad);
    await head(bad);
    await settled(200);
    expect([taken, asked, feed.refused]).toEqual([['1.1'], [], 1]);
    expect(log.records).toMatchObject([{ level: 'error', fields: { reason: expect.stringMatching(want) } }]);
    await parts({ seq: 3 });
    expect(taken).toEqual(['1.1', '1.3']);
  });

  test('a boot copy is the first, until something newer comes', async () => {
    const { feed, parts, taken } = rig();
    expect(feed.boot(packSnapshot(encodeSnapshot(snapshotRows({ seq: 4 }))))).toBe(true);
    expect(feed.boot(packSnapshot(encodeSnapshot(snapshotRows({ seq: 3 }))))).toBe(false);
    expect(feed.boot('no snapshot')).toBe(false);
    await parts({ seq: 4 });
    await parts({ seq: 5 });
    expect(taken).toEqual(['1.4', '1.5']);
  });

  test('foreign messages change nothing', async () => {
    const { bus, settled, taken, feed } = rig();
    for (const subject of [subjects.snapshot(CELL), subjects.snapshotHead(CELL)])
      bus.publish(subject, new Uint8Array([255, 1]));
    await settled(500);
    expect([taken, feed.refused, feed.behind]).toEqual([[], 1, false]);
  });

  test('after close nothing is taken or asked', async () => {
    const { feed, parts, answers, asked, taken, settled } = rig();
    answers({ seq: 1 });
    feed.close();
    await parts({ seq: 1 });
    for (let second = 0; second < 10; second++) await settled(1_000);
    expect([taken, asked]).toEqual([[], []]);
  });
});
