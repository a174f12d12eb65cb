import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '@reticle/core/process';
import { encodeFrame, FRAME_BYTES_MAX, FrameReader } from './frame.ts';
import { startStage, watchStages, type RunningStage, type StageIdentity, type StagePing } from './index.ts';
import { answerOf, pingOf } from './message.ts';

const identity = (stage: number): StageIdentity => ({
  stage,
  programId: `p${stage}`,
  hardwareId: `h${stage}`,
  epoch: 4,
});
const host = '127.0.0.1';
const pingMs = 20;

/** Stages 1 and 2 on real sockets, and the leader's watch of them. */
async function chain(change: Partial<StageIdentity> = {}) {
  const refused: StagePing[] = [];
  const onRefused = (ping: StagePing) => refused.push(ping);
  const stages = await Promise.all(
    [1, 2].map((stage) =>
      startStage({ identity: { ...identity(stage), ...(stage === 2 ? change : {}) }, host, onRefused }),
    ),
  );
  const close = () => Promise.all(stages.map((stage) => stage.close()));
  const watched = stages.map(({ port }, index) => ({ ...identity(index + 1), host, port }));
  const [first, second] = stages as [RunningStage, RunningStage];
  return { first, second, watched, refused, close };
}

describe('a chain of processes', () => {
  test.each([
    {
      name: 'a stage that dies',
      act: (stage: RunningStage) => void stage.close(),
      wantReason: 'stage 2 does not answer',
    },
    { name: 'a stage that fails', act: (stage: RunningStage) => stage.fail(), wantReason: 'stage 2 failed' },
  ])('$name breaks it once', async ({ act, wantReason }) => {
    const { second, watched, close } = await chain();
    const reasons: string[] = [];
    const broken = new Promise<void>((resolve, reject) => {
      const onBroken = (reason: string) => {
        reasons.push(reason);
        resolve();
      };
      watchStages({ clock: systemClock, stages: watched, pingMs }, onBroken).then(() => act(second), reject);
    });
    await broken;
    expect(reasons).toEqual([wantReason]);
    await close();
  });

  test('a stage that comes back within the missed pings does not break it', async () => {
    const { second, watched, close } = await chain();
    const reasons: string[] = [];
    const watch = await watchStages({ clock: systemClock, stages: watched, pingMs: 300 }, (reason) =>
      reasons.push(reason),
    );
    await second.close();
    let asked: () => void = () => undefined;
    const again = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const back = await startStage({
      identity: {
        ...identity(2),
        get epoch() {
          asked();
          return 4;
        },
      },
      host,
      port: second.port,
    });
    await again;
    expect(reasons).toEqual([]);
    watch.close();
    await back.close();
    await close();
  });

  test.each([
    { name: 'an older epoch', change: { epoch: 3 }, wantMessage: 'stage 2 has epoch 3' },
    { name: 'a newer epoch', change: { epoch: 5 }, wantMessage: 'stage 2 has epoch 5' },
    { name: 'another place in the chain', change: { stage: 7 }, wantMessage: 'stage 2 is stage 7' },
  ])('a stage of $name refuses the leader, which does not start', async ({ change, wantMessage }) => {
    const { watched, refused, close } = await chain(change);
    const watching = watchStages({ clock: systemClock, stages: watched, pingMs }, () => undefined);
    await expect(watching).rejects.toMatchObject({ code: 'epoch_stale', message: wantMessage });
    expect(refused[0]).toEqual({ sequence: 0, stage: 2, epoch: 4 });
    await close();
  });

  test('a stage that never answers stops the start in time', async () => {
    const { second, watched, close } = await chain();
    await second.close();
    const watching = watchStages(
      { clock: systemClock, stages: watched.slice(1), pingMs, startMs: 30 },
      () => undefined,
    );
    await expect(watching).rejects.toMatchObject({ code: 'internal', message: 'stage 2 did not answer in time' });
    await close();
  });

  test.each([
    { name: 'a frame that is too long', bytes: Buffer.from([0, 1, 0, 0]) },
    { name: 'a payload that is no JSON', bytes: Buffer.from([0, 0, 0, 1, 0x7b]) },
    { name: 'a message that is no ping', bytes: encodeFrame({ sequence: -1, stage: 2, epoch: 4 }) },
  ])('$name ends that connection and no other', async ({ bytes }) => {
    const { second, watched, close } = await chain();
    const reasons: string[] = [];
    const watch = await watchStages({ clock: systemClock, stages: watched }, (reason) => reasons.push(reason));
    const socket = connect({ host, port: second.port });
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.on('error', () => undefined);
      socket.write(bytes);
    });
    expect(reasons).toEqual([]);
    watch.close();
    await close();
  });
});

describe('frames', () => {
  test('come out whole, however they are cut', () => {
    const bytes = Buffer.concat([encodeFrame({ a: 1 }), encodeFrame('é'), encodeFrame([2, null])]);
    for (let size = 1; size <= bytes.length; size += 1) {
      const reader = new FrameReader();
      const values: unknown[] = [];
      for (let at = 0; at < bytes.length; at += size) values.push(...reader.read(bytes.subarray(at, at + size)));
      expect(values).toEqual([{ a: 1 }, 'é', [2, null]]);
    }
  });

  test('past the bound, or not JSON, are refused', () => {
    const long = Buffer.alloc(4);
    long.writeUInt32BE(FRAME_BYTES_MAX + 1);
    expect(() => new FrameReader().read(long)).toThrow(expect.objectContaining({ code: 'request_too_large' }));
    expect(() => new FrameReader().read(Buffer.from([0, 0, 0, 0]))).toThrow(
      expect.objectContaining({ code: 'invalid_json' }),
    );
  });

  const ping = { sequence: 1, stage: 2, epoch: 3 };
  const pong = { sequence: 1, stage: 2, epoch: 3, programId: 'p', hardwareId: 'h', state: 'serving' };
  test.each([
    { name: 'a ping', read: pingOf, value: ping, want: ping },
    { name: 'an answer', read: answerOf, value: pong, want: pong },
    {
      name: 'a refusal',
      read: answerOf,
      value: { sequence: 1, stage: 2, refused: 'no' },
      want: { sequence: 1, stage: 2, refused: 'no' },
    },
  ])('$name is read as it was written', ({ read, value, want }) => {
    expect(read({ ...value, more: 'unknown' })).toEqual(want);
  });

  test.each([
    { name: 'null', read: pingOf, value: null },
    { name: 'a text for a number', read: pingOf, value: { ...ping, epoch: '3' } },
    { name: 'half a number', read: pingOf, value: { ...ping, stage: 0.5 } },
    { name: 'an unknown state', read: answerOf, value: { ...pong, state: 'well' } },
    { name: 'a missing program', read: answerOf, value: { ...pong, programId: undefined } },
    { name: 'a long text', read: answerOf, value: { ...pong, programId: 'p'.repeat(257) } },
  ])('$name is refused', ({ read, value }) => {
    expect(() => read(value)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});
