import { connect, type Socket } from 'node:net';
import { connect as connectSecure, type ConnectionOptions } from 'node:tls';
import { bounded } from './bounded.ts';

/** An answer as it stood on the wire. */
export type RawAnswer = {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
};

/** A connection to an HTTP server, over TCP or TLS, for what no client would send. */
export class RawHttp {
  readonly #socket: Socket;
  readonly #looks = new Set<() => void>();
  readonly #closed: Promise<void>;
  #received = '';
  #isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.#received += bytes.toString('latin1');
      this.#look();
    });
    // A reset is an end as well; what came before it counts.
    socket.on('error', () => {});
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#isClosed = true;
        this.#look();
        resolve();
      });
    });
  }

  /**
   * @param base `http://host:port`, or `https://host:port`
   * @param tls whom to trust, and what else a TLS connection begins with
   */
  static async connect(base: string, tls: ConnectionOptions = {}): Promise<RawHttp> {
    const { protocol, hostname, port } = new URL(base);
    const to = { host: hostname, port: Number(port) };
    const isSecure = protocol === 'https:';
    const socket = isSecure ? connectSecure({ ...to, ...tls }) : connect({ ...to, noDelay: true });
    const raw = new RawHttp(socket);
    const connected = new Promise((resolve, reject) => {
      socket.once(isSecure ? 'secureConnect' : 'connect', resolve);
      socket.once('error', reject);
    });
    await bounded(connected, 'a connection');
    return raw;
  }

  get socket(): Socket {
    return this.#socket;
  }

  get received(): string {
    return this.#received;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** False when the socket is full; what was written stays. */
  send(bytes: string | Uint8Array): boolean {
    return this.#socket.writable && this.#socket.write(bytes);
  }

  /** Writes nothing more, and still reads. */
  halfClose(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Resolves when the server has closed the connection. */
  closed(): Promise<void> {
    return bounded(this.#closed, () => `a closed connection, after ${JSON.stringify(this.#received.slice(0, 200))}`);
  }

  /** Resolves once a text has come. */
  async until(text: string): Promise<void> {
    await this.#when(() => (this.#received.includes(text) ? true : undefined), text);
  }

  /** The first answer, whole by its content-length or by the end of the connection. */
  answer(): Promise<RawAnswer> {
    return this.#when(() => parsed(this.#received, this.#isClosed), 'an answer');
  }

  #when<T>(find: () => T | undefined, what: string): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    const look = (): void => {
      const found = find();
      if (found !== undefined) resolve(found);
    };
    this.#looks.add(look);
    look();
    const told = (): string => `${what}, after ${JSON.stringify(this.#received.slice(0, 200))}`;
    return bounded(promise, told).finally(() => this.#looks.delete(look));
  }

  #look(): void {
    for (const look of this.#looks) look();
  }
}

function parsed(text: string, isClosed: boolean): RawAnswer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const pairs = lines.map((line) => line.split(/: ?(.*)/s, 2) as [string, string]);
  const headers = new Map(pairs.map(([name, value]) => [name.toLowerCase(), value]));
  const rest = text.slice(end + 4);
  const length = Number(headers.get('content-length') ?? Infinity);
  if (rest.length < length && !isClosed) return undefined;
  return { status: Number(first.split(' ')[1]), headers, body: rest.slice(0, length) };
}
