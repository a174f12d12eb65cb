/** Gateway workers that share one port, as real processes that die (PERFORMANCE H12, PROTOCOL §7). */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { flatChain, start, turnOf } from '../kit/index.ts';
import { isHeldAt, RealPlatform, timesLine, type Live } from './platform-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const CLIENTS = 10;
const TOKENS = 500;
/** Tokens of every turn that have come when the worker dies. */
const OFFSET = 50;
const UNAVAILABLE = 14;
/** Far above the 2 s of PROMISES P2, which test/faults holds it to. */
const RECONNECT_MS_MAX = 8_000;

let platform: RealPlatform;

afterEach(() => platform[Symbol.asyncDispose]());

async function started(gateways: number): Promise<void> {
  platform = new RealPlatform({ chains: [{ ...flatChain(250), replicas: 2 }], gateways });
  await platform.ready();
}

/**
 * Kills a gateway and brings back those whose streams end by that; the others go on.
 * A stream that ends for another reason fails the test.
 */
async function killed(pid: number, lives: readonly Live[]) {
  process.kill(pid, 'SIGKILL');
  const killedAtMs = performance.now();
  const timesMs: number[] = [];
  const after = await Promise.all(
    lives.map(async (live) => {
      const first = await Promise.race([live.stream.ended(), live.stream.untilEnded(live.checker.turnId)]).catch(() =>
        live.stream.ended(),
      );
      if ('endOffset' in first) return { live, moved: false };
      expect(first.grpc).toBe(UNAVAILABLE);
      const back = await platform.again(live);
      timesMs.push(back.attachedAtMs - killedAtMs);
      await back.stream.untilEnded(live.checker.turnId);
      return { live: back, moved: true };
    }),
  );
  return { lives: after.map(({ live }) => live), moved: after.filter(({ moved }) => moved).length, timesMs };
}

describe('gateway workers of one port', () => {
  test('share the connections; when one dies its clients go on at the other, and at it when it is back', async () => {
    await started(2);
    const [older, ...more] = platform.pids('gateway') as [number, number];
    expect(more).toHaveLength(1);
    const lives = await spread();
    const once = await killed(more[0] as number, lives);
    process.stderr.write(timesLine('SIGKILL of a worker to Attached at the other', once.timesMs));
    expect(once.moved).toBeGreaterThan(0);
    expect(once.moved).toBeLessThan(lives.length);
    for (const { checker } of once.lives) expect(checker.faults()).toEqual([]);
    expect(Math.max(...once.timesMs)).toBeLessThan(RECONNECT_MS_MAX);
    await platform.runs('gateway', 2, more);
    await platform.told('gateway listens', 3);
    await platform.told('serving', 3);

    // The conversations go on, and the worker that was started again is the only one left to take them.
    const next = await Promise.all(once.lives.map(secondTurn));
    const twice = await killed(older, next);
    process.stderr.write(timesLine('SIGKILL of a worker to Attached at one that was started again', twice.timesMs));
    expect(twice.moved).toBeGreaterThan(0);
    for (const { checker } of twice.lives) expect(checker.faults()).toEqual([]);
    expect(Math.max(...twice.timesMs)).toBeLessThan(RECONNECT_MS_MAX);
  });

  test('a worker that is alone comes back on its port, and its clients with it', async () => {
    await started(1);
    const [pid] = platform.pids('gateway') as [number];
    const lives = await Promise.all([platform.live(TOKENS, OFFSET), platform.live(TOKENS, OFFSET)]);
    const once = await killed(pid, lives);
    process.stderr.write(timesLine('SIGKILL of the only gateway to Attached at the next', once.timesMs));
    expect(once.moved).toBe(lives.length);
    for (const { checker } of once.lives) expect(checker.faults()).toEqual([]);
    const ports = platform.progress.filter((line) => line.startsWith('gateway listens'));
    expect(new Set(ports).size).toBe(1);
  });
});

/** Sessions at both workers: the system chooses, so one more is opened while all of them are at one. */
async function spread(): Promise<Live[]> {
  const lives = await Promise.all(Array.from({ length: CLIENTS }, () => platform.live(TOKENS, OFFSET)));
  const [first] = lives as [Live];
  const isNear = ({ sessionId }: Live) => isHeldAt(first.client, sessionId);
  while ((await Promise.all(lives.map(isNear))).every(Boolean)) lives.push(await platform.live(TOKENS, OFFSET));
  return lives;
}

async function secondTurn(live: Live): Promise<Live> {
  const { stream } = live;
  const turn = turnOf('t2', TOKENS, { parentTurnId: 't1' });
  const context = platform.oracle().turn(turnOf('t1', TOKENS)).after(TOKENS);
  const checker = stream.check('t2', context.turn(turn));
  stream.send(start(turn));
  const { resumeToken } = await stream.until('turnStarted', ({ turnId }) => turnId === 't2');
  await stream.received('t2', OFFSET);
  return { ...live, resumeToken, checker };
}
