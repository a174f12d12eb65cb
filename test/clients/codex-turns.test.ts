/** Codex in the hands of an editor, through its app-server: turns, steers and Esc (PROTOCOL §5.2 rows 3 to 8, §5.3). */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Tenant, TestPlatform } from '../kit/index.ts';
import { AppServer } from './app-server.ts';
import { codexRuns } from './codex-rig.ts';
import { DONE, startStoryPlatform, story } from './codex-story.ts';
import { CodexTap, type Asked } from './codex-tap.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const WARM = 0.95;

let platform: TestPlatform;
let tap: CodexTap;
let codex: AppServer | undefined;

beforeAll(async () => {
  platform = await startStoryPlatform({ access: { tenants: [], keepsPartial: ['globex'] } });
});
afterAll(() => platform[Symbol.asyncDispose]());
beforeEach(async () => {
  tap = await CodexTap.start(platform.httpOf());
});
afterEach(async () => {
  await codex?.[Symbol.asyncDispose]();
  codex = undefined;
  await tap[Symbol.asyncDispose]();
});

const items = ({ body }: Asked): readonly unknown[] => body['input'] as readonly unknown[];

describe.each(codexRuns)('codex $version over $transport', (run) => {
  const start = async (isLite = true): Promise<AppServer> =>
    (codex = await AppServer.start(run, { base: tap.base, key: platform.keyOf('acme') }, isLite));

  test('rows 4 and 5: the next turn and the next trip of a tool are warm', async () => {
    const server = await start();
    await server.begin('Hi');
    expect(await server.ended()).toEqual({ status: 'completed', error: '', texts: [DONE] });
    await server.begin('look around');
    expect(await server.ended()).toEqual({ status: 'completed', error: '', texts: [DONE] });
    expect(server.warmth).toBeGreaterThan(WARM);
    expect(tap.turns.map(({ body }) => body['parallel_tool_calls'])).toEqual([false, false, false]);
    const turns = tap.turns.map((asked) => [
      asked.transport,
      items(asked).length,
      'previous_response_id' in asked.body,
    ]);
    if (run.supportsWebSockets) {
      expect(tap.asked[0]?.body).toMatchObject({ generate: false, input: [] });
      expect(turns).toEqual([
        ['socket', 4, true],
        ['socket', 1, true],
        ['socket', 1, true],
      ]);
    } else {
      expect(turns).toEqual([
        ['http', 4, false],
        ['http', 6, false],
        ['http', 9, false],
      ]);
    }
  });

  test('row 2: two calls of one answer run, and both outputs come back', async () => {
    // With the catalog Codex asks for one call at a time.
    const server = await start(false);
    await server.begin('look twice');
    expect(await server.ended()).toMatchObject({ status: 'completed', texts: [DONE] });
    expect(server.commands).toEqual(['ls', 'pwd']);
    const outputs = items(tap.turns.at(-1) as Asked).filter(
      (item) => (item as { type: string }).type === 'function_call_output',
    );
    expect(outputs).toHaveLength(2);
    expect(server.warmth).toBeGreaterThan(WARM);
  });

  test('row 6: what is said meanwhile ends the answer, and the next one is warm', async () => {
    const server = await start();
    const turn = await server.begin('tell a long story');
    await server.until('item/agentMessage/delta');
    await server.steer(turn, 'stop it');
    expect(await server.ended()).toEqual({ status: 'completed', error: '', texts: [DONE] });
    expect(server.warmth).toBeGreaterThan(WARM);
    const [told, steered] = tap.turns;
    if (run.supportsWebSockets) {
      const interrupt = { type: 'response.interrupt', mode: 'discard_partial_items' };
      expect(tap.asked.at(-2)).toMatchObject({ socket: told?.socket, body: interrupt });
      expect(tap.asked.at(-1)).toMatchObject({ socket: told?.socket, body: { input: [{ role: 'user' }] } });
    } else expect(items(steered as Asked)).toHaveLength(items(told as Asked).length + 1);
    expect(tap.turns).toHaveLength(2);
    await platform.untilIdle();
  });

  test('row 7: Esc ends the answer, and the next turn is warm', async () => {
    const server = await start();
    const turn = await server.begin('tell a long story');
    await server.until('item/agentMessage/delta');
    await server.interrupt(turn);
    expect(await server.ended()).toEqual({ status: 'interrupted', error: '', texts: [] });
    await platform.untilIdle();
    await server.begin('Hi');
    expect(await server.ended()).toEqual({ status: 'completed', error: '', texts: [DONE] });
    expect(server.warmth).toBeGreaterThan(WARM);
    const [told, next] = tap.turns;
    expect(next?.body['previous_response_id']).toBeUndefined();
    expect(next?.socket).toBe(run.supportsWebSockets ? (told?.socket ?? 0) + 1 : -1);
  });

  test('row 3: without the catalog every trip brings the tools, and is warm', async () => {
    const server = await start(false);
    const turn = await server.begin('tell a story');
    await server.until('item/agentMessage/delta');
    await server.steer(turn, 'and now?');
    const { status, texts } = await server.ended();
    // Over WebSocket it waits for the end of the answer; over SSE it closes the stream.
    expect([status, texts]).toEqual(['completed', run.supportsWebSockets ? [story, DONE] : [DONE]]);
    expect(server.warmth).toBeGreaterThan(WARM);
    expect(tap.asked.some(({ body }) => body['type'] === 'response.interrupt')).toBe(false);
    expect(tap.turns.every(({ body }) => (body['tools'] as readonly unknown[]).length > 0)).toBe(true);
  });
});

describe.each(codexRuns.filter(({ supportsWebSockets }) => supportsWebSockets))('codex $version', (run) => {
  const start = async (tenant: Tenant): Promise<AppServer> =>
    (codex = await AppServer.start(run, { base: tap.base, key: platform.keyOf(tenant) }));

  test('§5.3: where the tenant keeps partial answers, Codex keeps what it has and goes on from it', async () => {
    const server = await start('globex');
    const turn = await server.begin('tell a long story');
    await server.until('item/agentMessage/delta');
    await server.steer(turn, 'stop it');
    const { status, texts } = await server.ended();
    const [partial = '', answer] = texts;
    expect([status, answer]).toEqual(['completed', DONE]);
    expect(partial.length).toBeGreaterThan(0);
    expect(story.startsWith(partial.slice(0, story.length))).toBe(true);
    expect(server.warmth).toBeGreaterThan(WARM);
    expect(items(tap.turns.at(-1) as Asked)).toHaveLength(1);
    const next = await server.begin('tell a long story');
    await server.until('item/agentMessage/delta');
    await server.interrupt(next);
    await server.ended();
    await server.begin('Hi');
    expect(await server.ended()).toMatchObject({ status: 'completed', texts: [DONE] });
    expect(server.warmth).toBeGreaterThan(WARM);
    expect(JSON.stringify(tap.turns.at(-1)?.body)).toContain(partial.trim());
  });

  test('row 8: an interrupt that comes after the end of its answer changes nothing', async () => {
    tap.holdsInterrupts = true;
    const server = await start('acme');
    const turn = await server.begin('tell a story');
    await server.until('item/agentMessage/delta');
    await server.steer(turn, 'and now?');
    expect(await server.ended()).toEqual({ status: 'completed', error: '', texts: [story, DONE] });
    expect(tap.told.filter((type) => type.startsWith('response.interrupt'))).toEqual(['response.interrupt.failed']);
    expect(tap.turns.map(({ socket }) => socket)).toEqual([0, 0]);
  });
});
