/** The sockets of one server, over real connections (PROMISES §7.2). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import { Health, memoryLogger } from '@reticle/core/process';
import { WebSocket } from 'ws';
import {
  apiKeyAuthenticator,
  callerOf,
  createAuthenticator,
  hmacOfSecret,
  KeyStore,
  mintApiKey,
} from '../auth/index.ts';
import { startHttpEdge, type HttpEdge } from '../http/index.ts';
import { LocalTicketDesk } from '../tickets/index.ts';
import { Tickets } from '../tickets/tickets.ts';
import type { ScriptedAttachment } from '../grpc/edge-kit.ts';
import { runOf } from '../grpc/edge-kit.ts';
import { ended, mark, started } from '../openai/openai-kit.ts';
import { ManySessions, type Told } from './websocket-kit.ts';
import type { ClientCommand } from '@reticle/services/session';

const SOCKETS_MAX = 20;
const GATEWAY = 'g1';

class EdgeRig implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly front = new ManySessions();
  readonly random = seededRandom(9);
  readonly pepper = this.random.bytes(16);
  readonly keys = new KeyStore();
  readonly log = memoryLogger();
  readonly cellKeys = [this.random.bytes(32)];
  readonly auth = createAuthenticator([
    apiKeyAuthenticator({ keys: this.keys, pepper: this.pepper, clock: this.clock }),
  ]);
  readonly desk = new LocalTicketDesk({ clock: this.clock, random: this.random, serves: (id) => id === GATEWAY });
  readonly #minted = [this.#mint('acme'), this.#mint('globex')];
  readonly #sockets: WebSocket[] = [];
  /** Starts are answered with a turn that runs until `end`. */
  #attachment: ScriptedAttachment | undefined;
  #turnId = '';
  edge!: HttpEdge;

  async start({ webSockets = true } = {}): Promise<this> {
    this.setKeys();
    const { clock, front, random, log } = this;
    front.on('attach', (attachment: ScriptedAttachment) => {
      this.#attachment = attachment;
      attachment.on('command', (command: ClientCommand) => this.#answer(command));
    });
    this.edge = await startHttpEdge({
      host: '127.0.0.1',
      port: 0,
      front,
      auth: this.auth,
      health: new Health(),
      log,
      clock,
      random,
      cellKeys: this.cellKeys,
      gateway: GATEWAY,
      desk: this.desk,
      models: () => [{ name: 'spark-ref', contextTokens: 131_072 }],
      defaultsOf: () => undefined,
      socketsPerKeyMax: SOCKETS_MAX,
      allowedOrigins: ['https://console.example'],
      webSockets,
    });
    return this;
  }

  setKeys({ revoked = false } = {}): void {
    this.keys.replace(this.#minted.map(({ record }, index) => ({ ...record, revoked: revoked && index === 0 })));
  }

  keyOf(tenant: 'acme' | 'globex'): string {
    return this.#of(tenant).key;
  }

  connect(tenant: 'acme' | 'globex', headers: Record<string, string> = {}): WebSocket {
    const authorization = `Bearer ${this.keyOf(tenant)}`;
    const url = `ws://127.0.0.1:${this.edge.port}/v1/responses`;
    const socket = new WebSocket(url, { headers: { authorization, ...headers } });
    socket.on('error', () => {});
    this.#sockets.push(socket);
    return socket;
  }

  async open(tenant: 'acme' | 'globex', headers: Record<string, string> = {}): Promise<Client> {
    const socket = this.connect(tenant, headers);
    const client = new Client(socket);
    await once(socket, 'open');
    return client;
  }

  /** As a browser does. */
  async openWithTicket(tenant: 'acme' | 'globex'): Promise<Client> {
    const { clock, random, auth, desk, cellKeys } = this;
    const origin = `http://127.0.0.1:${this.edge.port}`;
    const ticket = new Tickets({ clock, random, auth, desk, cellKeys, gateway: GATEWAY }).mint(
      callerOf(this.#of(tenant).record),
      origin,
    );
    const url = `ws://127.0.0.1:${this.edge.port}/v1/responses`;
    const socket = new WebSocket(url, ['reticle.v1', `reticle-ticket.${ticket}`], { origin });
    this.#sockets.push(socket);
    const client = new Client(socket);
    await once(socket, 'open');
    return client;
  }

  /** The running turn completes. */
  end(): void {
    this.#attachment?.sink.event({ ...ended(5), turnId: this.#turnId });
  }

  #answer(command: ClientCommand): void {
    if (command.kind !== 'start-turn') return;
    const { turnId } = command.start;
    this.#turnId = turnId;
    this.#attachment?.sink.event({ ...started, turnId });
    this.#attachment?.sink.event({ ...mark(0), turnId });
    this.#attachment?.sink.tokens(runOf(turnId, 0, 'hello'));
  }

  #of(tenant: 'acme' | 'globex') {
    const minted = this.#minted[tenant === 'acme' ? 0 : 1];
    if (minted === undefined) throw new Error('both tenants have keys');
    return minted;
  }

  #mint(tenant: string) {
    const { key, id, secret } = mintApiKey(this.random, 'test');
    const hmacs = [Buffer.from(hmacOfSecret(this.pepper, secret)).toString('hex')];
    const record = { id, hmacs, tenant, models: [], tiers: ['fast'] as const, defaultTier: 'fast' as const };
    return { key, record };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.terminate();
    await this.edge.close();
  }
}

