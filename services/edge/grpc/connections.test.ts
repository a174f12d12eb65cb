import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter, once } from 'node:events';
import { connect, type ClientHttp2Session } from 'node:http2';
import { connect as connectSocket, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { FIRST_STREAM_MS_MAX, RECEIVE_WINDOW_BYTES } from './connections.ts';
import { EdgeKit, SERVICE_PATH, startKit } from './edge-kit.ts';
import { PEER_RESETS_MAX } from './peer-meter.ts';

let kit: EdgeKit;
beforeEach(async () => {
  kit = await startKit();
});
afterEach(() => kit[Symbol.asyncDispose]());

describe('connections', () => {
  const dial = (): Promise<ClientHttp2Session> => {
    const session = connect(`http://127.0.0.1:${kit.edge.port}`);
    session.on('error', () => {});
    return once(session, 'connect').then(() => session);
  };
  const headers = () => ({
    ':method': 'POST',
    ':path': `${SERVICE_PATH}/Converse`,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${kit.key}`,
  });

  test('R0: windows of 4 MiB, told once', async () => {
    const session = await dial();
    const windows: unknown[] = [];
    session.on('remoteSettings', (settings) => windows.push(settings.initialWindowSize));
    const settled = once(session, 'remoteSettings');
    const streams = [session.request(headers()), session.request(headers())];
    await settled;
    // The window update may follow the first answer.
    for (let round = 0; round < 2; round++) await new Promise((resolve) => session.ping(resolve));
    expect(windows.filter((size) => size === RECEIVE_WINDOW_BYTES)).toHaveLength(1);
    expect(session.state.remoteWindowSize).toBeGreaterThanOrEqual(RECEIVE_WINDOW_BYTES);
    for (const stream of streams) stream.on('error', () => {}).close();
    session.destroy();
  });

  test('G18: a connection is recycled at its 500th reset, and open streams finish', async () => {
    const session = await dial();
    const goaway = once(session, 'goaway');
    const survivor = session.request(headers());
    survivor.on('error', () => {});
    for (let count = 0; count < PEER_RESETS_MAX; count++) {
      const stream = session.request(headers());
      stream.on('error', () => {});
      await new Promise((resolve) => session.ping(resolve));
      stream.close(8);
      await once(stream, 'close');
    }
    expect((await goaway)[0]).toBe(0);
    const response = once(survivor, 'response');
    survivor.end();
    expect((await response)[0]['grpc-status']).toBe('9');
    expect(kit.log.records.map((record) => record.message)).toEqual(['connection recycled after resets by its peer']);
    session.destroy();
  });

  test('a connection without a stream is closed after 10 s', async () => {
    const accepted = once(socketsOf(kit.edge.port), 'socket');
    const socket = connectSocket(kit.edge.port, '127.0.0.1');
    const closed = once(socket, 'close');
    await accepted;
    kit.clock.advance(FIRST_STREAM_MS_MAX - 1);
    expect(socket.destroyed).toBe(false);
    kit.clock.advance(1);
    await closed;
  });

  test('a client that falls silent with its connection open is gone after the keepalive', async () => {
    await kit[Symbol.asyncDispose]();
    kit = await startKit(0, { keepalive: { timeMs: 20, timeoutMs: 100 } });
    const way = Promise.withResolvers<{ mute: () => Promise<unknown> }>();
    const through = createServer((left) => {
      const right = connectSocket(kit.edge.port, '127.0.0.1');
      left
        .on('error', () => {})
        .pipe(right.on('error', () => {}))
        .pipe(left);
      way.resolve({ mute: () => once(right.unpipe(left).resume(), 'close') });
    }).listen(0, '127.0.0.1');
    through.unref();
    await once(through, 'listening');
    const client = kit.client({}, (through.address() as AddressInfo).port);
    const { attachment } = await kit.attached(client);
    const gone = once(attachment, 'disconnected');
    await Promise.all([(await way.promise).mute(), gone]);
    expect(attachment.said).toEqual(['disconnected']);
    through.close();
  });

  test('H8: sockets have TCP_NODELAY', async () => {
    const calls: unknown[] = [];
    const watch = (message: unknown): void => {
      const { socket } = message as { socket: Socket };
      const original = socket.setNoDelay.bind(socket);
      socket.setNoDelay = (on) => {
        calls.push(on);
        return original(on);
      };
    };
    subscribe('net.server.socket', watch);
    const second = await startKit();
    await second.attached(second.client());
    unsubscribe('net.server.socket', watch);
    await second[Symbol.asyncDispose]();
    expect(calls).toContain(true);
  });
});

/** Emits `socket` for every connection that a server in this process takes on a port. */
function socketsOf(port: number): EventEmitter {
  const emitter = new EventEmitter();
  const told = (message: unknown): void => {
    if ((message as { socket: Socket }).socket.localPort === port) {
      unsubscribe('net.server.socket', told);
      emitter.emit('socket');
    }
  };
  subscribe('net.server.socket', told);
  return emitter;
}
