/** What gateways and engines tell of turns: counts against the ledger, spans under their caller's, and nobody's words. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  allEvents,
  deltaText,
  flatChain,
  HttpClient,
  interrupt,
  modes,
  SocketClient,
  start,
  startTestPlatform,
  TraceCollector,
  turnOf,
  userItem,
  type ApiClient,
  type ConverseClient,
  type ReceivedSpan,
  type TestPlatform,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const CANARY = 'canary-in-a-prompt-9f31c7';
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const OTHER_TRACE = 'aaaabbbbccccddddeeeeffff00001111';
const CHAT_TRACE = '1111222233334444555566667777888a';
const SOCKET_TRACE = '999922223333444455556666777788cc';
const SHORT = 300;
const LONG = 4_000;

let collector: TraceCollector;
let platform: TestPlatform;
let client: ApiClient;
/** What the run leaves behind, whole: scrapes, what was sent, records. */
const artefacts: string[] = [];
/** What none of them may hold. */
const secrets = [CANARY];
let samples: ReadonlyMap<string, number>;
let billed = 0;
let wasted = 0;
let spans: readonly ReceivedSpan[] = [];
/** Spans by the turn that they speak of. */
let ofTurn: (name: RegExp, turnId: string) => ReceivedSpan[];

function samplesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

/** The sum of a metric's series whose labels hold these words. */
function sum(name: string, ...words: string[]): number {
  let total = 0;
  for (const [series, value] of samples) {
    if (series.split('{')[0] === name && words.every((word) => series.includes(word))) total += value;
  }
  return total;
}

async function attached(traceparent: string | undefined): Promise<{ stream: ConverseClient; sessionId: string }> {
  const { sessionId, resumeToken } = await client.createSession();
  const metadata = client.metadata();
  if (traceparent !== undefined) metadata.set('traceparent', traceparent);
  const stream = client.converse({}, metadata);
  secrets.push(resumeToken, (await stream.attach({ resumeToken })).resumeToken);
  return { stream, sessionId };
}

const turn = (turnId: string, tokens: number) => turnOf(turnId, tokens, { input: [userItem(`${CANARY} ${turnId}`)] });

async function finished(): Promise<string> {
  const { stream, sessionId } = await attached(`00-${TRACE_ID}-${CALLER}-01`);
  stream.send(start(turn('whole', SHORT)));
  await stream.untilEnded('whole');
  stream.send(start({ ...turn('refused', SHORT), maxOutputTokens: 2 ** 30 }));
  await stream.untilEnded('refused');
  return sessionId;
}

async function interrupted(): Promise<string> {
  const { stream, sessionId } = await attached(undefined);
  stream.send(start(turn('cut', LONG)));
  await stream.received('cut', 50);
  stream.send(interrupt('cut', { mode: modes.keepThroughOffset, keepThroughOffset: 40 }));
  wasted += (await stream.until('controlAck')).wastedTokens;
  await stream.untilEnded('cut');
  return sessionId;
}

async function failedOver(): Promise<string> {
  const { stream, sessionId } = await attached(`00-${OTHER_TRACE}-${CALLER}-01`);
  stream.send(start(turn('moved', LONG)));
  const { replica } = await stream.until('turnStarted');
  await stream.received('moved', 100);
  platform.engines.find(({ engineId }) => engineId === replica)?.lose();
  await stream.untilEnded('moved');
  return sessionId;
}

async function overHttp(): Promise<void> {
  const http = new HttpClient(platform.httpOf(), platform.keyOf('acme'));
  const body = { model: platform.chain.servedName, input: CANARY, max_output_tokens: SHORT, stream: true };
  const traceparent = `00-${TRACE_ID}-${CALLER}-01`;
  const events = await allEvents(await http.post('/v1/responses', body, { headers: { traceparent } }));
  expect(events.at(-1)?.type).toBe('response.incomplete');
  secrets.push(deltaText(events).slice(0, 40));
  const chat = { model: platform.chain.servedName, messages: [{ role: 'user', content: CANARY }], max_tokens: 20 };
  for (const given of [`00-${CHAT_TRACE}-${CALLER}-01`, `00-${CHAT_TRACE}-${CALLER}-01-more`]) {
    const answer = await http.post('/v1/chat/completions', chat, { headers: { traceparent: given } });
    expect(answer.status).toBe(200);
  }
}

