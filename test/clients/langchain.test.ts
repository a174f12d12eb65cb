/** LangChain's chat model for OpenAI, unmodified, over both surfaces that it can speak (PROTOCOL §4). */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { TestPlatform } from '../kit/index.ts';
import { runClient, startClientPlatform } from './client-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startClientPlatform();
});
afterAll(() => platform[Symbol.asyncDispose]());

describe.each(['chat', 'responses'])('ChatOpenAI over %s', (surface) => {
  async function call(name: string): Promise<unknown> {
    const program = join(import.meta.dirname, 'langchain-calls.mjs');
    const variables = { OPENAI_BASE_URL: `${platform.httpOf()}/v1`, OPENAI_API_KEY: platform.keyOf('acme') };
    const { stdout, stderr } = await runClient([process.execPath, program, name, surface], variables);
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout);
  }

  test('an answer, with its usage', async () => {
    expect(await call('invoke')).toEqual({ said: true, usage: [true, 60] });
  });

  test('a stream whose pieces are the answer', async () => {
    const streamed = (await call('stream')) as { pieces: number };
    expect(streamed).toMatchObject({ same: true, tokens: 60 });
    expect(streamed.pieces).toBeGreaterThan(2);
  });

  test('a tool that the model calls, and the answer to its output', async () => {
    expect(await call('tools')).toEqual({ called: ['exec_command', { cmd: 'ls' }], answered: true });
  });

  test('a refusal has its status and code', async () => {
    expect(await call('refusal')).toEqual([404, 'model_not_found']);
  });
});
