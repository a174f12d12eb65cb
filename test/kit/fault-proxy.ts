import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { seededRandom } from '@reticle/core/flow';
import { type EndingFault, FaultPipe, type Toxics, type Trip } from './fault-proxy-pipe.ts';

/** `up` runs from the side that dialled to the side that listens, `down` back. */
export type Direction = 'up' | 'down';

export type FaultProxyOptions = {
  /** Where new connections go; may be changed later. */
  readonly targetPort?: number;
  /** Port to listen on; default: the system's choice. */
  readonly port?: number;
  /** Seeds jitter and {@link FaultProxy.pick}. */
  readonly seed?: number;
};

const HOST = '127.0.0.1';

/** One wire through a proxy. */
export class FaultWire {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #pipes: Readonly<Record<Direction, FaultPipe>>;
  /** What becomes of one end is no longer told to the other. */
  #apart = false;

  constructor(near: Socket, far: Socket, options: { toxics: Record<Direction, Toxics>; unit: () => number }) {
    this.#near = near;
    this.#far = far;
    const { toxics, unit } = options;
    const pipe = (direction: Direction): FaultPipe => {
      const [source, target] = direction === 'up' ? [near, far] : [far, near];
      const onTrip = (fault: EndingFault): void => this.#fault(fault, direction);
      return new FaultPipe({ source, target, toxics: toxics[direction], unit, onTrip });
    };
    this.#pipes = { up: pipe('up'), down: pipe('down') };
    // A socket that breaks breaks the other one; one that ended properly has told so through the pipe.
    near.on('close', (broken: boolean) => this.#closed(far, broken));
    far.on('close', (broken: boolean) => this.#closed(near, broken));
  }

  get open(): boolean {
    return !this.#near.destroyed || !this.#far.destroyed;
  }

  /** The local port of the side that dialled: tells whose wire this is. */
  get dialledFrom(): number {
    return this.#near.remotePort ?? 0;
  }

  /** Bytes that have passed. */
  passed(direction: Direction): number {
    return this.#pipes[direction].passedBytes;
  }

  set(direction: Direction, toxics: Toxics): void {
    const pipe = this.#pipes[direction];
    if (pipe.lost && toxics.drop !== true) this.reset();
    else pipe.set(toxics);
  }

  /** Arms one fault at one byte; a later call replaces it. */
  trip(direction: Direction, trip: Trip): void {
    this.#pipes[direction].trip(trip);
  }

  /** True while a fault waits for its byte. */
  get armed(): boolean {
    return this.#pipes.up.armed || this.#pipes.down.armed;
  }

  disarm(): void {
    this.#pipes.up.disarm();
    this.#pipes.down.disarm();
  }

  reset(): void {
    this.#fault('reset', 'up');
  }

  #fault(fault: EndingFault, direction: Direction): void {
    const target = direction === 'up' ? this.#far : this.#near;
    if (fault === 'blackhole' || fault === 'half-open') {
      this.#pipes.up.swallow();
      this.#pipes.down.swallow();
      this.#apart = true;
      if (fault === 'half-open') target.resetAndDestroy();
      return;
    }
    this.#pipes.up.close();
    this.#pipes.down.close();
    for (const socket of [this.#near, this.#far]) {
      if (fault === 'reset') socket.resetAndDestroy();
      else socket.destroySoon();
    }
  }

  #closed(other: Socket, broken: boolean): void {
    if (this.#apart) return;
    if (broken && !other.destroyed) other.resetAndDestroy();
    else if (!other.destroyed && other.writableEnded) other.destroySoon();
  }
}

/**
 * A wire between a client and a server with Toxiproxy's faults, on real sockets and without privileges. Toxics hold
 * for every wire, present and future, until they are changed; a {@link FaultWire} can be faulted alone.
 */
export class FaultProxy implements AsyncDisposable {
  targetPort: number;
  readonly #server: Server;
  readonly #wires = new Set<FaultWire>();
  readonly #sockets = new Set<Socket>();
  readonly #unit: () => number;
  #toxics: Record<Direction, Toxics> = { up: {}, down: {} };
  #mode: 'passing' | 'refusing' | 'silent' = 'passing';
  #port = 0;
  /** Wires accepted so far. */
  accepted = 0;

  private constructor(options: FaultProxyOptions) {
    this.targetPort = options.targetPort ?? 0;
    const random = seededRandom(options.seed ?? 1);
    this.#unit = () => random.unit();
    // Both ends may be closed apart, as on a wire.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.#accept(near));
  }

  static async start(options: FaultProxyOptions = {}): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.on('error', reject);
      proxy.#server.listen(options.port ?? 0, HOST, resolve);
    });
    proxy.#port = (proxy.#server.address() as AddressInfo).port;
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** `host:port` to dial instead of the server's own. */
  get address(): string {
    return `${HOST}:${this.#port}`;
  }

  /** Wires that are open, oldest first. */
  get wires(): readonly FaultWire[] {
    return [...this.#wires].filter((wire) => wire.open);
  }

  /** Replaces the toxics of one direction, or of both. */
  set(direction: Direction | 'both', toxics: Toxics): void {
    for (const each of direction === 'both' ? (['up', 'down'] as const) : [direction]) {
      this.#toxics = { ...this.#toxics, [each]: toxics };
      for (const wire of this.#wires) wire.set(each, toxics);
    }
  }

  /** No toxics, no fault that waits for its byte, and new wires pass again. */
  heal(): void {
    this.#mode = 'passing';
    for (const wire of this.#wires) wire.disarm();
    this.set('both', {});
  }

  /** Every wire is reset, and each new one as it comes: nobody listens. */
  down(): void {
    this.#mode = 'refusing';
    this.resetAll();
  }

  /** Nothing passes any more and nothing closes; new wires are accepted and hear nothing. */
  silence(): void {
    this.#mode = 'silent';
    for (const wire of this.#wires) wire.trip('up', { afterBytes: 0, fault: 'blackhole' });
  }

  resetAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Arms one fault on each open wire, at a byte of `afterBytes` ± half of it (seeded). */
  tripAll(direction: Direction, trip: Trip): number {
    const { wires } = this;
    for (const wire of wires) {
      const afterBytes = Math.floor(trip.afterBytes * (0.5 + this.#unit()));
      wire.trip(direction, { ...trip, afterBytes });
    }
    return wires.length;
  }

  #accept(near: Socket): void {
    this.#own(near);
    this.accepted += 1;
    if (this.#mode === 'refusing') near.resetAndDestroy();
    if (this.#mode === 'silent') near.resume();
    if (this.#mode !== 'passing') return;
    const far = this.#own(connect({ port: this.targetPort, host: HOST, allowHalfOpen: true, noDelay: true }));
    const wire = new FaultWire(near, far, { toxics: this.#toxics, unit: this.#unit });
    this.#wires.add(wire);
    const gone = (): void => {
      if (!wire.open) this.#wires.delete(wire);
    };
    near.on('close', gone);
    far.on('close', gone);
  }

  #own(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.down();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}
