/** A credential that cannot be judged yet, over real sockets: its request waits, and nothing of it runs before. */
import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { seededRandom } from '@reticle/core/flow';
import type { Caller } from '@reticle/services/stream';
import { create, ended, SERVICE_PATH, startKit, wanted, type EdgeKit } from '../grpc/edge-kit.ts';
import { startHttpEdge, type HttpEdge } from '../http/index.ts';
import { LocalTicketDesk } from '../tickets/index.ts';
import { createAuthenticator, type BearerAuthenticator } from './authenticator.ts';

const caller: Caller = { tenant: 'acme', keyId: 'k', models: [], tiers: ['fast'], defaultTier: 'fast' };

/** Judges nothing until it is told whether bearers are good. */
class Later implements BearerAuthenticator {
  readonly asked: string[] = [];
  readonly #known = Promise.withResolvers<void>();
  #isGood = false;
  #arrived = (): void => {};

  recognises(bearer: string): boolean {
    return bearer.startsWith('later');
  }

  prepare(bearer: string): Promise<void> {
    this.asked.push(`prepare ${bearer}`);
    this.#arrived();
    return this.#known.promise;
  }

  authenticate(bearer: string): Caller | undefined {
    this.asked.push(`authenticate ${bearer}`);
    return this.#isGood ? { ...caller } : undefined;
  }

  check(): void {}

  listen(): () => void {
    return () => {};
  }

  /** Resolves when the next bearer has come. */
  arrives(): Promise<void> {
    return new Promise((resolve) => {
      this.#arrived = resolve;
    });
  }

  tell(isGood: boolean): void {
    this.#isGood = isGood;
    this.#known.resolve();
  }
}

let later: Later;
let kit: EdgeKit;
let http: HttpEdge;

beforeEach(async () => {
  later = new Later();
  const auth = createAuthenticator([later]);
  kit = await startKit(0, { auth });
  const { front, clock, health, log } = kit;
  const random = seededRandom(7);
  http = await startHttpEdge({
    host: '127.0.0.1',
    port: 0,
    front,
    auth,
    health,
    log,
    clock,
    random,
    gateway: GATEWAY,
    desk: new LocalTicketDesk({ clock, random, serves: (id) => id === GATEWAY }),
    cellKeys: [new Uint8Array(32)],
    models: () => [],
    defaultsOf: () => undefined,
  });
});
afterEach(async () => {
  await http[Symbol.asyncDispose]();
  await kit[Symbol.asyncDispose]();
});

const GATEWAY = 'g1';
const authorization = 'Bearer later-1';

/** The status of an answer. */
function getModels(): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: http.port, path: '/v1/models', headers: { authorization } };
    get(options, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).once('error', reject);
  });
}

describe.each([
  { name: 'good', isGood: true },
  { name: 'none', isGood: false },
])('a credential that turns out $name', ({ isGood }) => {
  /** Nothing was judged while the answer was out; then it is, once. */
  async function judged(asking: Promise<unknown>, arrived: Promise<void>): Promise<void> {
    await arrived;
    await new Promise(setImmediate);
    expect(later.asked).toEqual(['prepare later-1']);
    later.tell(isGood);
    await asking;
    expect(later.asked).toEqual(['prepare later-1', 'authenticate later-1']);
  }

  test('HTTP', async () => {
    const arrived = later.arrives();
    const asking = getModels();
    await judged(asking, arrived);
    expect(await asking).toBe(isGood ? 200 : 401);
  });

  test('WebSocket', async () => {
    const arrived = later.arrives();
    const socket = new WebSocket(`ws://127.0.0.1:${http.port}/v1/responses`, { headers: { authorization } });
    const asking = Promise.race([
      once(socket, 'open').then(() => 101),
      once(socket, 'unexpected-response').then(([, response]) => (response as { statusCode: number }).statusCode),
    ]);
    socket.on('error', () => {});
    await judged(asking, arrived);
    expect(await asking).toBe(isGood ? 101 : 401);
    socket.terminate();
  });

  test('gRPC', async () => {
    const arrived = later.arrives();
    const client = kit.client();
    const metadata = kit.metadata({ authorization });
    const asking = kit.unary(client, `${SERVICE_PATH}/CloseSession`, create(), metadata);
    await judged(asking, arrived);
    const { code } = wanted(await asking) as { code: string };
    expect(code === 'invalid_api_key').toBe(!isGood);
    client.close();
  });
});

describe('while it waits', () => {
  test('a client that leaves is not judged over HTTP, and the server serves on', async () => {
    const arrived = later.arrives();
    const socket = connect(http.port, '127.0.0.1');
    socket.write(`GET /v1/models HTTP/1.1\r\nhost: a\r\nauthorization: ${authorization}\r\n\r\n`);
    await arrived;
    socket.destroy();
    await once(socket, 'close');
    later.tell(true);
    expect(await getModels()).toBe(200);
  });

  test('a WebSocket that leaves leaves nothing behind', async () => {
    const arrived = later.arrives();
    const socket = new WebSocket(`ws://127.0.0.1:${http.port}/v1/responses`, { headers: { authorization } });
    socket.on('error', () => {});
    await arrived;
    socket.terminate();
    later.tell(true);
    const next = new WebSocket(`ws://127.0.0.1:${http.port}/v1/responses`, { headers: { authorization } });
    await once(next, 'open');
    next.terminate();
    await http.drain(0);
  });

  test('a call that is cancelled does not begin', async () => {
    const arrived = later.arrives();
    const client = kit.client();
    const stream = kit.converse(client, kit.metadata({ authorization }));
    const over = ended(stream);
    await arrived;
    stream.cancel();
    await over;
    later.tell(true);
    await new Promise(setImmediate);
    expect(kit.log.records.filter(({ level }) => level === 'error')).toEqual([]);
    client.close();
  });
});