class Client {
  readonly told: Told[] = [];
  readonly closed: Promise<readonly [number, Buffer]>;
  readonly #socket: WebSocket;
  #look: () => void = () => {};

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = once(socket, 'close') as Promise<[number, Buffer]>;
    socket.on('message', (data: Buffer) => {
      this.told.push(JSON.parse(data.toString()) as Told);
      this.#look();
    });
  }

  create(): void {
    this.#socket.send(JSON.stringify({ type: 'response.create', model: 'spark-ref', input: 'Hi' }));
  }

  until(type: string): Promise<Told> {
    return new Promise((resolve) => {
      this.#look = () => {
        const found = this.told.find((told) => told.type === type);
        if (found !== undefined) resolve(found);
      };
      this.#look();
    });
  }
}

/** Status, headers and body of a refused upgrade. */
async function refusal(socket: WebSocket) {
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, import('node:http').IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const { error } = JSON.parse(Buffer.concat(chunks).toString()) as { error: { code: string } };
  return { status: response.statusCode, code: error.code, headers: response.headers };
}

let rig: EdgeRig;
beforeEach(async () => {
  rig = await new EdgeRig().start();
});
/** The server serves a normal turn, whatever happened before. */
afterEach(async () => {
  await rig[Symbol.asyncDispose]();
});

async function serves(tenant: 'acme' | 'globex'): Promise<void> {
  const client = await rig.open(tenant);
  client.create();
  await client.until('response.output_text.delta');
  rig.end();
  await client.until('response.completed');
}

