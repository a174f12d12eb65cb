/** A client that resets 10,000 streams, and its neighbours (PROMISES §5.4, P10). */
import { once } from 'node:events';
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { GrpcStatus } from '@reticle/proto/contract';
import { flatChain, start, startTestPlatform, turnOf, type ApiClient, type TestPlatform } from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const RESETS = 10_000;
/** Opened and reset together; below the 100 that a connection may have open. */
const BATCH = 50;
const NEIGHBOURS = 5;
const TURN = turnOf('t1', 60_000);

let platform: TestPlatform;
let client: ApiClient;

beforeAll(async () => {
  platform = await startTestPlatform({ chains: [flatChain(1_000)] });
  client = platform.client();
});
afterAll(() => platform[Symbol.asyncDispose]());

/** One connection's resets, until the gateway sends its client elsewhere. Returns how many. */
async function resetUntilGoaway(session: ClientHttp2Session, authorization: string): Promise<number> {
  let recycled = false;
  let resets = 0;
  session.on('goaway', (code) => {
    expect(code).toBe(constants.NGHTTP2_NO_ERROR);
    recycled = true;
  });
  const call = (method: string): ClientHttp2Stream => {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/reticle.session.v1.SessionService/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization,
    });
    return stream.on('error', () => {});
  };
  const roundTrip = (): Promise<void> => new Promise((resolve) => session.ping(() => resolve()));
  const survivor = call('GetSession');
  while (!recycled) {
    const batch = Array.from({ length: BATCH }, () => call('Converse'));
    // A stream that the gateway has not seen is not reset by a frame.
    await roundTrip();
    for (const stream of batch) stream.close(constants.NGHTTP2_CANCEL);
    await roundTrip();
    resets += batch.length;
  }
  // The connection is going away; what was open on it is answered, here to a request that names no session.
  const answered = once(survivor, 'response');
  survivor.end(Buffer.alloc(5));
  expect((await answered)[0]['grpc-status']).toBe(String(GrpcStatus.INVALID_ARGUMENT));
  return resets;
}

describe('a client that resets 10,000 streams', () => {
  test('is sent to fresh connections, and nobody beside it misses a token', async () => {
    const neighbours = await Promise.all(
      Array.from({ length: NEIGHBOURS }, async (_, index) => {
        const { stream } = await platform.client().open();
        const turn = { ...TURN, turnId: `t${index}` };
        const checker = stream.check(turn.turnId, platform.oracle().turn(turn));
        stream.send(start(turn));
        await stream.received(turn.turnId, 1);
        return { stream, checker, turnId: turn.turnId };
      }),
    );
    const [authorization] = client.metadata().get('authorization');
    let resets = 0;
    while (resets < RESETS) {
      const session = connect(`http://127.0.0.1:${platform.gateways[0]?.port}`);
      session.on('error', () => {});
      await once(session, 'connect');
      resets += await resetUntilGoaway(session, String(authorization));
      session.destroy();
      for (const { stream, checker, turnId } of neighbours) {
        // Everybody goes on.
        await stream.received(turnId, checker.position + 1);
        expect(checker.problems).toEqual([]);
      }
    }
    expect(resets).toBeGreaterThanOrEqual(RESETS);
  });
});
