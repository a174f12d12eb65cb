/** Coming back to a session after a lost socket, and reading along (PROTOCOL R6, R7, §7). */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { seededRandom } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';
import {
  flatChain,
  interrupt,
  modes,
  outcomes,
  randomId,
  ResponseLog,
  start,
  startTestPlatform,
  statuses,
  TcpRelay,
  TEST_REGION,
  TokenChecker,
  turnOf,
  type ApiClient,
  type ConverseClient,
  type GetSessionResponse,
  type OracleTurn,
  type TestPlatform,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const UNAVAILABLE = 14;

let platform: TestPlatform;
let client: ApiClient;

beforeAll(async () => {
  const fast = flatChain(16_000, { servedName: 'fast' });
  platform = await startTestPlatform({ chains: [flatChain(2_000), fast] });
  client = platform.client();
});
afterAll(() => platform[Symbol.asyncDispose]());

type Live = {
  readonly stream: ConverseClient;
  readonly sessionId: string;
  readonly resumeToken: string;
  readonly oracle: OracleTurn;
  readonly checker: TokenChecker;
};

async function live(offset: number, tokens = 3_000, from = client): Promise<Live> {
  const { stream, sessionId } = await from.open();
  const turn = turnOf('t1', tokens);
  const oracle = platform.oracle().turn(turn);
  const checker = stream.check('t1', oracle);
  stream.send(start(turn));
  const { resumeToken } = await stream.until('turnStarted');
  await stream.received('t1', offset);
  return { stream, sessionId, resumeToken, oracle, checker };
}

/** Attaches again and follows the turn from `nextOffset` with the checker of the first attachment. */
async function resume({ resumeToken, checker }: Live, nextOffset: number, from = client) {
  const { stream, attached } = await from.attach({ resumeToken, cursors: [{ turnId: 't1', nextOffset }] });
  checker.resumeAt(nextOffset);
  // What came with Attached, before the checker listened.
  for (const entry of stream.log.entries) checker.feed(entry);
  stream.follow(checker);
  return { stream, attached };
}

const codeOf = async (stream: ConverseClient) => {
  const { grpc, code } = await stream.ended();
  return { grpc, code };
};

describe('a socket that is lost', () => {
  test('at random points, and the turn goes on from where the client stands, or behind it', async () => {
    const random = seededRandom(5);
    await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const relay = await TcpRelay.start(platform.port);
        const lossy = platform.client({ address: relay.address });
        const first = await live(1 + Math.floor(random.unit() * 500), 1_500, lossy);
        relay.cut();
        expect((await first.stream.ended()).grpc).toBe(UNAVAILABLE);
        await relay[Symbol.asyncDispose]();
        const { position } = first.checker;
        const next = index % 2 === 0 ? position : Math.floor(position * random.unit());
        const { stream, attached } = await resume(first, next);
        expect(attached.replay).toMatchObject([{ turnId: 't1', nextOffset: next }]);
        expect(await stream.untilEnded('t1')).toMatchObject({ endOffset: 1_500, status: statuses.incomplete });
        expect(first.checker.faults()).toEqual([]);
        expect(stream.log.all('turnStarted')).toEqual([]);
      }),
    );
  });

  test('again and again within one turn', async () => {
    const first = await live(50, 2_500);
    let { stream, checker } = first;
    let resumeToken = first.resumeToken;
    for (let round = 0; round < 10; round += 1) {
      stream.drop();
      const again = await resume({ ...first, resumeToken }, checker.position);
      ({ stream } = again);
      resumeToken = again.attached.resumeToken;
      await stream.received('t1', checker.position + 40);
    }
    await stream.untilEnded('t1');
    expect(checker.faults()).toEqual([]);
  });

  test('after the grace the turn is paused, and goes on exactly when the client comes back', async () => {
    const tokens = 6_000;
    const first = await live(100, tokens);
    first.stream.drop();
    const { position } = first.checker;
    await platform.untilIdle();
    // Without the pause it would have ended a second after the grace.
    const { liveTurns } = await client.ask<GetSessionResponse>('GetSession', { sessionId: first.sessionId });
    expect(liveTurns).toMatchObject([{ turnId: 't1' }]);
    const { stream, attached } = await resume(first, position);
    expect(attached.replay).toMatchObject([{ nextOffset: position }]);
    expect(await stream.untilEnded('t1')).toMatchObject({ endOffset: tokens });
    expect(first.checker.faults()).toEqual([]);
  });

  test('a turn that ended meanwhile is owed its tokens and its one terminal', async () => {
    const first = await live(20, 700);
    first.stream.drop();
    const { position } = first.checker;
    await platform.untilIdle();
    const { stream } = await resume(first, position);
    expect(await stream.untilEnded('t1')).toMatchObject({ endOffset: 700 });
    expect(first.checker.faults()).toEqual([]);
  });

  test('without a cursor a live turn is told from the oldest token that is kept', async () => {
    const { stream: lost, resumeToken, oracle, checker } = await live(90, 600);
    lost.drop();
    const { stream, attached } = await client.attach({ resumeToken });
    expect(attached.replay).toMatchObject([{ turnId: 't1', nextOffset: 0 }]);
    await stream.untilEnded('t1');
    const again = new TokenChecker('t1', oracle);
    for (const entry of stream.log.entries) again.feed(entry);
    expect([checker.problems, again.faults()]).toEqual([[], []]);
  });
});

