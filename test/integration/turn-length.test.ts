/** How long a turn is for which the client names no limit (WAFER §6.2). */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { flatChain, HttpClient, SocketClient, startTestPlatform, type TestPlatform } from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

/** Long enough that a person can interrupt. */
const UNLIMITED = 8_192;
const LIMIT = 100;

let platform: TestPlatform;
beforeAll(async () => {
  const engine = { tokens: 'code', length: 'natural' } as const;
  platform = await startTestPlatform({ chains: [flatChain(20_000, { servedName: 'code', engine })] });
});
afterAll(() => platform[Symbol.asyncDispose]());

async function tokensOf(body: object): Promise<number> {
  const http = new HttpClient(platform.httpOf(), platform.keyOf('acme'));
  const answer = await http.post('/v1/responses', { model: 'code', input: 'Write a queue.', ...body });
  return ((await answer.json()) as { usage: { output_tokens: number } }).usage.output_tokens;
}

describe('a turn of a model that writes code', () => {
  test('without a limit goes on for long', async () => {
    expect(await tokensOf({})).toBe(UNLIMITED);
  });

  test('with a limit ends as answers do, and never behind it', async () => {
    expect(await tokensOf({ max_output_tokens: LIMIT })).toBeLessThanOrEqual(LIMIT);
    expect(await tokensOf({ max_output_tokens: UNLIMITED - 1 })).toBeLessThan(UNLIMITED - 1);
  });

  test('without a limit ends at the same token when its engine is lost', async () => {
    await platform.addEngine();
    const socket = await SocketClient.open(platform.httpOf(), platform.keyOf('acme'));
    socket.create({ model: 'code', input: 'Write a stack.' });
    const begun = await socket.until('response.in_progress');
    await socket.until('response.output_text.delta');
    const { replica } = (begun['response'] as { reticle: { replica: string } }).reticle;
    platform.engines.find(({ engineId }) => engineId === replica)?.lose();
    expect((await socket.terminal())['response']).toMatchObject({ usage: { output_tokens: UNLIMITED } });
    socket.close();
  });
});
