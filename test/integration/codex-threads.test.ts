/** Session keys (PROTOCOL §4.1): a Codex thread that sends its whole conversation goes on from what is warm. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  allEvents,
  deltaText,
  flatChain,
  HttpClient,
  OracleContext,
  SocketClient,
  sseEvents,
  startTestPlatform,
  type SseEvent,
  type Tenant,
  type TestPlatform,
} from '../kit/index.ts';
import { answerOf, deltas, textOf, user, userItem, type Answer } from './websocket-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const chain = flatChain(2_000, { servedName: 'single' });
const long = `a long story: ${'word '.repeat(600)}`;
const headers = { originator: 'codex_exec' };
const TOKENS = 20;

let platform: TestPlatform;
let names = 0;

beforeAll(async () => {
  platform = await startTestPlatform({ chains: [chain] });
});
afterAll(() => platform[Symbol.asyncDispose]());

type Asking = { readonly tenant?: Tenant; readonly body?: object; readonly init?: RequestInit };

/** Codex, as far as its requests go: the whole conversation each time, in a thread of its own. */
class Thread {
  readonly id = `thread-${(names += 1)}`;
  readonly platform: TestPlatform;
  history: object[] = [];

  constructor(at = platform) {
    this.platform = at;
  }

  request(more: readonly object[], body: object = {}): object {
    const client_metadata = { thread_id: this.id };
    const fields = { model: 'single', stream: true, store: false, prompt_cache_key: this.id, client_metadata };
    return { ...fields, input: [...this.history, ...more], max_output_tokens: TOKENS, ...body };
  }

  post(more: readonly object[], { tenant = 'acme', body, init = {} }: Asking = {}): Promise<Response> {
    const client = new HttpClient(this.platform.httpOf(), this.platform.keyOf(tenant));
    return client.post('/v1/responses', this.request(more, body), { headers, ...init });
  }

  async ask(more: readonly object[], asking: Asking = {}): Promise<SseEvent[]> {
    const events = await allEvents(await this.post(more, asking));
    this.keep(more, terminal(events));
    return events;
  }

  keep(more: readonly object[], { output }: Pick<Codexed, 'output'>): void {
    this.history.push(...more, ...output);
  }
}

type Codexed = Answer & { readonly output: readonly object[] };

const terminal = (events: readonly SseEvent[]): Codexed => events.at(-1)?.data['response'] as Codexed;

/** Cached part of the prompt. */
function warmth({ usage }: Answer): number {
  return usage.input_tokens_details.cached_tokens / usage.input_tokens;
}

async function socket(thread: Thread): Promise<SocketClient> {
  return SocketClient.open(platform.httpOf(), platform.keyOf('acme'), {
    headers: { ...headers, 'thread-id': thread.id },
  });
}

const root = (): OracleContext => OracleContext.root(chain);

