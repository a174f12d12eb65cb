/**
 * Machines, the directed links between them, and connections as TCP gives them: ordered, never lossy in the
 * middle; what a link swallows waits for it, and a connection that breaks loses what was on its way.
 */
import { Pipe, type Message } from './pipe.ts';
import type { Dice } from './seeds.ts';
import type { SimProcess } from './sim-process.ts';
import type { World } from './world.ts';

/** One direction between two machines. */
export type DirectedLink = {
  readonly from: string;
  readonly to: string;
  latencyMs: number;
  jitterMs: number;
  /** Added while the link is slow. */
  slowMs: number;
  /** Faults that swallow everything at the moment; what was sent waits. */
  blocked: number;
};

export type Acceptor = (connection: ServerEnd) => EndHandlers;

export type EndHandlers = {
  readonly data: (value: unknown) => void;
  /** Told once; not after a close from this side. */
  readonly closed: (reason: string) => void;
  /** Bytes on their way have dropped below the window. */
  readonly writable?: () => void;
};

/** One process's side of a connection. */
export interface End {
  readonly writable: boolean;
  readonly open: boolean;
  /** `taken` is called once the message counts as handed to the wire. */
  send(message: Message, taken?: () => void): void;
  /** Ends both directions; what was sent before still arrives. */
  close(): void;
}
export type ServerEnd = End;

/** How often a dialler knocks on a link that swallows it. */
const DIAL_AGAIN_MS = 50;
/** HTTP/2 keepalive of both ends: a side that was not told of a break finds out. */
const KEEPALIVE_MS = 20_000;

type Listener = { readonly process: SimProcess; readonly accept: Acceptor };

export class Network {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #links = new Map<string, DirectedLink>();
  readonly #listeners = new Map<string, Listener>();
  readonly #connections = new Set<Connection>();
  /** Bytes on their way before a sender waits: small in some runs, so that back-pressure is common. */
  readonly windowBytes: number;

