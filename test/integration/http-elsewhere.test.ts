/** A response that is asked for at another gateway than the one that serves it (PROTOCOL §4.1a, §7). */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  allEvents,
  deltaText,
  flatChain,
  HttpClient,
  sseEvents,
  startTestPlatform,
  type SseEvent,
  type TestPlatform,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

type Told = { id: string; status: string; created_at: number; output: { content: { text: string }[] }[] };

let platform: TestPlatform;
let here: HttpClient;
let there: HttpClient;

beforeAll(async () => {
  platform = await startTestPlatform({ chains: [flatChain(2_000, { servedName: 'single' })], gateways: 2 });
  here = new HttpClient(platform.httpOf(0), platform.keyOf('acme'));
  there = new HttpClient(platform.httpOf(1), platform.keyOf('acme'));
});
afterAll(() => platform[Symbol.asyncDispose]());

const body = { model: 'single', input: 'Hi', max_output_tokens: 300 };
const textOf = ({ output }: Told): string => output.flatMap(({ content }) => content.map(({ text }) => text)).join('');
const get = async (client: HttpClient, id: string): Promise<Told> =>
  (await (await client.get(`/v1/responses/${id}`)).json()) as Told;

/** As a client polls: at each of the gateways in turn. */
async function poll(clients: readonly HttpClient[], id: string): Promise<Told> {
  for (let time = 0; ; time++) {
    const read = await get(clients[time % clients.length] as HttpClient, id);
    if (read.status !== 'in_progress' && read.status !== 'queued') return read;
  }
}

describe('a response of another gateway', () => {
  test('that has ended is told as it was', async () => {
    const made = (await (await here.post('/v1/responses', body)).json()) as Told;
    const read = await poll([there], made.id);
    expect(read).toMatchObject({ id: made.id, status: made.status, created_at: made.created_at });
    expect(textOf(made).length).toBeGreaterThan(100);
    expect(textOf(read)).toBe(textOf(made));
    // It can still be read where it was made.
    expect(textOf(await get(here, made.id))).toBe(textOf(made));
  });

  test('that runs in the background is polled at either one, and comes to its end', async () => {
    const made = (await (await here.post('/v1/responses', { ...body, background: true })).json()) as Told;
    const read = await poll([there, here], made.id);
    expect(read.status).toBe('incomplete');
    expect(textOf(await get(there, made.id))).toBe(textOf(read));
  });

  test('that runs on without its client streams on behind the last event', async () => {
    const leaving = { headers: { 'x-reticle-on-disconnect': 'continue' } };
    const response = await here.post('/v1/responses', { ...body, stream: true }, leaving);
    const first: SseEvent[] = [];
    for await (const event of sseEvents(response)) {
      first.push(event);
      if (event.type.endsWith('.delta')) break;
    }
    const { id = '' } = (first[0]?.data['response'] ?? {}) as { id?: string };
    const after = first.at(-1)?.data['sequence_number'];
    const rest = await allEvents(await there.get(`/v1/responses/${id}?stream=true&starting_after=${String(after)}`));
    const whole = await poll([there], id);
    expect(rest.at(-1)?.type).toBe('response.incomplete');
    expect(deltaText(first) + deltaText(rest)).toBe(textOf(whole));
  });

  test('is cancelled from there, with what it had', async () => {
    const long = { ...body, max_output_tokens: 60_000, background: true };
    const made = (await (await here.post('/v1/responses', long)).json()) as Told;
    const cancelled = (await (await there.post(`/v1/responses/${made.id}/cancel`, {})).json()) as Told;
    expect(cancelled).toMatchObject({ id: made.id, status: 'incomplete' });
  });

  test.each(['resp_x', `resp_${'a'.repeat(58)}`])('%s is nobody’s at any of them', async (id) => {
    expect((await there.get(`/v1/responses/${id}`)).status).toBe(404);
    const foreign = new HttpClient(platform.httpOf(1), platform.keyOf('globex'));
    const made = (await (await here.post('/v1/responses', body)).json()) as Told;
    expect((await foreign.get(`/v1/responses/${made.id}`)).status).toBe(404);
  });
});
