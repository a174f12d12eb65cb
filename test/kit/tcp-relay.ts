import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

type Mode = 'passing' | 'refusing' | 'silent';

/** A wire between a client and a server that a test can cut. */
export class TcpRelay implements AsyncDisposable {
  /** Port that new connections are passed on to. */
  target: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;
  #mode: Mode = 'passing';

  private constructor(port: number) {
    this.target = port;
    this.#server = createServer((near) => this.#accept(near));
  }

  /** Listens on a port of the system's choice and passes everything on to `port`, or to a later `target`. */
  static async start(port = 0): Promise<TcpRelay> {
    const relay = new TcpRelay(port);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    relay.#port = (relay.#server.address() as AddressInfo).port;
    return relay;
  }

  /** `host:port` that clients dial instead of the server's own. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Cuts every connection at once, as a lost network does: both ends see a reset. New ones pass. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Cuts every connection, and each new one as it comes. */
  refuse(): void {
    this.#mode = 'refusing';
    this.cut();
  }

  /** Passes nothing on any more and closes nothing: the silence of a machine that hangs. */
  stall(): void {
    this.#mode = 'silent';
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  #accept(near: Socket): void {
    this.#own(near);
    if (this.#mode === 'refusing') near.resetAndDestroy();
    if (this.#mode !== 'passing') return;
    const far = this.#own(connect(this.target, '127.0.0.1'));
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    near.pipe(far);
    far.pipe(near);
  }

  #own(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    return socket;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}
