/** Credit: what a client is sent, and when the engine stops, is the client's decision (PROTOCOL R5). */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { limits } from '@reticle/proto/contract';
import {
  flatChain,
  flow,
  interrupt,
  modes,
  outcomes,
  start,
  startTestPlatform,
  turnOf,
  type ApiClient,
  type ConverseClient,
  type TestPlatform,
  type TokenChecker,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const TOKENS_PER_SECOND = 16_000;
/** An engine that was not scheduled makes its steps good within this much lateness (WAFER §6.1). */
const BURST_TOKENS = TOKENS_PER_SECOND / 4;
const LONG = 30_000;
const CREDIT = 100;

let platform: TestPlatform;
let client: ApiClient;

beforeAll(async () => {
  platform = await startTestPlatform({ chains: [flatChain(TOKENS_PER_SECOND)] });
  client = platform.client();
});
afterAll(() => platform[Symbol.asyncDispose]());

type Live = { readonly stream: ConverseClient; readonly checker: TokenChecker };

/** A running turn on a stream that acknowledges nothing by itself, with this much credit. */
async function live(defaultCreditTokens: number, tokens = LONG): Promise<Live> {
  const { stream } = await client.open({ defaultCreditTokens }, { acknowledges: false });
  const turn = turnOf('t1', tokens);
  const checker = stream.check('t1', platform.oracle().turn(turn));
  stream.send(start(turn));
  return { stream, checker };
}

/** Where the engine stands; the turn is over then. */
async function generated(stream: ConverseClient): Promise<number> {
  stream.send(interrupt('t1', { mode: modes.keepGenerated }));
  return (await stream.until('controlAck', ({ turnId }) => turnId === 't1')).generatedOffset;
}

/** A round trip through gateway and session: what the gateway had to send before is here when it resolves. */
async function roundTrip(stream: ConverseClient): Promise<void> {
  const seq = stream.send(interrupt('nobody'));
  await stream.until('controlAck', (ack) => ack.seq === seq);
}

describe('a client that stops acknowledging', () => {
  test.each([
    { name: 'its own credit', credit: CREDIT, want: CREDIT },
    { name: 'the default credit', credit: 0, want: limits.creditTokensDefault },
    { name: 'a credit past the ring', credit: 1_000_000, want: limits.ringTokens },
  ])('gets $name and not one token more, while the engine runs into its ring', async ({ credit, want }) => {
    const { stream, checker } = await live(credit);
    await stream.received('t1', want);
    await platform.untilIdle();
    await roundTrip(stream);
    expect(checker.position).toBe(want);
    const at = await generated(stream);
    expect(at).toBeGreaterThanOrEqual(limits.ringTokens);
    expect(at).toBeLessThanOrEqual(limits.ringTokens + BURST_TOKENS);
    expect(checker.problems).toEqual([]);
  });

  test('is served on, without gap or repeat, when it acknowledges again', async () => {
    const { stream, checker } = await live(CREDIT);
    let acked = 0;
    for (const step of [CREDIT, 1, 37, 512, 3, 4_000]) {
      await stream.received('t1', acked + CREDIT);
      acked += Math.min(step, CREDIT);
      stream.send(flow('t1', acked, CREDIT));
    }
    await stream.received('t1', acked + CREDIT);
    await roundTrip(stream);
    expect(checker.position).toBe(acked + CREDIT);
    expect(checker.problems).toEqual([]);
  });

  test('may take a long turn past the ring: the engine goes on with each acknowledgement', async () => {
    const tokens = 2 * limits.ringTokens + 500;
    const { stream, checker } = await live(limits.ringTokens, tokens);
    for (let acked = limits.ringTokens; acked < tokens; acked += 4_096) {
      await stream.received('t1', acked);
      stream.send(flow('t1', acked, limits.ringTokens));
    }
    expect(await stream.untilEnded('t1')).toMatchObject({ endOffset: tokens });
    expect(checker.faults()).toEqual([]);
  });

  test('sends credit 0: nothing more comes until it sends some', async () => {
    const { stream, checker } = await live(5_000);
    await stream.received('t1', 200);
    stream.send(flow('t1', 0, 0));
    await roundTrip(stream);
    const paused = checker.position;
    await platform.untilIdle();
    await roundTrip(stream);
    expect(checker.position).toBe(paused);
    stream.send(flow('t1', paused, 50));
    await stream.received('t1', paused + 50);
    await roundTrip(stream);
    expect(checker.position).toBe(paused + 50);
    expect(checker.problems).toEqual([]);
  });
});

describe('acknowledgements', () => {
  test('that go back are ignored, for the offset and for the credit', async () => {
    const { stream, checker } = await live(CREDIT);
    await stream.received('t1', CREDIT);
    stream.send(flow('t1', 80, CREDIT));
    await stream.received('t1', 180);
    stream.send(flow('t1', 20, 4_000));
    await roundTrip(stream);
    expect(checker.position).toBe(180);
    stream.send(interrupt('t1'));
    expect(await stream.until('controlAck', ({ turnId }) => turnId === 't1')).toMatchObject({
      outcome: outcomes.applied,
      effectiveOffset: 80,
    });
  });

  test('of a turn nobody knows change nothing', async () => {
    const { stream, checker } = await live(CREDIT);
    stream.send(flow('nobody', 4_000_000_000, 7));
    await stream.received('t1', CREDIT);
    expect(checker.problems).toEqual([]);
  });

  test('past what was sent end the stream, and nothing else', async () => {
    const neighbour = await live(CREDIT);
    const { stream } = await live(CREDIT);
    await stream.received('t1', CREDIT);
    stream.send(flow('t1', CREDIT + 1, CREDIT));
    expect(await stream.ended()).toMatchObject({ grpc: 3, code: 'ack_out_of_range' });
    await neighbour.stream.received('t1', CREDIT);
    neighbour.stream.send(flow('t1', CREDIT, CREDIT));
    await neighbour.stream.received('t1', 2 * CREDIT);
    expect(neighbour.checker.problems).toEqual([]);
  });
});

test('a client that does not read its socket is not sent more than its credit, and loses nothing', async () => {
  const { stream, checker } = await live(4_000);
  await stream.received('t1', 10);
  stream.pauseReading();
  await platform.untilIdle();
  stream.resumeReading();
  await stream.received('t1', 4_000);
  await roundTrip(stream);
  expect(checker.position).toBe(4_000);
  expect(checker.problems).toEqual([]);
});
