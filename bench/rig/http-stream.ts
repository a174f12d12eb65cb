/**
 * A client of HTTP/1.1 on a raw socket, one answer after the other: `node:http` costs more than the server-sent events
 * that it is to receive. What comes is handed on event by event, or whole where it is no stream of events.
 */
import type { Socket } from 'node:net';
import { ChunkedBody } from './chunked-body.ts';
import { openSocket, type SocketOptions } from './raw-socket.ts';

export type HttpRequest = {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The JSON of one event; the bytes are valid until it returns. */
  readonly event: (bytes: Buffer, from: number, to: number) => void;
};

const HEAD_END = Buffer.from('\r\n\r\n');
const EVENT_END = Buffer.from('\n\n');
const DATA = Buffer.from('data: ');

type Running = HttpRequest & {
  readonly resolve: (status: number) => void;
  readonly reject: (error: Error) => void;
};

export class HttpStream {
  readonly #socket: Socket;
  readonly #host: string;
  #running: Running | undefined;
  #status = 0;
  #body: ChunkedBody | undefined;
  /** What is not whole yet: a head, or an event. */
  #rest = Buffer.alloc(0);

  private constructor(options: SocketOptions) {
    this.#host = options.address;
    this.#socket = openSocket(options, {
      data: (bytes, length) => this.#take(bytes, length),
      ended: (problem) => this.#fail(problem),
    });
  }

  /** Resolves when the connection is there, its TLS included. */
  static async open(options: SocketOptions): Promise<HttpStream> {
    const stream = new HttpStream(options);
    await new Promise<void>((resolve, reject) => {
      stream.#socket.once(options.tls === true ? 'secureConnect' : 'connect', resolve);
      stream.#socket.once('error', reject);
    });
    return stream;
  }

  /** Resolves to the status behind the answer's last byte. One at a time. */
  request(request: HttpRequest): Promise<number> {
    const { method, path, headers, body = '' } = request;
    const entity = body === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const lines = Object.entries({ host: this.#host, ...headers, ...entity }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    return new Promise((resolve, reject) => {
      if (this.#running !== undefined) throw new Error('an answer is still on its way');
      this.#running = { ...request, resolve, reject };
      this.#socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
    });
  }

  close(): void {
    this.#running = undefined;
    this.#socket.destroy();
  }

  #fail(problem: string): void {
    this.#running?.reject(new Error(`the connection ended in an answer: ${problem}`));
    this.#running = undefined;
  }

  #take(bytes: Buffer, length: number): void {
    try {
      if (this.#body === undefined) this.#head(bytes, length);
      else this.#chunks(bytes, 0, length);
    } catch (error) {
      this.#running?.reject(error as Error);
      this.close();
    }
  }

  #head(bytes: Buffer, length: number): void {
    const all = Buffer.concat([this.#rest, bytes.subarray(0, length)]);
    const end = all.indexOf(HEAD_END);
    if (end < 0) {
      this.#rest = all;
      return;
    }
    this.#rest = Buffer.alloc(0);
    const head = all.toString('latin1', 0, end);
    this.#status = Number(head.slice(9, 12));
    if (!/\r\ntransfer-encoding: chunked/i.test(head))
      throw new Error(`an answer that is no stream: ${all.toString()}`);
    this.#body = new ChunkedBody();
    this.#chunks(all, end + HEAD_END.length, all.length);
  }

  #chunks(bytes: Buffer, from: number, length: number): void {
    this.#body?.take(bytes, from, length, (at, to) => this.#events(bytes, at, to));
    if (this.#body?.over !== true) return;
    this.#body = undefined;
    const running = this.#running;
    this.#running = undefined;
    running?.resolve(this.#status);
  }

  #events(bytes: Buffer, from: number, to: number): void {
    if (this.#rest.length > 0) {
      const all = Buffer.concat([this.#rest, bytes.subarray(from, to)]);
      this.#rest = Buffer.alloc(0);
      this.#whole(all, 0, all.length);
    } else this.#whole(bytes, from, to);
  }

  #whole(bytes: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      const end = bytes.indexOf(EVENT_END, at);
      if (end < 0 || end + EVENT_END.length > to) break;
      const data = bytes.indexOf(DATA, at);
      if (data >= 0 && data < end) this.#running?.event(bytes, data + DATA.length, end);
      at = end + EVENT_END.length;
    }
    if (at < to) this.#rest = Buffer.from(bytes.subarray(at, to));
  }
}
