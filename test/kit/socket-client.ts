import { WebSocket } from 'ws';
import { bounded } from './bounded.ts';

export type SocketEvent = { readonly type: string } & Readonly<Record<string, unknown>>;
type Goodbye = { readonly code: number; readonly reason: string };

export type SocketClientOptions = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
  /** Certificate to trust, over `wss`. */
  readonly ca?: string;
};

type Waiter = { readonly look: () => boolean; readonly fail: (error: Error) => void };

/** The WebSocket surface as a client sees it, without an SDK in between. */
export class SocketClient {
  /** Everything that came, in order. */
  readonly events: SocketEvent[] = [];
  readonly socket: WebSocket;
  readonly #closed = Promise.withResolvers<Goodbye>();
  readonly #waiters = new Set<Waiter>();
  #taken = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => {
      this.events.push(JSON.parse(data.toString()) as SocketEvent);
      this.#wake();
    });
    socket.on('close', (code, reason) => {
      this.#closed.resolve({ code, reason: reason.toString() });
      for (const { fail } of this.#waiters) fail(new Error(`closed with ${code} after ${this.types().join(' ')}`));
    });
    socket.on('error', () => {});
  }

  /** Resolves when the socket is open; rejects with the library's error otherwise. */
  static async open(base: string, key: string, options: SocketClientOptions = {}): Promise<SocketClient> {
    const url = `${base.replace('http', 'ws')}/v1/responses`;
    const authorization = key === '' ? {} : { authorization: `Bearer ${key}` };
    const socket = new WebSocket(url, [...(options.protocols ?? [])], {
      headers: { ...authorization, ...options.headers },
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    });
    const client = new SocketClient(socket);
    const opened = new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    await bounded(opened, 'an open WebSocket');
    return client;
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  create(body: object): void {
    this.send({ type: 'response.create', ...body });
  }

  /** The next event that fits, of those that no wait has passed. */
  async until(fits: string | ((event: SocketEvent) => boolean)): Promise<SocketEvent> {
    const test = typeof fits === 'string' ? ({ type }: SocketEvent): boolean => type === fits : fits;
    const find = (): SocketEvent | undefined => {
      const at = this.events.findIndex((event, index) => index >= this.#taken && test(event));
      if (at < 0) return undefined;
      this.#taken = at + 1;
      return this.events[at];
    };
    const now = find();
    if (now !== undefined) return now;
    const { promise, resolve, reject } = Promise.withResolvers<SocketEvent>();
    const look = (): boolean => {
      const found = find();
      if (found !== undefined) resolve(found);
      return found !== undefined;
    };
    this.#waiters.add({ look, fail: reject });
    return bounded(promise, () => `${typeof fits === 'string' ? fits : 'an event'}, after ${this.types().join(' ')}`);
  }

  /** The terminal of the response that runs. */
  terminal(): Promise<SocketEvent> {
    return this.until(({ type }) => /^response\.(completed|incomplete|failed)$/.test(type) || type === 'error');
  }

  /** The goodbye of the other side. */
  closed(): Promise<Goodbye> {
    return bounded(this.#closed.promise, () => `the end of the socket, after ${this.types().join(' ')}`);
  }

  /** Types in order, with runs of deltas told once. */
  types(from = 0): string[] {
    const all = this.events.slice(from).map(({ type }) => type);
    return all.filter((type, index) => !type.endsWith('.delta') || type !== all[index - 1]);
  }

  close(): void {
    this.socket.close();
  }

  #wake(): void {
    for (const waiter of this.#waiters) if (waiter.look()) this.#waiters.delete(waiter);
  }
}
