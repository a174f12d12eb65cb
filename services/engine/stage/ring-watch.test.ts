import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { ringBrokenAfterMs, RingWatch, type StageIdentity, type StagePing, type StagePong } from './ring-watch.ts';

const identity = (stage: number): StageIdentity => ({
  stage,
  programId: `p${stage}`,
  hardwareId: `h${stage}`,
  epoch: 4,
});

/** A ring of stages 1 to 3 that answer at once, as long as `answer` makes one of a ping. */
function ring(answer: (ping: StagePing) => StagePong | undefined) {
  const clock = new VirtualClock();
  const pings: StagePing[] = [];
  const broken: { readonly reason: string; readonly atMs: number }[] = [];
  const watch = new RingWatch({
    clock,
    stages: [1, 2, 3].map(identity),
    send: (ping) => {
      pings.push(ping);
      const pong = answer(ping);
      if (pong !== undefined) watch.answered(pong);
    },
    broken: (reason) => broken.push({ reason, atMs: clock.nowMs() }),
  });
  watch.start();
  return { clock, watch, pings, broken };
}

const pong = ({ stage, sequence }: StagePing): StagePong => ({ ...identity(stage), sequence, state: 'serving' });

describe('ring watch', () => {
  test('pings every stage each 50 ms and says nothing while all answer', () => {
    const { clock, watch, pings, broken } = ring(pong);
    clock.advance(10_000);
    expect(pings).toHaveLength(3 * 201);
    expect(pings.slice(0, 4)).toEqual(
      [1, 2, 3, 1].map((stage, index) => ({ stage, epoch: 4, sequence: index < 3 ? 1 : 2 })),
    );
    expect(broken).toEqual([]);
    watch.close();
    expect(clock.pending).toBe(0);
  });

  test('breaks once, when a stage has left three pings without an answer', () => {
    const { clock, pings, broken } = ring((ping) => (ping.stage === 2 && ping.sequence > 20 ? undefined : pong(ping)));
    clock.advance(60_000);
    // Pings 21, 22 and 23 leave at 1,000, 1,050 and 1,100 ms; the last of them is missed when the next one is due.
    expect(broken).toEqual([{ reason: 'stage 2 does not answer', atMs: 1000 + ringBrokenAfterMs }]);
    expect(pings).toHaveLength(3 * 23);
    expect(clock.pending).toBe(0);
  });

  test.each([
    { name: 'two pings in a row are missed again and again', lost: ({ sequence }: StagePing) => sequence % 3 !== 0 },
    {
      name: 'one stage after the other misses two',
      lost: ({ sequence, stage }: StagePing) => sequence % 9 < 2 && stage === 3,
    },
  ])('goes on where $name', ({ lost }) => {
    const { clock, broken } = ring((ping) => (lost(ping) ? undefined : pong(ping)));
    clock.advance(20_000);
    expect(broken).toEqual([]);
  });

  test('late answers count as long as one comes in time', () => {
    const clock = new VirtualClock();
    const broken: string[] = [];
    const watch = new RingWatch({
      clock,
      stages: [identity(1)],
      send: (ping) => void clock.after(140, () => watch.answered(pong(ping))),
      broken: (reason) => broken.push(reason),
    });
    watch.start();
    clock.advance(5000);
    expect(broken).toEqual([]);
  });

  test.each([
    { name: 'an older epoch', change: { epoch: 3 }, wantReason: 'stage 2 has epoch 3, not 4' },
    { name: 'a newer epoch', change: { epoch: 5 }, wantReason: 'stage 2 has epoch 5, not 4' },
    { name: 'another program', change: { programId: 'x' }, wantReason: 'stage 2 runs another program' },
    { name: 'other hardware', change: { hardwareId: 'x' }, wantReason: 'stage 2 is on other hardware' },
    { name: 'a failure', change: { state: 'failed' }, wantReason: 'stage 2 failed' },
  ] as const)('$name breaks at once', ({ change, wantReason }) => {
    const { clock, broken } = ring((ping) => (ping.stage === 2 ? { ...pong(ping), ...change } : pong(ping)));
    clock.advance(1000);
    expect(broken).toEqual([{ reason: wantReason, atMs: 0 }]);
  });

  test('answers of stages that are not watched, or to pings that were not sent, are nothing', () => {
    const { clock, watch, broken } = ring((ping) => (ping.stage === 1 ? undefined : pong(ping)));
    watch.answered({ ...identity(9), sequence: 1, state: 'failed' });
    watch.answered({ ...identity(1), sequence: 99, state: 'serving' });
    watch.refused(9, 'has epoch 1');
    clock.advance(200);
    expect(broken).toEqual([{ reason: 'stage 1 does not answer', atMs: 150 }]);
  });

  test('a refusal breaks at once, and nothing is heard after the end', () => {
    const { clock, watch, broken } = ring(pong);
    watch.refused(3, 'has epoch 9');
    watch.refused(2, 'has epoch 9');
    watch.answered({ ...identity(1), sequence: 1, state: 'failed' });
    clock.advance(1000);
    expect(broken).toEqual([{ reason: 'stage 3 has epoch 9', atMs: 0 }]);
    const closed = ring(pong);
    closed.watch.close();
    closed.watch.refused(3, 'has epoch 9');
    expect(closed.broken).toEqual([]);
  });
});