describe('a cursor outside what is kept', () => {
  test('before it: resume_window_exceeded with the oldest offset, from where it works', async () => {
    const total = limits.ringTokens + 3_000;
    const fast = platform.client({ model: 'fast' });
    const first = await live(total - 500, total, fast);
    await first.stream.untilEnded('t1');
    expect(first.checker.faults()).toEqual([]);
    first.stream.drop();
    const early = fast.converse();
    early.write({ seq: 0, attach: { resumeToken: first.resumeToken, cursors: [{ turnId: 't1', nextOffset: 7 }] } });
    const refused = await early.ended();
    expect(refused).toMatchObject({ grpc: 11, code: 'resume_window_exceeded' });
    const oldest = Number(refused.facts['oldest_offset']);
    expect(oldest).toBeGreaterThan(7);
    expect(oldest).toBeLessThanOrEqual(total - limits.ringTokens);
    const { stream } = await resume(first, oldest, fast);
    expect(await stream.untilEnded('t1')).toMatchObject({ endOffset: total });
    expect(first.checker.faults()).toEqual([]);
  });

  test('past what was generated: value_out_of_range, and the attachment before lives on', async () => {
    const { stream, resumeToken, checker } = await live(30);
    const far = client.converse();
    far.write({ seq: 0, attach: { resumeToken, cursors: [{ turnId: 't1', nextOffset: 1_000_000 }] } });
    expect(await codeOf(far)).toEqual({ grpc: 3, code: 'value_out_of_range' });
    await stream.received('t1', checker.position + 50);
    expect(checker.problems).toEqual([]);
  });
});

describe('holders and epochs', () => {
  test('a new attachment ends the older one and raises the epoch', async () => {
    const first = await live(40);
    const { position } = first.checker;
    const { stream, attached } = await resume(first, position);
    expect(await codeOf(first.stream)).toEqual({ grpc: 10, code: 'epoch_stale' });
    const before = first.stream.log.all('attached')[0]?.session?.epoch ?? 0;
    expect(attached.session?.epoch).toBeGreaterThan(before);
    await stream.received('t1', position + 50);
    expect(first.checker.problems).toEqual([]);
  });

  test('a session id alone makes a new holder: numbers start again, the old token is stale', async () => {
    const { sessionId, resumeToken } = await live(40);
    const { stream, attached } = await client.attach({ sessionId, cursors: [{ turnId: 't1', nextOffset: 10 }] });
    expect(attached.lastAppliedSeq).toBe(0);
    stream.send(interrupt('t1', { mode: modes.keepGenerated }));
    expect(await stream.until('controlAck')).toMatchObject({ seq: 1, outcome: outcomes.applied });
    const old = client.converse();
    old.write({ seq: 0, attach: { resumeToken } });
    expect(await codeOf(old)).toEqual({ grpc: 10, code: 'epoch_stale' });
  });

  test('the holder’s first token is good at any later epoch', async () => {
    const first = await live(30);
    await resume(first, first.checker.position);
    const { stream } = await resume(first, first.checker.position);
    await stream.received('t1', first.checker.position + 30);
    expect(first.checker.problems).toEqual([]);
  });

  test('what was lost on the way is sent again above last_applied_seq, and happens once', async () => {
    const first = await live(60);
    const { stream: lost, checker } = first;
    const signalId = randomId();
    const control = interrupt('t1', { mode: modes.keepThroughOffset, keepThroughOffset: 50, signalId });
    const next = turnOf('t2', 30, { parentTurnId: '' });
    const sent = new Map([
      [lost.send(control), control],
      [lost.send(start(next)), start(next)],
    ]);
    lost.drop();
    const { stream, attached } = await resume(first, checker.position);
    expect(attached.lastAppliedSeq).toBeLessThanOrEqual(lost.seq);
    // What was applied is a repeat and a no-op; the rest takes effect now.
    for (const [seq, command] of sent) stream.resend(seq, command);
    expect(await stream.untilEnded('t1')).toMatchObject({ endOffset: 50, status: statuses.interrupted });
    await stream.untilEnded('t2');
    expect(
      stream.log
        .all('turnEnded')
        .map(({ turnId }) => turnId)
        .toSorted(),
    ).toEqual(['t1', 't2']);
    expect(checker.faults()).toEqual([]);
  });

  test('a number that was applied changes nothing; one that leaves a gap ends the stream alone', async () => {
    const { stream, sessionId, checker } = await live(20);
    stream.write({ ...interrupt('t1', { mode: modes.keepGenerated }), seq: stream.seq });
    await stream.received('t1', checker.position + 50);
    stream.write({ ...interrupt('t1'), seq: stream.seq + 2 });
    expect(await codeOf(stream)).toEqual({ grpc: 3, code: 'invalid_request' });
    const { liveTurns } = await client.ask<GetSessionResponse>('GetSession', { sessionId });
    expect(liveTurns).toMatchObject([{ turnId: 't1' }]);
    expect(checker.problems).toEqual([]);
  });
});

