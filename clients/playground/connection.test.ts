import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Browser, PageSocket } from './browser.ts';
import { Connection } from './connection.ts';
import { Credentials } from './credentials.ts';

const CODE = 'c'.repeat(26);

/** A socket that the test plays the server of. */
class FakeSocket implements PageSocket {
  readonly protocols: readonly string[];
  readonly sent: string[] = [];
  readonly #listeners = new Map<string, (event: { readonly data: unknown }) => void>();
  isOpen = false;
  closedWith: number | undefined;

  constructor(protocols: readonly string[]) {
    this.protocols = protocols;
  }

  addEventListener(type: string, listener: (event: { readonly data: unknown }) => void): void {
    this.#listeners.set(type, listener);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(code: number): void {
    this.closedWith = code;
    this.isOpen = false;
  }

  tell(type: 'open' | 'close' | 'message', data?: unknown): void {
    this.isOpen = type !== 'close';
    this.#listeners.get(type)?.({ data });
  }
}

class Rig {
  fragment = CODE;
  kept: string | undefined;
  /** Answers of `POST /v1/tickets`, in order; none: nobody answers. */
  readonly answers: { readonly status: number; readonly body: unknown }[] = [];
  readonly posted: object[] = [];
  readonly sockets: FakeSocket[] = [];
  readonly timers: { readonly ms: number; readonly run: () => void }[] = [];
  readonly told: string[] = [];
  #connection: Connection | undefined;

  get connection(): Connection {
    this.#connection ??= new Connection(this.browser, new Credentials(this.browser), {
      onOpen: () => this.told.push('open'),
      onEvent: ({ type }) => this.told.push(type),
      onLost: () => this.told.push('lost'),
      onRefused: (why) => this.told.push(why),
      onModels: (models) => this.told.push(models.join(' ')),
    });
    return this.#connection;
  }

  get browser(): Browser {
    return {
      nowMs: () => 0,
      after: (ms, run) => void this.timers.push({ ms, run }),
      onFrame: () => {},
      post: (_path, body) => {
        this.posted.push(body);
        const answer = this.answers.shift();
        return answer === undefined ? Promise.reject(new TypeError('no network')) : Promise.resolve(answer);
      },
      openSocket: (_path, protocols) => {
        const socket = new FakeSocket(protocols);
        this.sockets.push(socket);
        return socket;
      },
      kept: { get: () => this.kept, set: (value) => void (this.kept = value) },
      takeFragment: () => this.fragment,
    };
  }

  /** Opens a socket with a ticket that is good. */
  async opened(more: object = {}): Promise<FakeSocket> {
    this.answers.push({ status: 200, body: { ticket: 't', models: ['spark'], ...more } });
    await this.connection.open();
    const socket = this.sockets.at(-1) as FakeSocket;
    socket.tell('open');
    return socket;
  }
}

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});

describe('Credentials', () => {
  test('the code is used once; the pass that it brings gets every further ticket', async () => {
    await rig.opened({ pass: 'p' });
    await rig.opened();
    expect(rig.posted).toEqual([{ code: CODE }, { pass: 'p' }]);
    expect(rig.kept).toBe('p');
  });

  test('a code that is used up does not end a tab that has a pass', async () => {
    rig.kept = 'p';
    rig.answers.push({ status: 401, body: {} });
    await rig.opened();
    expect(rig.posted).toEqual([{ code: CODE }, { pass: 'p' }]);
    expect(rig.told).toEqual(['spark', 'open']);
  });

  test.each([
    ['no code and no pass', '', undefined, [], 'This page needs'],
    ['a code that was used', CODE, undefined, [401], 'was used already'],
    ['a pass that is too old', '', 'p', [401], 'was used already'],
    ['neither is good', CODE, 'p', [401, 401], 'was used already'],
    ['another origin', CODE, undefined, [403], 'was used already'],
  ])('%s: the page says so and does not try again', async (...[, fragment, kept, statuses, wantWords]) => {
    Object.assign(rig, { fragment, kept });
    for (const status of statuses) rig.answers.push({ status, body: {} });
    await rig.connection.open();
    expect(rig.told).toEqual([expect.stringContaining(wantWords)]);
    expect(rig.timers).toEqual([]);
  });
});

describe('Connection', () => {
  test('opens with its ticket among the sub-protocols, and sends while it is open', async () => {
    expect(rig.connection.send({ a: 1 })).toBe(false);
    const socket = await rig.opened();
    expect(socket.protocols).toEqual(['reticle.v1', 'reticle-ticket.t']);
    expect([rig.connection.send({ a: 1 }), socket.sent]).toEqual([true, ['{"a":1}']]);
  });

  test('tells events, and passes over what is none', async () => {
    const socket = await rig.opened();
    for (const data of ['{"type":"x"}', 'noise', new Uint8Array(1)]) socket.tell('message', data);
    expect(rig.told).toEqual(['spark', 'open', 'x']);
  });

  test('after a loss it waits longer each time, until a socket opens', async () => {
    const socket = await rig.opened({ pass: 'p' });
    socket.tell('close');
    for (let attempt = 0; attempt < 6; attempt++) {
      rig.timers.at(-1)?.run();
      await settled();
    }
    expect(rig.timers.map(({ ms }) => ms)).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
    (await rig.opened()).tell('close');
    expect(rig.timers.at(-1)?.ms).toBe(250);
  });

  test('a server that is out of order is tried again', async () => {
    rig.answers.push({ status: 503, body: {} });
    await rig.connection.open();
    expect([rig.told, rig.timers.length]).toEqual([[], 1]);
  });

  test('a killed socket says nothing more, and is lost once', async () => {
    const socket = await rig.opened();
    rig.connection.kill();
    socket.tell('message', '{"type":"late"}');
    socket.tell('close');
    rig.connection.kill();
    expect(rig.told).toEqual(['spark', 'open', 'lost']);
    expect([socket.closedWith, rig.timers.length, rig.connection.send({})]).toEqual([4_000, 1, false]);
  });
});

/** Promises that are settled have told so. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}
