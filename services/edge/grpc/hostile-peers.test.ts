/** Peers that speak HTTP/2 badly or too much (PROMISES §7.2 G10–G12, G18–G21, G23). */
import { once } from 'node:events';
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { FIRST_STREAM_MS_MAX } from './connections.ts';
import {
  EdgeKit,
  encode,
  nextMessage,
  request,
  runOf,
  SERVICE_PATH,
  SESSION_ID,
  startKit,
  wanted,
  type ScriptedAttachment,
} from './edge-kit.ts';
import { REQUEST_MS_MAX } from './guard.ts';
import { PINGS_PER_SECOND_MAX, SETTINGS_PER_SECOND_MAX } from './peer-meter.ts';

let kit: EdgeKit;
let victim: Awaited<ReturnType<EdgeKit['attached']>>;
let sessions: ClientHttp2Session[] = [];

beforeAll(async () => {
  kit = await startKit();
});
afterAll(() => kit[Symbol.asyncDispose]());

// Every row runs beside a stream on a connection of its own, which must not notice.
beforeEach(async () => {
  victim = await kit.attached(kit.client());
});
afterEach(async () => {
  const frame = nextMessage(victim.stream);
  victim.attachment.sink.tokens(runOf('t1', 0, 'ok'));
  expect(await frame).toMatchObject({ tokenFrame: { turnId: 't1', tokenCount: 2 } });
  expect(victim.attachment.said).toEqual([]);
  victim.stream.cancel();
  for (const session of sessions) session.destroy();
  sessions = [];
});

/** A client whose own limits do not stop it. */
const lax = {
  maxSessionMemory: 100,
  maxOutstandingPings: 10_000,
  maxOutstandingSettings: 10_000,
  maxSendHeaderBlockLength: 1024 * 1024,
};

const dial = async (): Promise<ClientHttp2Session> => {
  const session = connect(`http://127.0.0.1:${kit.edge.port}`, lax);
  session.on('error', () => {});
  sessions.push(session);
  await once(session, 'connect');
  return session;
};

const fields = (method: string, more: Readonly<Record<string, string>> = {}) => ({
  ':method': 'POST',
  ':path': `${SERVICE_PATH}/${method}`,
  'content-type': 'application/grpc',
  te: 'trailers',
  authorization: `Bearer ${kit.key}`,
  ...more,
});

const GET_SESSION = ((body: Uint8Array) => Buffer.concat([Uint8Array.of(0, 0, 0, 0, body.length), body]))(
  encode('GetSessionRequest', { sessionId: SESSION_ID }),
);

/** The gRPC status of a call, or how its stream was reset. */
function statusOf(stream: ClientHttp2Stream): Promise<number | string> {
  return new Promise((resolve) => {
    const read = (headers: Readonly<Record<string, unknown>>): void => {
      if (headers['grpc-status'] !== undefined) resolve(Number(headers['grpc-status']));
    };
    stream.on('response', read);
    stream.on('trailers', read);
    stream.on('error', () => {});
    stream.on('close', () => resolve(`reset ${stream.rstCode}`));
    stream.resume();
  });
}

/** A stream of the session that still works. */
const works = async (session: ClientHttp2Session): Promise<void> => {
  const stream = session.request(fields('GetSession'));
  stream.end(GET_SESSION);
  expect(await statusOf(stream)).toBe(0);
};

describe('G10: too much metadata', () => {
  test.each([
    { name: '64 KiB in one field', more: { 'x-big': 'x'.repeat(60 * 1024) }, want: [8] },
    {
      name: '10,000 fields',
      more: Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`x-${index}`, 'v'])),
      want: [8, `reset ${constants.NGHTTP2_ENHANCE_YOUR_CALM}`],
    },
  ])('$name is refused, and its connection lives', async ({ more, want }) => {
    const session = await dial();
    const survivor = session.request(fields('Converse'));
    survivor.on('error', () => {});
    const stream = session.request(fields('GetSession', more));
    stream.end(GET_SESSION);
    expect(want).toContain(await statusOf(stream));
    await works(session);
    expect(survivor.closed).toBe(false);
  });
});

describe('G11: grpc-timeout', () => {
  test.each([
    { timeout: '0S', want: 4, calls: 0 },
    { timeout: '1n', want: 4, calls: 0 },
    { timeout: 'abc', want: 3, calls: 0 },
    { timeout: '', want: 3, calls: 0 },
    { timeout: '-1S', want: 3, calls: 0 },
    { timeout: '123456789S', want: 3, calls: 0 },
    { timeout: '99999999H', want: 0, calls: 1 },
    { timeout: '60S', want: 0, calls: 1 },
  ])('"$timeout": status $want, and the session layer is asked $calls times', async ({ timeout, want, calls }) => {
    const before = kit.front.calls.length;
    const stream = (await dial()).request(fields('GetSession', { 'grpc-timeout': timeout }));
    stream.end(GET_SESSION);
    expect(await statusOf(stream)).toBe(want);
    expect(kit.front.calls).toHaveLength(before + calls);
  });

  test('a malformed one is told with its field', async () => {
    const metadata = kit.metadata();
    metadata.set('grpc-timeout', '1 second');
    const outcome = await kit.unary(kit.client(), `${SERVICE_PATH}/GetSession`, GET_SESSION.subarray(5), metadata);
    expect(wanted(outcome)).toEqual({ grpc: 3, code: 'invalid_request', param: 'grpc-timeout' });
  });
});

