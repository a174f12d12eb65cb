/** WebSocket by hand over TCP: frames that no library would send, and the bytes that come back. */
import { connect, type Socket } from 'node:net';
import { bounded } from './bounded.ts';

export const opcode = { continuation: 0, text: 1, binary: 2, reserved: 3, close: 8, ping: 9, pong: 10 } as const;

export type RawFrame = {
  readonly opcode: number;
  readonly payload: Uint8Array;
  /** Default true. */
  readonly fin?: boolean;
  /** The three reserved bits, RSV1 as 4. */
  readonly rsv?: number;
  readonly mask?: boolean;
  /** Length that the header claims. */
  readonly claims?: number;
};

const MASK = Uint8Array.of(1, 2, 3, 4);
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** The bytes of a frame as it was asked for, whatever the RFC says. */
export function frameOf({ opcode: code, payload, fin = true, rsv = 0, mask = true, claims }: RawFrame): Buffer {
  const { small, extended } = lengthOf(claims ?? payload.length);
  const head = Buffer.of((fin ? 0x80 : 0) | (rsv << 4) | code, (mask ? 0x80 : 0) | small);
  if (!mask) return Buffer.concat([head, extended, payload]);
  const masked = payload.map((byte, index) => byte ^ (MASK[index % MASK.length] ?? 0));
  return Buffer.concat([head, extended, MASK, masked]);
}

function lengthOf(length: number): { readonly small: number; readonly extended: Buffer } {
  if (length < 126) return { small: length, extended: Buffer.alloc(0) };
  if (length < 65_536) return { small: 126, extended: Buffer.of(length >> 8, length & 255) };
  const extended = Buffer.alloc(8);
  extended.writeBigUInt64BE(BigInt(length));
  return { small: 127, extended };
}

/** A frame as clients send it. */
export function maskedFrame(code: number, payload: string | Uint8Array): Buffer {
  return frameOf({ opcode: code, payload: typeof payload === 'string' ? Buffer.from(payload) : payload });
}

type Came = { readonly opcode: number; readonly payload: Buffer };

export class RawWebSocket {
  readonly socket: Socket;
  /** Status line and header lines of the answer to the upgrade. */
  readonly head: readonly string[];
  /** What followed an answer that is no upgrade. */
  body = '';
  readonly frames: Came[] = [];
  #bytes = Buffer.alloc(0);
  #wake: () => void = () => {};
  #isOver = false;

  private constructor(socket: Socket, head: readonly string[], rest: Buffer) {
    this.socket = socket;
    this.head = head;
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('close', () => {
      this.#isOver = true;
      this.#wake();
    });
    this.#read(rest);
  }

  /** Sends the upgrade with these header lines on top, and waits for the answer. `target` stands in the request line. */
  static async open(base: string, headers: readonly string[], target = '/v1/responses'): Promise<RawWebSocket> {
    const { hostname, port } = new URL(base);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.on('error', () => {});
    const host = headers.some((line) => line.toLowerCase().startsWith('host:')) ? [] : [`host: ${hostname}:${port}`];
    const upgrade = [
      'upgrade: websocket',
      'connection: Upgrade',
      'sec-websocket-version: 13',
      `sec-websocket-key: ${KEY}`,
    ];
    socket.write(`GET ${target} HTTP/1.1\r\n${[...host, ...upgrade, ...headers].join('\r\n')}\r\n\r\n`);
    const answered = new Promise<RawWebSocket>((resolve, reject) => {
      let bytes = Buffer.alloc(0);
      const take = (chunk: Buffer): void => {
        bytes = Buffer.concat([bytes, chunk]);
        const end = bytes.indexOf('\r\n\r\n');
        if (end < 0) return;
        socket.off('data', take);
        resolve(new RawWebSocket(socket, bytes.toString('latin1', 0, end).split('\r\n'), bytes.subarray(end + 4)));
      };
      socket.on('data', take);
      socket.once('close', () => reject(new Error(`closed without an answer: ${bytes.toString('latin1')}`)));
    });
    return bounded(answered, 'an answer to the upgrade');
  }

  get status(): number {
    return Number(this.head[0]?.split(' ')[1]);
  }

  header(name: string): string | undefined {
    return this.head.find((line) => line.toLowerCase().startsWith(`${name}:`))?.replace(/^[^:]*: */, '');
  }

  /** JSON of the refusal. */
  async refusal(): Promise<{ readonly code: string }> {
    const whole = (): boolean => this.#bytes.length >= Number(this.header('content-length'));
    await this.#until(whole, 'a whole body');
    return (JSON.parse(this.#bytes.toString()) as { error: { code: string } }).error;
  }

  /** The first text message that fits. */
  async message(fits: (message: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    const find = (): Record<string, unknown> | undefined =>
      this.frames
        .filter((frame) => frame.opcode === opcode.text)
        .map(({ payload }) => JSON.parse(payload.toString()) as Record<string, unknown>)
        .find(fits);
    await this.#until(() => find() !== undefined, 'a message');
    return find() as Record<string, unknown>;
  }

  /** Code of the close frame; 0 when the connection ended without one. */
  async closed(): Promise<number> {
    const find = (): Came | undefined => this.frames.find((frame) => frame.opcode === opcode.close);
    await this.#until(() => find() !== undefined || this.#isOver, 'a close frame');
    const { payload } = find() ?? {};
    return payload === undefined || payload.length < 2 ? 0 : payload.readUInt16BE();
  }

  /** The connection is gone. */
  ended(): Promise<void> {
    return this.#until(() => this.#isOver, 'the end of the connection');
  }

  #until(met: () => boolean, what: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = () => {
      if (met()) resolve();
    };
    this.#wake();
    return bounded(promise, () => `${what}; ${this.frames.length} frames came, ${this.#bytes.length} bytes are left`);
  }

  #read(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (this.status === 101) while (this.#frame());
    this.#wake();
  }

  #frame(): boolean {
    const [first, second] = this.#bytes;
    if (first === undefined || second === undefined) return false;
    const small = second & 0x7f;
    const headBytes = small === 126 ? 4 : small === 127 ? 10 : 2;
    if (this.#bytes.length < headBytes) return false;
    const wide = (): number => (small === 126 ? this.#bytes.readUInt16BE(2) : Number(this.#bytes.readBigUInt64BE(2)));
    const length = small < 126 ? small : wide();
    if (this.#bytes.length < headBytes + length) return false;
    this.frames.push({ opcode: first & 15, payload: Buffer.from(this.#bytes.subarray(headBytes, headBytes + length)) });
    this.#bytes = this.#bytes.subarray(headBytes + length);
    return true;
  }
}
