/** What a Model gives to requests that leave it open (PROTOCOL §4.1a). */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { flatChain, HttpClient, SocketClient, startTestPlatform, type TestPlatform } from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const instructions = 'Answer in one line, and in no other way than that.';
type Told = { usage: { input_tokens: number }; reticle: { defaults?: readonly string[] } };

let platform: TestPlatform;
let client: HttpClient;

beforeAll(async () => {
  const chains = ['ruled', 'free'].map((servedName) => flatChain(2_000, { servedName }));
  platform = await startTestPlatform({ chains, modelDefaults: { ruled: { instructions } } });
  client = new HttpClient(platform.httpOf(), platform.keyOf('acme'));
});
afterAll(() => platform[Symbol.asyncDispose]());

const ask = async (path: string, body: object): Promise<Told> => (await (await client.post(path, body)).json()) as Told;
const respond = (body: object): Promise<Told> => ask('/v1/responses', { input: 'Hi', max_output_tokens: 4, ...body });

test('its instructions are read by the model as the request’s own would be, and named', async () => {
  const given = await respond({ model: 'ruled' });
  const own = await respond({ model: 'free', instructions });
  const none = await respond({ model: 'free' });
  expect(given.reticle.defaults).toEqual(['instructions']);
  expect([own.reticle.defaults, none.reticle.defaults]).toEqual([undefined, undefined]);
  expect(given.usage.input_tokens).toBe(own.usage.input_tokens);
  expect(given.usage.input_tokens).toBeGreaterThan(none.usage.input_tokens);
});

test('a request with instructions of its own has those alone', async () => {
  const own = await respond({ model: 'ruled', instructions: 'Mine.' });
  const free = await respond({ model: 'free', instructions: 'Mine.' });
  expect(own.reticle.defaults).toBeUndefined();
  expect(own.usage.input_tokens).toBe(free.usage.input_tokens);
});

test('so over a socket, and in Chat, where a fault is named by its message', async () => {
  const socket = await SocketClient.open(platform.httpOf(), platform.keyOf('acme'));
  socket.create({ model: 'ruled', input: 'Hi', max_output_tokens: 4 });
  const { response } = await socket.until('response.incomplete');
  expect((response as Told).reticle.defaults).toEqual(['instructions']);
  socket.socket.close();
  const messages = [{ role: 'user', content: 'Hi' }];
  const chat = (model: string) => client.post('/v1/chat/completions', { model, messages, max_tokens: 4 });
  const [ruled, free] = await Promise.all(['ruled', 'free'].map(async (model) => (await chat(model)).json()));
  const tokens = (told: unknown): number => (told as { usage: { prompt_tokens: number } }).usage.prompt_tokens;
  expect(tokens(ruled)).toBeGreaterThan(tokens(free));
});

test('they stand in the catalog that Codex reads', async () => {
  const { models } = (await (await client.get('/v1/models')).json()) as {
    models: { slug: string; base_instructions: string }[];
  };
  const told = Object.fromEntries(models.map(({ slug, base_instructions: text }) => [slug, text]));
  expect(told).toEqual({ ruled: instructions, free: '' });
});