describe('G12: a request that does not end', () => {
  test.each(['GetSession', 'ReplayTurn'])('%s, byte by byte: refused at its bound, not before', async (method) => {
    const session = await dial();
    const stream = session.request(fields(method));
    const end = statusOf(stream);
    for (const byte of GET_SESSION.subarray(0, 9)) stream.write(Uint8Array.of(byte));
    await works(session);
    kit.clock.advance(REQUEST_MS_MAX - 1);
    await works(session);
    expect(stream.closed).toBe(false);
    kit.clock.advance(1);
    expect(await end).toBe(4);
  });
});

/** The row asks for 10,000, which `test/integration` does; these are enough for two connections. */
const RESETS = 1_000;

describe('resets', () => {
  /** Opens streams and resets them until the server sends the client elsewhere. */
  const resetUntilGoaway = async (session: ClientHttp2Session): Promise<number> => {
    let recycled = false;
    let resets = 0;
    session.on('goaway', () => (recycled = true));
    const roundTrip = (): Promise<void> => new Promise((resolve) => session.ping(() => resolve()));
    while (!recycled) {
      const batch = Array.from({ length: 50 }, () => session.request(fields('Converse')));
      for (const stream of batch) stream.on('error', () => {});
      // A stream that the server has not seen is not reset by a frame.
      await roundTrip();
      for (const stream of batch) stream.close(constants.NGHTTP2_CANCEL);
      await roundTrip();
      resets += batch.length;
    }
    return resets;
  };

  /** A Converse stream of a session, attached; `next` resolves when bytes of it come. */
  const attachedOn = async (session: ClientHttp2Session) => {
    const stream = session.request(fields('Converse'));
    const faults: unknown[] = [];
    stream.on('error', (error) => faults.push(error));
    const opened = once(kit.front, 'attach') as Promise<[ScriptedAttachment]>;
    const message = request({ attach: { sessionId: SESSION_ID } });
    stream.write(Buffer.concat([Uint8Array.of(0, 0, 0, 0, message.length), message]));
    const [attachment] = await opened;
    await once(stream, 'data');
    return { stream, attachment, faults, next: () => once(stream, 'data') };
  };

  test('P10: thousands of resets do not reach the streams beside them, on the same connections or on others', async () => {
    const before = { ...kit.edge.connectionEnds };
    const beside: Awaited<ReturnType<typeof attachedOn>>[] = [await attachedOn(await dial())];
    let resets = 0;
    while (resets < RESETS) {
      const session = await dial();
      beside.push(await attachedOn(session));
      resets += await resetUntilGoaway(session);
      // Also on the connections that are going away.
      for (const { attachment, next } of beside) {
        const data = next();
        attachment.sink.tokens(runOf('t1', resets, 'x'));
        await data;
      }
    }
    expect(kit.edge.connectionEnds.resets - before.resets).toBe(beside.length - 1);
    expect(kit.edge.connectionEnds.flood).toBe(before.flood);
    for (const { stream, attachment, faults } of beside) {
      expect(faults).toEqual([]);
      expect(attachment.said).toEqual([]);
      const end = statusOf(stream);
      attachment.sink.end();
      expect(await end).toBe(0);
    }
    await works(await dial());
  });
});

describe('G19: floods of control frames', () => {
  test.each([
    { name: 'PING', most: PINGS_PER_SECOND_MAX, send: (session: ClientHttp2Session) => session.ping(() => {}) },
    {
      name: 'SETTINGS',
      most: SETTINGS_PER_SECOND_MAX,
      send: (session: ClientHttp2Session, count: number) => session.settings({ initialWindowSize: 65_536 + count }),
    },
  ])('$name: GOAWAY ENHANCE_YOUR_CALM for that peer', async ({ most, send }) => {
    const before = kit.edge.connectionEnds.flood;
    const session = await dial();
    await works(session);
    const goaway = once(session, 'goaway');
    for (let count = 0; count < most * 2 && !session.destroyed; count++) {
      send(session, count);
      if (count % 10 === 9) await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await goaway)[0]).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect(kit.edge.connectionEnds.flood).toBe(before + 1);
  });

  test('as many pings as a second allows, second by second, are no flood', async () => {
    const session = await dial();
    await works(session);
    for (let second = 0; second < 2; second++) {
      for (let count = 0; count < PINGS_PER_SECOND_MAX / 10; count++) {
        await Promise.all(Array.from({ length: 9 }, () => new Promise((resolve) => session.ping(resolve))));
      }
      kit.clock.advance(1_000);
    }
    await works(session);
  });
});