async function overSocket(): Promise<void> {
  const headers = { traceparent: `00-${SOCKET_TRACE}-${CALLER}-01` };
  const socket = await SocketClient.open(platform.httpOf(), platform.keyOf('acme'), { headers });
  socket.create({ model: platform.chain.servedName, input: CANARY, max_output_tokens: SHORT });
  await socket.until('response.incomplete');
  socket.socket.close();
}

beforeAll(async () => {
  collector = await TraceCollector.start();
  platform = await startTestPlatform({ chains: [flatChain(2_000)], telemetry: collector.environment });
  await platform.addEngine();
  client = platform.client();
  secrets.push(platform.keyOf('acme'), platform.keyOf('globex'));
  const sessionIds = [await finished(), await interrupted(), await failedOver()];
  await new HttpClient(platform.httpOf(), 'rk_test_nobody').get('/v1/models');
  for (const sessionId of sessionIds) {
    for (const turnId of ['whole', 'cut', 'moved']) billed += platform.gateway.ledger.billedTokens(sessionId, turnId);
  }
  samples = samplesOf(await platform.scrape());
  await overHttp();
  await overSocket();
  artefacts.push(await platform.scrape());
  for (const engine of platform.engines) artefacts.push(await platform.scrape(engine));
  await platform[Symbol.asyncDispose]();
  artefacts.push(...collector.bodies.map(({ text }) => text), JSON.stringify(platform.logger.records));
  spans = collector.spans;
  ofTurn = (name, turnId) =>
    spans.filter(
      (span) =>
        name.test(span.name) &&
        span.attributes.some(({ key, value }) => key === 'reticle.turn.id' && value['stringValue'] === turnId),
    );
});
afterAll(async () => {
  await collector[Symbol.asyncDispose]();
});

