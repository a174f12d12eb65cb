/** A wire with a round-trip time: a TCP relay that hands every chunk on when it would have come (PERFORMANCE §6.8). */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { serveCalls } from './calls.ts';
import { listenAnywhere } from './listen.ts';
import { WireDelay, type Wire } from './wire-delay.ts';

export type DelayOrder = Wire & {
  /** `host:port` of what is behind it. */
  readonly address: string;
  /** PEM; TLS ends behind the wire, in this process. */
  readonly tls?: { readonly key: string; readonly cert: string };
};

function delayed(from: Socket, to: Socket, delay: WireDelay): void {
  const waiting: Buffer[] = [];
  const after = (bytes: number, then: () => void): void => {
    const nowMs = performance.now();
    setTimeout(then, delay.arrivalMs(nowMs, bytes) - nowMs);
  };
  from.on('data', (chunk: Buffer) => {
    // Timers of different lengths may be out of order; the chunks are not.
    waiting.push(chunk);
    after(chunk.length, () => void (to.destroyed || to.write(waiting.shift() ?? '')));
  });
  from.on('end', () => after(0, () => void (to.destroyed || to.end())));
  from.on('error', () => to.destroy());
  from.on('close', () => after(0, () => to.destroy()));
}

function dial(address: string): Socket {
  const [host = '', port] = address.split(':');
  return connect({ host, port: Number(port), noDelay: true });
}

function terminator({ address, tls }: DelayOrder): Server {
  return createTlsServer({ ...tls, noDelay: true }, (near) => {
    const far = dial(address);
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
}

const calls = {
  /** Resolves to `host:port`. */
  async start(order: DelayOrder): Promise<string> {
    const behind = order.tls === undefined ? order.address : await listenAnywhere(terminator(order));
    const server = createServer({ noDelay: true }, (near) => {
      const far = dial(behind);
      const openedMs = performance.now();
      delayed(near, far, new WireDelay(order, openedMs));
      // The handshake is over when the client's first bytes are there.
      delayed(far, near, new WireDelay({ ...order, handshake: false }, openedMs));
    });
    return listenAnywhere(server);
  },
};

export type DelayRelayCalls = typeof calls;
serveCalls(calls);
