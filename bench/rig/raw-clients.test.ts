import { createServer, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HttpStream } from './http-stream.ts';
import { listenAnywhere } from './listen.ts';
import { WebSocketClient } from './websocket-client.ts';

let server: Server;
let address: string;

beforeEach(async () => {
  server = createServer((request, response) => {
    if (request.url === '/none') {
      response.writeHead(404, { 'content-length': 2 }).end('{}');
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      // An event in two chunks, two events in one.
      response.write(`event: a\nid: 1\ndata: ${body.slice(0, 3)}`);
      response.write(`${body.slice(3)}\n\n: nothing\n\ndata: two\n\ndata: th`);
      setImmediate(() => response.end('ree\n\n'));
    });
  });
  address = await listenAnywhere(server);
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

describe('HttpStream', () => {
  const post = (stream: HttpStream, path: string, body: string, events: string[]): Promise<number> =>
    stream.request({
      method: 'POST',
      path,
      headers: { authorization: 'Bearer x' },
      body,
      event: (bytes, from, to) => events.push(bytes.toString('utf8', from, to)),
    });

  test('hands on whole events, answer after answer', async () => {
    const stream = await HttpStream.open({ address });
    const events: string[] = [];
    expect(await post(stream, '/', 'first', events)).toBe(200);
    expect(await post(stream, '/', 'second', events)).toBe(200);
    stream.close();
    expect(events).toEqual(['first', 'two', 'three', 'second', 'two', 'three']);
  });

  test('rejects an answer that is no stream', async () => {
    const stream = await HttpStream.open({ address });
    await expect(post(stream, '/none', 'x', [])).rejects.toThrow('404');
  });

  test('rejects when the peer leaves', async () => {
    const stream = await HttpStream.open({ address });
    server.removeAllListeners('request');
    server.on('request', (request) => request.socket.destroy());
    await expect(post(stream, '/', 'x', [])).rejects.toThrow('ended in an answer');
  });

  test('rejects where nobody listens', async () => {
    await expect(HttpStream.open({ address: '127.0.0.1:1' })).rejects.toThrow('ECONNREFUSED');
  });
});

/** A server's side of RFC 6455 as far as the test needs it: unmasked frames, heads by the length. */
function serverFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = length < 126 ? length : length < 65_536 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

/** What a client sent, behind its head of the same form with a mask of zeros. */
function clientPayload(bytes: Buffer, payloadBytes: number): { opcode: number; payload: Buffer } {
  const payload = bytes.subarray(bytes.length - payloadBytes);
  const head = serverFrame((bytes[0] as number) & 15, payload).subarray(0, bytes.length - payloadBytes - 4);
  head[1] = (head[1] as number) | 0x80;
  expect(bytes.subarray(0, bytes.length - payloadBytes)).toEqual(Buffer.concat([head, Buffer.alloc(4)]));
  return { opcode: (bytes[0] as number) & 15, payload };
}

function upgraded(told: (socket: Duplex) => void): void {
  server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n');
    told(socket);
  });
}

describe('WebSocketClient', () => {
  const OPTIONS = { path: '/v1/responses', headers: {}, message: () => {}, ended: () => {} };

  test.each([
    { name: 'a short message', length: 5, headBytes: 6 },
    { name: 'one with a length of 16 bits', length: 300, headBytes: 8 },
    { name: 'one with a length of 64 bits', length: 70_000, headBytes: 14 },
  ])('sends and receives $name', async ({ length, headBytes }) => {
    upgraded((socket) => {
      let seen = Buffer.alloc(0);
      socket.on('data', (bytes: Buffer) => {
        seen = Buffer.concat([seen, bytes]);
        if (seen.length < length + headBytes) return;
        const frame = serverFrame(1, clientPayload(seen, length).payload);
        // The border of two reads lies in the frame's head.
        socket.write(frame.subarray(0, 1));
        setImmediate(() => socket.write(frame.subarray(1)));
      });
    });
    const came = Promise.withResolvers<string>();
    const client = await WebSocketClient.open({
      ...OPTIONS,
      address,
      message: (bytes, from, to) => came.resolve(bytes.toString('utf8', from, to)),
      ended: (problem) => came.reject(new Error(problem)),
    });
    const text = 'x'.repeat(length);
    client.send(text);
    expect(await came.promise).toBe(text);
    client.close();
  });

  test('answers a ping with its data', async () => {
    const answer = Promise.withResolvers<Buffer>();
    upgraded((socket) => {
      socket.on('data', (bytes: Buffer) => answer.resolve(bytes));
      socket.write(serverFrame(9, Buffer.from('alive')));
    });
    const client = await WebSocketClient.open({ ...OPTIONS, address });
    const { opcode, payload } = clientPayload(await answer.promise, 5);
    expect([opcode, payload.toString()]).toEqual([10, 'alive']);
    client.close();
  });

  test('tells when the peer closes', async () => {
    upgraded((socket) => void socket.write(serverFrame(8, Buffer.alloc(0))));
    const ended = Promise.withResolvers<string>();
    await WebSocketClient.open({ ...OPTIONS, address, ended: (problem) => ended.resolve(problem) });
    expect(await ended.promise).toBe('the peer ended it');
  });

  test('rejects a refused upgrade', async () => {
    await expect(WebSocketClient.open({ ...OPTIONS, address, path: '/none' })).rejects.toThrow('404');
  });
});
