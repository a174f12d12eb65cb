/** A WebSocket client on a raw socket (RFC 6455), text only, without extensions: one message, one call. */
import type { Socket } from 'node:net';
import { openSocket, type SocketOptions } from './raw-socket.ts';

export type WebSocketOptions = SocketOptions & {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The bytes are valid until it returns. */
  readonly message: (bytes: Buffer, from: number, to: number) => void;
  readonly ended: (problem: string) => void;
};

const HEAD_END = Buffer.from('\r\n\r\n');
const KEY = 'AAAAAAAAAAAAAAAAAAAAAA==';
const Opcode = { text: 1, close: 8, ping: 9, pong: 10 } as const;
const MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

export class WebSocketClient {
  readonly #options: WebSocketOptions;
  readonly #socket: Socket;
  readonly #opened = Promise.withResolvers<void>();
  #isOpen = false;
  /** A head or a frame that is not whole. */
  #rest = Buffer.alloc(0);

  private constructor(options: WebSocketOptions) {
    this.#options = options;
    this.#socket = openSocket(options, {
      data: (bytes, length) => this.#take(bytes, length),
      ended: (problem) => {
        this.#opened.reject(new Error(`no WebSocket: ${problem}`));
        options.ended(problem);
      },
    });
    const lines = Object.entries({
      host: options.address,
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-version': '13',
      'sec-websocket-key': KEY,
      ...options.headers,
    }).map(([name, value]) => `${name}: ${value}`);
    this.#socket.write(`GET ${options.path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  }

  static async open(options: WebSocketOptions): Promise<WebSocketClient> {
    const client = new WebSocketClient(options);
    await client.#opened.promise;
    return client;
  }

  send(text: string): void {
    this.#socket.write(masked(Opcode.text, Buffer.from(text)));
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(bytes: Buffer, length: number): void {
    let from = 0;
    let to = length;
    let all = bytes;
    if (this.#rest.length > 0) {
      all = Buffer.concat([this.#rest, bytes.subarray(0, length)]);
      to = all.length;
      this.#rest = Buffer.alloc(0);
    }
    if (!this.#isOpen) {
      const end = all.subarray(0, to).indexOf(HEAD_END);
      if (end >= 0) from = this.#open(all.toString('latin1', 0, end), end);
    }
    if (this.#isOpen) from = this.#frames(all, from, to);
    if (from < to) this.#rest = Buffer.from(all.subarray(from, to));
  }

  #open(head: string, end: number): number {
    if (head.startsWith('HTTP/1.1 101 ')) {
      this.#isOpen = true;
      this.#opened.resolve();
    } else {
      this.#opened.reject(new Error(`no WebSocket: ${head.slice(0, 200)}`));
      this.close();
    }
    return end + HEAD_END.length;
  }

  /** Returns where the first frame begins that is not whole. */
  #frames(bytes: Buffer, from: number, to: number): number {
    let at = from;
    for (let head = headOf(bytes, at, to); head !== undefined; head = headOf(bytes, at, to)) {
      const end = head.at + head.length;
      if (end > to) return at;
      this.#frame((bytes[at] as number) & 15, bytes, head.at, end);
      at = end;
    }
    return at;
  }

  #frame(opcode: number, bytes: Buffer, from: number, to: number): void {
    if (opcode === Opcode.text) this.#options.message(bytes, from, to);
    else if (opcode === Opcode.ping) this.#socket.write(masked(Opcode.pong, bytes.subarray(from, to)));
    else if (opcode === Opcode.close) this.#socket.destroy();
    else throw new RangeError(`a frame of kind ${opcode}`);
  }
}

function headOf(bytes: Buffer, at: number, to: number): { readonly at: number; readonly length: number } | undefined {
  if (at + 2 > to) return undefined;
  const short = bytes[at + 1] as number;
  if (short < LENGTH_16) return { at: at + 2, length: short };
  if (short === LENGTH_16) return at + 4 > to ? undefined : { at: at + 4, length: bytes.readUInt16BE(at + 2) };
  return at + 10 > to ? undefined : { at: at + 10, length: Number(bytes.readBigUInt64BE(at + 2)) };
}

/** A client's frame; a mask of zeros changes nothing and is a mask. */
function masked(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const long = length < LENGTH_16 ? 0 : length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + long + 4);
  head[0] = 0x80 | opcode;
  head[1] = MASKED | (long === 0 ? length : long === 2 ? LENGTH_16 : LENGTH_64);
  if (long === 2) head.writeUInt16BE(length, 2);
  if (long === 8) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}