describe('a resume token', () => {
  test.each([
    { name: 'of another tenant', tenant: 'globex', change: (t: string) => t, want: [5, 'session_not_found'] },
    { name: 'with one character changed', change: flipped, want: [16, 'invalid_resume_token'] },
    { name: 'that is no token', change: () => 'rtr1', want: [16, 'invalid_resume_token'] },
    { name: 'of 513 characters', change: () => 'r'.repeat(513), want: [16, 'invalid_resume_token'] },
    {
      name: 'of an unknown key',
      change: (t: string) => t.replace('.k1.', '.k2.'),
      want: [16, 'invalid_resume_token'],
    },
    {
      name: 'of another region',
      change: (t: string) => t.replace(TEST_REGION, 'else-1'),
      want: [7, 'residency_violation'],
    },
  ] as const)('$name is refused, also for ReplayTurn and SignalTurn', async ({ change, want, ...more }) => {
    const { stream, resumeToken, checker } = await live(20);
    const from = platform.client('tenant' in more ? { tenant: more.tenant } : {});
    const bad = change(resumeToken);
    const attach = from.converse();
    attach.write({ seq: 0, attach: { resumeToken: bad } });
    const [grpc, code] = want;
    const refused = await attach.ended();
    expect(refused).toMatchObject({ grpc, code });
    expect(await from.replay({ resumeToken: bad, turnId: 't1' }).ended()).toMatchObject({ grpc, code });
    const signal = { resumeToken: bad, interrupt: { turnId: 't1' } };
    expect(await from.call('SignalTurn', signal)).toMatchObject({ grpc, code });
    expect(refused.message).not.toContain(bad.slice(-20));
    await stream.received('t1', checker.position + 20);
    expect(checker.problems).toEqual([]);
  });
});

function flipped(token: string): string {
  const at = token.length - 30;
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
}

describe('ReplayTurn', () => {
  const read = async ({ sessionId, oracle }: Live, nextOffset: number) => {
    const log = client.replay({ sessionId, turnId: 't1', nextOffset });
    const checker = new TokenChecker('t1', oracle);
    if (nextOffset > 0) checker.resumeAt(nextOffset);
    return { log, checker };
  };
  const feed = (log: ResponseLog, checker: TokenChecker): void => log.entries.forEach((entry) => checker.feed(entry));

  test('from past offsets follows the live turn to its end, and owns nothing', async () => {
    const first = await live(100, 1_200);
    const readers = await Promise.all([0, 1, 50, 100].map((offset) => read(first, offset)));
    const left = await read(first, 0);
    await left.log.until('tokenFrame');
    await first.stream.untilEnded('t1');
    for (const { log, checker } of readers) {
      expect(await log.ended()).toMatchObject({ grpc: 0 });
      feed(log, checker);
      expect(checker.faults()).toEqual([]);
      expect(checker.position).toBe(1_200);
    }
    expect(first.checker.faults()).toEqual([]);
    const { session } = await client.ask<GetSessionResponse>('GetSession', { sessionId: first.sessionId });
    expect(session?.epoch).toBe(first.stream.log.all('attached')[0]?.session?.epoch);
  });

  test('of an ended turn tells it again, from any offset to the terminal', async () => {
    const first = await live(10, 300);
    await first.stream.untilEnded('t1');
    for (const offset of [0, 123, 300]) {
      const { log, checker } = await read(first, offset);
      expect(await log.ended()).toMatchObject({ grpc: 0 });
      feed(log, checker);
      expect(checker.faults()).toEqual([]);
      expect(checker.terminal).toEqual(first.checker.terminal);
    }
  });

  test('of a cut turn ends at E', async () => {
    const first = await live(200);
    first.stream.send(interrupt('t1', { mode: modes.keepThroughOffset, keepThroughOffset: 90 }));
    await first.stream.untilEnded('t1');
    const { log, checker } = await read(first, 0);
    await log.ended();
    feed(log, checker);
    expect(checker.faults()).toEqual([]);
    expect(checker.position).toBe(90);
  });

  test.each([
    { name: 'an unknown turn', request: { turnId: 'nobody' }, want: { grpc: 5, code: 'turn_not_found' } },
    { name: 'a future offset', request: { nextOffset: 100_000 }, want: { grpc: 3, code: 'value_out_of_range' } },
    { name: 'an unknown session', request: { sessionId: randomId() }, want: { grpc: 5, code: 'session_not_found' } },
  ])('$name is refused', async ({ request, want }) => {
    const { sessionId } = await live(5);
    expect(await client.replay({ sessionId, turnId: 't1', ...request }).ended()).toMatchObject(want);
  });
});