describe('raw bytes', () => {
  const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const frame = (type: number, flags: number, stream: number, payload: Uint8Array): Buffer => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
  };
  const settings = frame(4, 0, 0, new Uint8Array(0));
  const opening = [PREFACE, settings];

  /** `once` would reject when the server resets the connection, which is as good an end as any. */
  const closing = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

  const open = async (): Promise<Socket> => {
    const socket = connectSocket(kit.edge.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    await once(socket, 'connect');
    return socket;
  };

  // A stream that is opened and never ended, then CONTINUATION without end: 4 MiB of it.
  const continuations = [
    frame(1, 0, 1, Uint8Array.of(0x82)),
    ...Array.from({ length: 256 }, () => frame(9, 0, 1, Buffer.alloc(16_000, 0x82))),
  ];
  // One long field in the table, then 16,000 references to it in one block: 16 MiB when unpacked.
  const bomb = ((value: Buffer) =>
    frame(
      1,
      4,
      1,
      Buffer.concat([
        Uint8Array.of(0x40, 1, 0x61, 0x7f, value.length - 127 - 0 > 0x7f ? 0x80 | ((value.length - 127) & 0x7f) : 0, 7),
        value,
        Buffer.alloc(12_000, 0xbe),
      ]),
    ))(Buffer.alloc(1_023, 0x62));

  test.each([
    { id: 'G20', name: 'a CONTINUATION flood', bytes: [...opening, ...continuations] },
    { id: 'G20', name: 'an HPACK bomb', bytes: [...opening, bomb] },
    { id: 'G20', name: 'malformed HEADERS', bytes: [...opening, frame(1, 4, 1, Buffer.alloc(64, 0xff))] },
    { id: 'G20', name: 'HEADERS on stream 0', bytes: [...opening, frame(1, 4, 0, Uint8Array.of(0x82))] },
    { id: 'G21', name: 'WINDOW_UPDATE overflow', bytes: [...opening, frame(8, 0, 0, Buffer.from('7fffffff', 'hex'))] },
    { id: 'G23', name: 'HTTP/1.1', bytes: [Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n')] },
    { id: 'G23', name: 'junk', bytes: [Buffer.alloc(4_096, 0x5a)] },
  ])('$id: $name ends its connection and nothing else', async ({ bytes }) => {
    const before = kit.edge.connectionEnds.unheard;
    const socket = await open();
    const closed = closing(socket);
    for (const each of bytes) socket.write(each);
    await works(await dial());
    // What Node leaves open is closed at the bound for a first stream.
    kit.clock.advance(FIRST_STREAM_MS_MAX);
    await closed;
    expect(kit.edge.connectionEnds.unheard).toBeLessThanOrEqual(before + 1);
  });

  test('G23: HTTP/1.1 and junk are counted', async () => {
    const before = kit.edge.connectionEnds.unheard;
    for (const text of ['GET / HTTP/1.1\r\n\r\n', 'junk'.repeat(99)]) {
      const socket = await open();
      const closed = closing(socket);
      socket.write(text);
      await works(await dial());
      kit.clock.advance(FIRST_STREAM_MS_MAX);
      await closed;
    }
    expect(kit.edge.connectionEnds.unheard).toBe(before + 2);
  });

  test('a peer that does not heed GOAWAY loses its own connection', async () => {
    const socket = await open();
    const closed = closing(socket);
    const literal = (name: string, value: string): Buffer =>
      Buffer.concat([
        Uint8Array.of(0, name.length),
        Buffer.from(name),
        Uint8Array.of(value.length),
        Buffer.from(value),
      ]);
    const headers = Buffer.concat([
      literal(':method', 'POST'),
      literal(':scheme', 'http'),
      literal(':path', `${SERVICE_PATH}/Converse`),
      literal('content-type', 'application/grpc'),
    ]);
    for (const each of opening) socket.write(each);
    for (let count = 0; count < 5_000 && !socket.destroyed; count++) {
      const stream = 2 * count + 1;
      socket.write(frame(1, 4, stream, headers));
      socket.write(frame(3, 0, stream, Uint8Array.of(0, 0, 0, 8)));
      if (count % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
    }
    await closed;
    await works(await dial());
  });

  test('G21: connections that end by an overflow leave nothing behind', async () => {
    for (let round = 0; round < 5; round++) {
      const sockets = await Promise.all(Array.from({ length: 40 }, open));
      const ends = sockets.map((socket) => closing(socket));
      for (const socket of sockets) {
        for (const each of [...opening, frame(8, 0, 0, Buffer.from('7fffffff', 'hex'))]) socket.write(each);
      }
      await works(await dial());
      kit.clock.advance(FIRST_STREAM_MS_MAX);
      await Promise.all(ends);
    }
  });
});