describe('a thread over SSE', () => {
  test('row 5: its second turn is warm, and says what a conversation says', async () => {
    const thread = new Thread();
    const first = await thread.ask([user(long)]);
    expect(warmth(terminal(first))).toBe(0);
    const second = await thread.ask([user('More')]);
    expect(warmth(terminal(second))).toBeGreaterThan(0.95);
    expect(terminal(second).reticle).toMatchObject({ session_id: sessionOf(first) });
    const after = root()
      .turn({ input: [userItem(long)] })
      .after(TOKENS);
    expect(deltaText(second)).toBe(textOf(after.turn({ input: [userItem('More')] }), TOKENS));
    expect(warmth(terminal(await thread.ask([user('And more')])))).toBeGreaterThan(0.95);
  });

  test('ids and status of what comes back change nothing', async () => {
    const thread = new Thread();
    await thread.ask([user(long)]);
    thread.history = thread.history.map((item) => ({ ...item, id: 'other', status: 'completed' }));
    expect(warmth(terminal(await thread.ask([user('More')])))).toBeGreaterThan(0.95);
  });

  test('a conversation that was taken back goes on from what is left of it', async () => {
    const thread = new Thread();
    await thread.ask([user(long)]);
    const kept = [...thread.history];
    await thread.ask([user('One')]);
    thread.history = kept;
    const other = await thread.ask([user('Two')]);
    expect(warmth(terminal(other))).toBeGreaterThan(0.95);
    const after = root()
      .turn({ input: [userItem(long)] })
      .after(TOKENS);
    expect(deltaText(other)).toBe(textOf(after.turn({ input: [userItem('Two')] }), TOKENS));
  });

  test('another conversation under the same id is evaluated from its beginning', async () => {
    const thread = new Thread();
    await thread.ask([user(long)]);
    thread.history = [];
    const events = await thread.ask([user('Hi')]);
    expect(deltaText(events)).toBe(textOf(root().turn({ input: [userItem('Hi')] }), TOKENS));
    expect(warmth(terminal(events))).toBe(0);
  });

  test('other tools are another context', async () => {
    const thread = new Thread();
    await thread.ask([user(long)]);
    const tools = [{ type: 'function', name: 'look', parameters: { type: 'object', properties: {} } }];
    expect(warmth(terminal(await thread.ask([user('More')], { body: { tools } })))).toBe(0);
    expect(warmth(terminal(await thread.ask([user('More')], { body: { tools } })))).toBeGreaterThan(0.9);
  });

  test('row 6: a stream that is closed is cut, and what is sent at once is warm', async () => {
    const thread = new Thread();
    await thread.ask([user(long)]);
    const abort = new AbortController();
    const running = await thread.post([user('Tell')], {
      body: { max_output_tokens: 30_000 },
      init: { signal: abort.signal },
    });
    for await (const { type } of sseEvents(running)) if (type.endsWith('.delta')) break;
    abort.abort();
    const steered = await thread.ask([user('Tell'), user('Stop')]);
    expect(warmth(terminal(steered))).toBeGreaterThan(0.95);
    expect(terminal(steered).status).toBe('incomplete');
    await platform.untilIdle();
  });
});

describe('the state of a turn', () => {
  test('is the resume token, which others are not told under that name', async () => {
    const toCodex = await new Thread().post([user('Hi')]);
    await toCodex.text();
    expect(toCodex.headers.get('x-codex-turn-state')).toMatch(/^rtr1\./);
    expect(toCodex.headers.get('x-codex-turn-state')).toBe(toCodex.headers.get('x-reticle-resume-token'));
    const toOthers = await new Thread().post([user('Hi')], { init: { headers: { originator: 'other' } } });
    await toOthers.text();
    expect(toOthers.headers.get('x-codex-turn-state')).toBeNull();
  });
});

describe('whose thread it is', () => {
  test('a key is no key of another tenant', async () => {
    const thread = new Thread();
    const first = await thread.ask([user(long)]);
    const other = await thread.ask([user('More')], { tenant: 'globex' });
    expect([warmth(terminal(other)), sessionOf(other) === sessionOf(first)]).toEqual([0, false]);
  });

  test('without a thread, and for other clients, each request has a session of its own', async () => {
    const thread = new Thread();
    await thread.ask([user(long)]);
    const client = new HttpClient(platform.httpOf(), platform.keyOf('acme'));
    const body = thread.request([user('More')]);
    const plain = terminal(await allEvents(await client.post('/v1/responses', body)));
    const keyless = { ...body, client_metadata: {} };
    const unnamed = terminal(await allEvents(await client.post('/v1/responses', keyless, { headers })));
    expect([warmth(plain), warmth(unnamed)]).toEqual([0, 0]);
  });
});

