/** What Codex makes of a gateway that is lost, and of one without WebSocket (PROTOCOL §5.2 rows 14 to 16). */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { TcpRelay, WAIT_MS, type TestPlatform } from '../kit/index.ts';
import { AppServer } from './app-server.ts';
import { codexRuns } from './codex-rig.ts';
import { DONE, startStoryPlatform, story } from './codex-story.ts';
import { CodexTap } from './codex-tap.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const held: AsyncDisposable[] = [];
function hold<T extends AsyncDisposable>(owned: T): T {
  held.unshift(owned);
  return owned;
}
afterEach(async () => {
  for (const owned of held.splice(0)) await owned[Symbol.asyncDispose]();
});

const portOf = (platform: TestPlatform, gateway: number): number => Number(new URL(platform.httpOf(gateway)).port);

describe.each(codexRuns)('codex $version over $transport', (run) => {
  test('row 14: a gateway that is lost in the middle of an answer: it goes on by itself, and the answer is whole', async () => {
    const platform = hold(await startStoryPlatform({ gateways: 2 }));
    const relay = hold(await TcpRelay.start(portOf(platform, 0)));
    const codex = hold(await AppServer.start(run, { base: `http://${relay.address}`, key: platform.keyOf('acme') }));
    await codex.begin('tell a story');
    await codex.until('item/agentMessage/delta');
    relay.target = portOf(platform, 1);
    relay.cut();
    const { status, texts } = await codex.ended();
    expect([status, texts]).toEqual(['completed', [story]]);
    await codex.begin('Hi');
    expect(await codex.ended()).toMatchObject({ status: 'completed', texts: [DONE] });
    expect(codex.warmth).toBeGreaterThan(0.95);
  });

  test('an engine that is lost in the middle of an answer: the answer goes on, and it has nothing to do', async () => {
    const platform = hold(await startStoryPlatform());
    const tap = hold(await CodexTap.start(platform.httpOf()));
    const codex = hold(await AppServer.start(run, { base: tap.base, key: platform.keyOf('acme') }));
    await codex.begin('tell a story');
    await codex.until('item/agentMessage/delta');
    const [engine] = platform.engines;
    await platform.addEngine();
    engine?.lose();
    expect(await codex.ended()).toEqual({ status: 'completed', error: '', texts: [story] });
    expect(tap.turns).toHaveLength(1);
    await codex.begin('Hi');
    expect(await codex.ended()).toMatchObject({ status: 'completed', texts: [DONE] });
    expect(codex.warmth).toBeGreaterThan(0.95);
  });
});

describe.each(codexRuns.filter(({ supportsWebSockets }) => supportsWebSockets))('codex $version', (run) => {
  test('row 15: a gateway that drains ends the answer first and the socket then; the next turn is on another one', async () => {
    const platform = hold(await startStoryPlatform({ gateways: 2 }));
    const relay = hold(await TcpRelay.start(portOf(platform, 0)));
    const tap = hold(await CodexTap.start(`http://${relay.address}`));
    const codex = hold(await AppServer.start(run, { base: tap.base, key: platform.keyOf('acme') }));
    await codex.begin('tell a story');
    await codex.until('item/agentMessage/delta');
    relay.target = portOf(platform, 1);
    const drained = platform.gateways[0]?.close(WAIT_MS);
    expect(await codex.ended()).toMatchObject({ status: 'completed', texts: [story] });
    await drained;
    await codex.begin('Hi');
    expect(await codex.ended()).toMatchObject({ status: 'completed', texts: [DONE] });
    expect(tap.turns.map(({ socket }) => socket)).toEqual([0, 1]);
  });

  test('row 15: a session that is gone: it sends everything again on another socket, and says nothing', async () => {
    const platform = hold(await startStoryPlatform());
    const tap = hold(await CodexTap.start(platform.httpOf()));
    const codex = hold(await AppServer.start(run, { base: tap.base, key: platform.keyOf('acme') }));
    await codex.begin('Hi');
    await codex.ended();
    await platform.client().ask('CloseSession', { sessionId: tap.sessionId });
    await codex.begin('Hi again');
    expect(await codex.ended()).toEqual({ status: 'completed', error: '', texts: [DONE] });
    expect(tap.told.filter((type) => type === 'error')).toHaveLength(1);
    const [, missed, whole] = tap.turns.map(({ socket, body }) => [socket, 'previous_response_id' in body]);
    expect([missed, whole]).toEqual([
      [0, true],
      [1, false],
    ]);
  });

  test('row 16: where WebSocket is switched off it takes SSE, and says nothing', async () => {
    const platform = hold(await startStoryPlatform({ webSockets: false }));
    const tap = hold(await CodexTap.start(platform.httpOf()));
    const codex = hold(await AppServer.start(run, { base: tap.base, key: platform.keyOf('acme') }));
    for (const asks of ['Hi', 'Hi again']) {
      await codex.begin(asks);
      expect(await codex.ended()).toEqual({ status: 'completed', error: '', texts: [DONE] });
    }
    expect(codex.warmth).toBeGreaterThan(0.95);
    expect(tap.asked.map(({ transport }) => transport)).toEqual(['http', 'http']);
    expect(codex.notices.filter(({ method }) => method === 'error')).toEqual([]);
  });
});