describe('the sockets of a server', () => {
  test('W20: at the cap of its key 429 with retry-after, in both forms; another key connects', async () => {
    const open = await Promise.all(Array.from({ length: SOCKETS_MAX }, () => rig.open('acme')));
    const { status, code, headers } = await refusal(rig.connect('acme'));
    expect([status, code]).toEqual([429, 'rate_limit_exceeded']);
    expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(Number(headers['retry-after-ms'])).toBeGreaterThan(0);
    await serves('globex');
    expect(open).toHaveLength(SOCKETS_MAX);
  });

  test('W20: a socket that closes makes room', async () => {
    const open = Array.from({ length: SOCKETS_MAX }, () => rig.connect('acme'));
    await Promise.all(open.map((socket) => once(socket, 'open')));
    open[0]?.close();
    await once(open[0] as WebSocket, 'close');
    await serves('acme');
  });

  test('W22: a key that is revoked while a response runs: error, then 1008, at once; others go on', async () => {
    const client = await rig.open('acme');
    client.create();
    await client.until('response.output_text.delta');
    rig.setKeys({ revoked: true });
    const [code] = await client.closed;
    expect(client.told.at(-1)).toMatchObject({ type: 'error', status: 401, error: { code: 'key_revoked' } });
    expect(code).toBe(1_008);
    expect((await refusal(rig.connect('acme'))).code).toBe('key_revoked');
    await serves('globex');
  });

  test('W22: a socket that was opened with a ticket ends with the key behind it', async () => {
    const client = await rig.openWithTicket('acme');
    client.create();
    await client.until('response.output_text.delta');
    rig.setKeys({ revoked: true });
    const [code] = await client.closed;
    expect(client.told.at(-1)).toMatchObject({ type: 'error', status: 401, error: { code: 'key_revoked' } });
    expect(code).toBe(1_008);
    await serves('globex');
  });

  test('W20: sockets that were opened with tickets count for their key', async () => {
    await Promise.all(Array.from({ length: SOCKETS_MAX }, () => rig.openWithTicket('acme')));
    expect((await refusal(rig.connect('acme'))).code).toBe('rate_limit_exceeded');
    await serves('globex');
  });

  test('W22: a key whose time is over is noticed within 5 s', async () => {
    const client = await rig.open('acme');
    rig.keys.replace([]);
    rig.clock.advance(5_000);
    const [code] = await client.closed;
    expect(code).toBe(1_008);
  });

  test('a drain: idle sockets end with 1012 at once, a busy one after its terminal, new ones get 503', async () => {
    const [idle, busy] = await Promise.all([rig.open('acme'), rig.open('globex')]);
    busy.create();
    await busy.until('response.output_text.delta');
    rig.edge.goAway(30_000);
    expect((await idle.closed)[0]).toBe(1_012);
    const { status, headers } = await refusal(rig.connect('acme'));
    expect([status, headers['retry-after'] !== undefined]).toEqual([503, true]);
    rig.end();
    expect((await busy.closed)[0]).toBe(1_012);
    expect(busy.told.map(({ type }) => type).slice(-2)).toEqual(['response.completed', 'error']);
  });

  test('W6: an origin that the deployment allows connects', async () => {
    await rig.open('acme', { origin: 'https://console.example' });
    expect((await refusal(rig.connect('acme', { origin: 'https://console.example.evil' }))).status).toBe(403);
    await serves('acme');
  });

  test('no upgrade but to a WebSocket: others are requests like any', async () => {
    const socket = connect({ host: '127.0.0.1', port: rig.edge.port });
    const key = `authorization: Bearer ${rig.keyOf('acme')}`;
    const upgrade = 'connection: Upgrade\r\nupgrade: h2c\r\nconnection: close';
    socket.write(`GET /v1/models HTTP/1.1\r\nhost: x\r\n${key}\r\n${upgrade}\r\n\r\n`);
    const chunks: Buffer[] = [];
    for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 200 .*spark-ref/s);
  });

  test('nothing of content or keys is logged', async () => {
    await serves('acme');
    const text = JSON.stringify(rig.log.records);
    expect([text.includes('hello'), text.includes(rig.keyOf('acme'))]).toEqual([false, false]);
  });
});

describe('a server without WebSocket', () => {
  test('says so by 426 to who has a key, and by 401 to others', async () => {
    await rig[Symbol.asyncDispose]();
    rig = await new EdgeRig().start({ webSockets: false });
    const { status, headers } = await refusal(rig.connect('acme'));
    expect([status, headers.upgrade, headers['retry-after']]).toEqual([426, 'HTTP/1.1', undefined]);
    const stranger = await refusal(rig.connect('acme', { authorization: 'Bearer rtk_x' }));
    expect(stranger.status).toBe(401);
  });
});
