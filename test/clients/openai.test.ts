/** The OpenAI SDK for JavaScript, unmodified, over real sockets (PROTOCOL §4). */
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

async function call(name: string): Promise<unknown> {
  const variables = { OPENAI_BASE_URL: `${platform.httpOf()}/v1`, OPENAI_API_KEY: platform.keyOf('acme') };
  const { stdout, stderr } = await runClient(
    [process.execPath, join(import.meta.dirname, 'openai-calls.mjs'), name],
    variables,
  );
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

describe('openai for JavaScript', () => {
  test('lists the models', async () => {
    expect(await call('models')).toEqual(['spark']);
  });

  test('an answer as one object, with its usage', async () => {
    expect(await call('create')).toMatchObject({ status: 'incomplete', usage: { output_tokens: 60 } });
  });

  test('a stream whose deltas are the answer', async () => {
    expect(await call('stream')).toMatchObject({ same: true });
  });

  test('its strict reader takes a stream up again at a sequence number', async () => {
    expect(await call('resume')).toEqual({ ends: true, same: true });
  });

  test('a conversation goes on from what is cached', async () => {
    const { prompt, cached } = (await call('continue')) as { prompt: number; cached: number };
    expect(cached).toBeGreaterThan(prompt - 128);
  });

  test('an aborted stream ends its turn', async () => {
    expect(await call('abort')).toBe(true);
    await platform.untilIdle();
  });

  test('an answer that keeps a JSON schema', async () => {
    expect(await call('schema')).toEqual({ status: 'completed', keys: ['name', 'count'] });
  });

  test('a function that the model calls, and the answer to its output', async () => {
    expect(await call('tools')).toEqual({ called: ['exec_command', { cmd: 'ls' }], answered: true });
  });

  test('its WebSocket', async () => {
    expect(await call('socket')).toEqual({ status: 'incomplete', same: true, tokens: 80 });
  });

  test('Chat: two choices of one request', async () => {
    expect(await call('chat')).toEqual({ finished: ['length', 'length'], tokens: 80 });
  });

  test('Chat: a stream with its usage', async () => {
    expect(await call('chatStream')).toMatchObject({ same: true });
  });

  test('Chat: a tool, its output and the answer', async () => {
    expect(await call('chatTools')).toEqual({
      called: { name: 'exec_command', arguments: '{"cmd":"ls"}' },
      answered: true,
    });
  });

  test("refusals are the SDK's own classes", async () => {
    expect(await call('refusals')).toEqual([
      ['NotFoundError', 404, 'model_not_found', 'model'],
      ['BadRequestError', 400, 'value_out_of_range', 'temperature'],
      ['BadRequestError', 400, 'previous_response_not_found', 'previous_response_id'],
    ]);
  });
});