describe('two requests of one thread at once', () => {
  test('the later one has the thread; the earlier one ends', async () => {
    const thread = new Thread();
    await thread.ask([user(long)]);
    const [one, two] = await Promise.all(
      ['One', 'Two'].map(async (word) =>
        allEvents(await thread.post([user(word)], { body: { max_output_tokens: 2_000 } })),
      ),
    );
    const reasons = [one, two].map((events) => terminal(events ?? []).incomplete_details?.reason);
    expect(new Set(reasons)).toEqual(new Set(['interrupted', 'max_output_tokens']));
    const after = root()
      .turn({ input: [userItem(long)] })
      .after(TOKENS);
    const won = reasons.indexOf('max_output_tokens');
    const wanted = textOf(after.turn({ input: [userItem(won === 0 ? 'One' : 'Two')] }), 2_000);
    expect(deltaText((won === 0 ? one : two) ?? [])).toBe(wanted);
    expect(warmth(terminal(await thread.ask([user('More')])))).toBeGreaterThan(0.95);
  });

  test('many at once: each has an end, and the thread goes on', async () => {
    const thread = new Thread();
    const all = await Promise.all(
      Array.from({ length: 6 }, async (_, index) => allEvents(await thread.post([user(`${long} ${index}`)]))),
    );
    expect(all.map((events) => events.at(-1)?.type)).toEqual(Array(6).fill('response.incomplete'));
    await thread.ask([user(long)]);
    expect(warmth(terminal(await thread.ask([user('More')])))).toBeGreaterThan(0.95);
  });
});

describe('a session that is gone', () => {
  test('the thread goes on in another one, from its beginning', async () => {
    const thread = new Thread();
    const first = await thread.ask([user(long)]);
    await platform.client().ask('CloseSession', { sessionId: sessionOf(first) });
    const second = await thread.ask([user('More')]);
    expect([terminal(second).status, warmth(terminal(second))]).toEqual(['incomplete', 0]);
    expect(sessionOf(second)).not.toBe(sessionOf(first));
    expect(warmth(terminal(await thread.ask([user('And more')])))).toBeGreaterThan(0.95);
  });
});

describe('an engine that is lost between two turns', () => {
  test('the thread goes on at another one, with the same words', async () => {
    const thread = new Thread(await startTestPlatform({ chains: [chain] }));
    try {
      const [engine] = thread.platform.engines;
      await thread.ask([user(long)]);
      const other = await thread.platform.addEngine();
      engine?.lose();
      const second = await thread.ask([user('More')]);
      const after = root()
        .turn({ input: [userItem(long)] })
        .after(TOKENS);
      expect(deltaText(second)).toBe(textOf(after.turn({ input: [userItem('More')] }), TOKENS));
      expect(terminal(second).reticle).toMatchObject({ replica: other.engineId });
      expect(warmth(terminal(await thread.ask([user('And more')])))).toBeGreaterThan(0.95);
    } finally {
      await thread.platform[Symbol.asyncDispose]();
    }
  });
});

describe('a thread over WebSocket', () => {
  test('row 7: a socket that drops is cut, and the whole conversation on another one is warm', async () => {
    const thread = new Thread();
    const first = await socket(thread);
    first.create(thread.request([user(long)], { generate: false }));
    const warm = answerOf(await first.terminal());
    const asked = thread.request([user('Tell')], { previous_response_id: warm.id, max_output_tokens: 30_000 });
    first.create(asked);
    await first.until('response.output_text.delta');
    first.socket.terminate();
    const second = await socket(thread);
    second.create(thread.request([user(long), user('Tell'), user('<turn_aborted>')]));
    const answer = answerOf(await second.terminal());
    expect(warmth(answer)).toBeGreaterThan(0.95);
    expect(deltas(second.events).length).toBeGreaterThan(0);
    second.close();
    await platform.untilIdle();
  });

  test('a prewarm that says the same again goes on in the same session', async () => {
    const thread = new Thread();
    const sessions: unknown[] = [];
    for (let sockets = 0; sockets < 2; sockets += 1) {
      const client = await socket(thread);
      client.create(thread.request([user(long)], { generate: false }));
      const warm = answerOf(await client.terminal());
      client.create(thread.request([user('Hi')], { previous_response_id: warm.id }));
      const answer = answerOf(await client.terminal());
      expect(warmth(answer)).toBeGreaterThan(0.95);
      sessions.push((answer.reticle as unknown as Named).session_id);
      client.close();
    }
    expect(sessions[1]).toBe(sessions[0]);
  });
});

type Named = { readonly session_id: string };

function sessionOf(events: readonly SseEvent[]): string {
  return (terminal(events).reticle as unknown as Named).session_id;
}