describe('a scrape of the gateway', () => {
  test('delivers what the ledger bills', () => {
    expect(billed).toBeGreaterThan(SHORT + LONG);
    expect(sum('reticle_tokens_delivered_total', 'tier="ultrafast"')).toBe(billed);
    expect(sum('gen_ai_client_token_usage_sum', 'gen_ai_token_type="output"', 'spark-ref')).toBe(billed);
  });

  test('wastes what the receipt says', () => {
    expect(wasted).toBeGreaterThan(0);
    expect(sum('reticle_tokens_wasted_total')).toBe(wasted);
  });

  test.each([
    ['turns ended by themselves', 2, 'reticle_turns_ended_total', ['status="incomplete"']],
    ['turns cut', 1, 'reticle_turns_ended_total', ['status="interrupted"']],
    ['turns failed', 0, 'reticle_turns_ended_total', ['status="failed"']],
    ['turns that run', 0, 'reticle_turns_live', []],
    ['turns begun again', 1, 'reticle_turns_moved_total', ['reason="failover"']],
    ['answers to controls', 1, 'reticle_controls_answered_total', ['outcome="applied"']],
    ['controls of any kind', 1, 'reticle_controls_answered_total', []],
    ['refused turns', 1, 'reticle_refusals_total', ['at="turn"']],
    ['refused requests', 1, 'reticle_refusals_total', ['at="request"', 'code="invalid_api_key"']],
    ['sessions', 3, 'reticle_sessions_open', []],
    ['sessions opened', 3, 'reticle_sessions_open_seconds_count', []],
    ['durations', 3, 'gen_ai_server_request_duration_count', ['gen_ai_request_model="spark-ref"']],
    ['first tokens', 3, 'gen_ai_server_time_to_first_token_count', ['gen_ai_operation_name="chat"']],
    ['times per token', 3, 'gen_ai_server_time_per_output_token_count', ['gen_ai_provider_name="reticle"']],
    ['inputs', 3, 'gen_ai_client_token_usage_count', ['gen_ai_token_type="input"']],
  ])('%s: %d', (_, want, name, words) => {
    expect(sum(name, ...words)).toBe(want);
  });

  test('counts the link that was lost', () => {
    expect(sum('reticle_links_lost_total', 'cause="transport"')).toBeGreaterThan(0);
  });

  test('has no label of a tenant, a session or a turn', () => {
    const labels = new Set(
      [...samples.keys()].flatMap((series) => [...series.matchAll(/([a-z_]+)="/g)].map(([, name]) => name)),
    );
    expect([...labels].filter((label) => /tenant|session|turn|key|engine|user/.test(label ?? ''))).toEqual([]);
  });
});

describe('spans', () => {
  test('of a turn hang under the caller’s, and the engine’s under the turn’s', () => {
    const [chat] = ofTurn(/^chat /, 'whole');
    expect([chat?.traceId, chat?.parentSpanId]).toEqual([TRACE_ID, CALLER]);
    const [engine] = ofTurn(/^reticle\.engine\.turn$/, 'whole');
    expect([engine?.traceId, engine?.parentSpanId]).toEqual([TRACE_ID, chat?.spanId]);
  });

  test('of a turn have its queue, its prefill and its decode as parts, in this order', () => {
    const [chat] = ofTurn(/^chat /, 'whole');
    const parts = spans.filter(
      ({ parentSpanId, name }) => parentSpanId === chat?.spanId && name.startsWith('reticle.turn'),
    );
    const sorted = parts.toSorted((a, b) => (BigInt(a.startTimeUnixNano) < BigInt(b.startTimeUnixNano) ? -1 : 1));
    expect(sorted.map(({ name }) => name)).toEqual([
      'reticle.turn.queue',
      'reticle.turn.prefill',
      'reticle.turn.decode',
    ]);
    for (const { startTimeUnixNano, endTimeUnixNano } of sorted) {
      expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
      expect(BigInt(endTimeUnixNano)).toBeLessThanOrEqual(BigInt(chat?.endTimeUnixNano ?? 0));
    }
  });

  test('of a turn without a caller have a trace of their own', () => {
    const [cut] = ofTurn(/^chat /, 'cut');
    expect(cut?.parentSpanId ?? '').toBe('');
    expect(cut?.events.map(({ name }) => name)).toEqual(['reticle.turn.sent', 'reticle.turn.control']);
  });

  test('of a turn that moved tell both engines', () => {
    const [chat, ...others] = ofTurn(/^chat /, 'moved');
    expect(others).toEqual([]);
    expect(chat?.events.map(({ name }) => name)).toEqual([
      'reticle.turn.sent',
      'reticle.turn.moved',
      'reticle.turn.sent',
    ]);
    expect(ofTurn(/^reticle\.engine\.turn$/, 'moved').every(({ traceId }) => traceId === OTHER_TRACE)).toBe(true);
  });

  test('of a response hang under the caller’s of its request, with its session’s', () => {
    const under = (name: string) => spans.filter((span) => span.name === name && span.parentSpanId === CALLER);
    const chats = under(`chat ${platform.chain.servedName}`);
    expect(chats.filter(({ traceId }) => traceId === TRACE_ID)).toHaveLength(2);
    expect(chats.filter(({ traceId }) => traceId === CHAT_TRACE)).toHaveLength(1);
    expect(chats.filter(({ traceId }) => traceId === SOCKET_TRACE)).toHaveLength(1);
    const opened = under('reticle.session.open').map(({ traceId }) => traceId);
    expect(opened).toEqual([TRACE_ID, CHAT_TRACE, SOCKET_TRACE]);
  });

  test('of a request with a malformed context have a trace of their own', () => {
    const roots = spans.filter(({ name, parentSpanId = '' }) => name.startsWith('chat ') && parentSpanId === '');
    expect(roots).toHaveLength(2);
  });
});

test('records of a turn carry its trace', () => {
  const record = platform.logger.records.find(({ message }) => message === 'turn begun again');
  expect(record?.fields).toMatchObject({ turn: 'moved', reason: 'failover', traceId: OTHER_TRACE });
});

test('nothing that was said and no credential is in any scrape, span or record', () => {
  expect(artefacts.join('\n').length).toBeGreaterThan(20_000);
  expect(secrets.length).toBeGreaterThan(8);
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(8);
    expect(artefacts.some((text) => text.includes(secret) || text.includes(JSON.stringify(secret).slice(1, -1)))).toBe(
      false,
    );
  }
});
