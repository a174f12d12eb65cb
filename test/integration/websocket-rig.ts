/** A platform, its WebSocket clients, and what its engines must say. */
import {
  flatChain,
  OracleContext,
  SocketClient,
  startTestPlatform,
  type OracleTurn,
  type SocketEvent,
  type Tenant,
  type TestPlatform,
} from '../kit/index.ts';

/** Tokens of an item of the model `items`. */
export const ITEM_EVERY = 40;
export const itemChain = flatChain(1_000, { servedName: 'items', engine: { itemEvery: ITEM_EVERY } });
const chain = flatChain(2_000, { servedName: 'single' });

export const user = (content: string): object => ({ type: 'message', role: 'user', content });
export const userItem = (content: string): { itemJson: string } => ({ itemJson: JSON.stringify(user(content)) });
export const textOf = (turn: OracleTurn, tokens: number): string => Buffer.from(turn.tokens(0, tokens).text).toString();

/** The empty context of the model `single`. */
export const root = (): OracleContext => OracleContext.root(chain);
export const hiText = (tokens: number): string => textOf(root().turn({ input: [userItem('Hi')] }), tokens);

export type Answer = {
  readonly id: string;
  readonly status: string;
  readonly incomplete_details: { readonly reason: string } | null;
  readonly reticle: { readonly receipt: { readonly effective_offset: number } };
  readonly usage: {
    readonly input_tokens: number;
    readonly output_tokens: number;
    readonly input_tokens_details: { readonly cached_tokens: number };
  };
};

export const answerOf = (event: SocketEvent): Answer => event['response'] as Answer;

export function deltas(events: readonly SocketEvent[]): string {
  return events.flatMap(({ type, delta }) => (type === 'response.output_text.delta' ? [String(delta)] : [])).join('');
}

export class WebSocketRig implements AsyncDisposable {
  readonly #clients: SocketClient[] = [];
  #platform: TestPlatform | undefined;

  async start(): Promise<void> {
    this.#platform = await startTestPlatform({ chains: [chain, itemChain] });
  }

  get platform(): TestPlatform {
    if (this.#platform === undefined) throw new Error('the platform has not started');
    return this.#platform;
  }

  async connect(headers: Record<string, string> = {}, tenant: Tenant = 'acme'): Promise<SocketClient> {
    const { platform } = this;
    const client = await SocketClient.open(platform.httpOf(), platform.keyOf(tenant), { headers });
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.socket.terminate();
    await this.platform[Symbol.asyncDispose]();
  }
}

/** A long response that has told some text. */
export async function running(client: SocketClient, body: object = {}): Promise<string> {
  client.create({ model: 'single', input: 'Hi', ...body });
  const created = await client.until('response.created');
  await client.until('response.output_text.delta');
  return answerOf(created).id;
}