  constructor(world: World) {
    this.#world = world;
    this.#dice = world.dice('network');
    this.windowBytes = Math.floor(this.#dice.scaled(512, 64 * 1024));
  }

  get connections(): readonly Connection[] {
    return [...this.#connections];
  }

  link(from: string, to: string): DirectedLink {
    const key = `${from}>${to}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      const latencyMs = this.#dice.scaled(0.05, 2);
      link = { from, to, latencyMs, jitterMs: latencyMs * this.#dice.unit(), slowMs: 0, blocked: 0 };
      this.#links.set(key, link);
    }
    return link;
  }

  /** Swallows a direction for a while; what was sent arrives late, as retransmission would bring it. */
  block(from: string, to: string, forMs: number): void {
    const link = this.link(from, to);
    link.blocked += 1;
    this.#world.after(forMs, 'unblock', () => {
      link.blocked -= 1;
      if (link.blocked === 0) this.#healed(link);
    });
  }

  #healed(link: DirectedLink): void {
    for (const connection of this.#connections) connection.unblocked(link, this.#dice.unit());
  }

  slow(from: string, to: string, by: { readonly ms: number; readonly forMs: number }): void {
    const link = this.link(from, to);
    link.slowMs += by.ms;
    this.#world.after(by.forMs, 'unslow', () => (link.slowMs -= by.ms));
  }

  /** A datagram's way, for the bus: undefined when the link swallows it. */
  datagramMs(from: string, to: string): number | undefined {
    const link = this.link(from, to);
    return link.blocked > 0 ? undefined : this.delayMs(link);
  }

  delayMs(link: DirectedLink): number {
    return link.latencyMs + link.jitterMs * this.#dice.unit() + link.slowMs;
  }

  listen(process: SimProcess, address: string, accept: Acceptor): void {
    const listener = { process, accept };
    this.#listeners.set(address, listener);
    process.onKill(() => {
      if (this.#listeners.get(address) === listener) this.#listeners.delete(address);
    });
  }

  /** The process takes no new connections. */
  unlisten(address: string): void {
    this.#listeners.delete(address);
  }

  /** Dials; data may be sent at once and leaves when the handshake is through. */
  connect(process: SimProcess, target: { node: string; address: string }, handlers: EndHandlers): End {
    const connection = new Connection(this.#world, this, { process, handlers, node: target.node });
    this.#connections.add(connection);
    const knock = this.link(process.node, target.node);
    connection.dial(knock, () => {
      const listener = this.#listeners.get(target.address);
      if (listener === undefined || !listener.process.alive) return false;
      connection.accept(listener.process, listener.accept);
      return true;
    });
    return connection.client;
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection);
  }
}

type Dialler = { readonly process: SimProcess; readonly handlers: EndHandlers; readonly node: string };

export class Connection {
  readonly client: Side;
  readonly server: Side;
  readonly #world: World;
  readonly #network: Network;
  readonly #from: string;
  readonly #to: string;

  constructor(world: World, network: Network, dialler: Dialler) {
    this.#world = world;
    this.#network = network;
    const { process, handlers, node } = dialler;
    this.#from = process.node;
    this.#to = node;
    const there = network.link(process.node, node);
    const back = network.link(node, process.node);
    this.client = new Side(world, network, { process, out: there, over: () => this.#over() });
    this.server = new Side(world, network, { process: undefined, out: back, over: () => this.#over() });
    this.client.peer = this.server;
    this.server.peer = this.client;
    this.client.handlers = handlers;
    process.onKill(() => this.client.died());
  }

  get open(): boolean {
    return this.client.open || this.server.open;
  }

  /** True when it runs between machines whose names begin so. */
  readonly between = (dialler: string, listener: string): boolean =>
    this.#from.startsWith(dialler) && this.#to.startsWith(listener);

  /** The handshake takes a round trip; a machine that swallows it lets the dialler wait. */
  dial(knock: DirectedLink, arrive: () => boolean): void {
    const attempt = (): void => {
      if (!this.client.open) return;
      if (knock.blocked > 0) {
        this.#world.after(DIAL_AGAIN_MS, 'dial again', attempt);
        return;
      }
      this.#world.after(this.#network.delayMs(knock), 'dial', () => {
        if (!this.client.open) return;
        if (arrive()) this.client.established();
        else this.client.breaks('refused');
      });
    };
    attempt();
  }

  accept(process: SimProcess, accept: Acceptor): void {
    const { server } = this;
    server.process = process;
    process.onKill(() => server.died());
    server.established();
    process.enter(() => {
      if (server.open) server.handlers = accept(server);
    });
  }

  /** Breaks the connection: what is on its way is lost, and each side hears of it, one that is `deaf` much later. */
  reset(deaf: 'client' | 'server' | 'none' = 'none'): void {
    for (const [name, side] of [['client', this.client] as const, ['server', this.server] as const]) {
      if (deaf === name) side.goesDeaf();
      else side.breaks('reset');
    }
  }

  unblocked(link: DirectedLink, retransmitted: number): void {
    this.client.unblocked(link, retransmitted);
    this.server.unblocked(link, retransmitted);
  }

  #over(): void {
    if (!this.open) this.#network.forget(this);
  }
}

type SideOptions = { process: SimProcess | undefined; readonly out: DirectedLink; readonly over: () => void };

/** One end, with the pipe that carries what it sends. */
class Side implements End {
  peer: Side | undefined;
  handlers: EndHandlers | undefined;
  process: SimProcess | undefined;
  readonly #world: World;
  readonly #pipe: Pipe;
  readonly #over: () => void;
  #open = true;
  /** Nothing arrives or leaves any more, and nobody was told. */
  #severed = false;

  constructor(world: World, network: Network, { process, out, over }: SideOptions) {
    this.#world = world;
    this.process = process;
    this.#over = over;
    this.#pipe = new Pipe({
      world,
      link: out,
      windowBytes: network.windowBytes,
      delayMs: () => network.delayMs(out),
      enter: (run) => this.process?.enter(run),
      deliver: (message, consumed) => this.peer?.receive(message, consumed),
      writable: () => {
        if (this.open) this.handlers?.writable?.();
      },
    });
  }

  get open(): boolean {
    return this.#open;
  }

  get writable(): boolean {
    return this.#open && this.#pipe.writable;
  }

  established(): void {
    this.#pipe.start();
  }

  send(message: Message, taken?: () => void): void {
    if (this.#open) this.#pipe.send(message, taken);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#pipe.send({ bytes: 1, value: FIN });
    this.#over();
  }

  /** Its process is gone: the kernel closes the socket; the peer hears of it when the link lets it. */
  died(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#pipe.send({ bytes: 1, value: FIN });
    this.#over();
  }

  /** The connection broke. */
  breaks(reason: string): void {
    this.#cutOff();
    if (!this.#open) return;
    this.#world.after(0, 'reset', () => this.process?.enter(() => this.#closed(reason)));
    if (this.process === undefined) this.#closed(reason);
  }

  /** The connection broke, and nobody says so. */
  goesDeaf(): void {
    this.#cutOff();
    this.#world.after(KEEPALIVE_MS, 'keepalive', () => this.breaks('keepalive'));
  }

  #cutOff(): void {
    this.#severed = true;
    this.#pipe.stop();
  }

  receive({ value, bytes }: Message, consumed: () => void): void {
    this.process?.enter(() => {
      consumed();
      if (!this.#open || this.#severed) return;
      if (value === FIN) this.#closed('closed by the peer');
      else {
        this.#world.hash.number(bytes);
        this.handlers?.data(value);
      }
    });
  }

  unblocked(link: DirectedLink, retransmitted: number): void {
    this.#pipe.unblocked(link, retransmitted);
  }

  #closed(reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#pipe.stop();
    this.handlers?.closed(reason);
    this.#over();
  }
}

const FIN = Symbol('fin');
