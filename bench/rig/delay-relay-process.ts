/** A wire with a round-trip time: a TCP relay that hands every chunk on after half of it (PERFORMANCE §6.8). */
import { connect, createServer, type Socket } from 'node:net';
import { serveCalls } from './calls.ts';
import { listenAnywhere } from './listen.ts';

export type DelayOrder = {
  /** `host:port` of what is behind it. */
  readonly address: string;
  readonly rttMs: number;
};

function delayed(from: Socket, to: Socket, delayMs: number): void {
  from.on('data', (chunk) => setTimeout(() => void (to.destroyed || to.write(chunk)), delayMs));
  from.on('end', () => setTimeout(() => void (to.destroyed || to.end()), delayMs));
  from.on('error', () => to.destroy());
  from.on('close', () => setTimeout(() => to.destroy(), delayMs));
}

const calls = {
  /** Resolves to `host:port`. */
  start({ address, rttMs }: DelayOrder): Promise<string> {
    const [host, port] = address.split(':');
    const server = createServer({ noDelay: true }, (near) => {
      const far = connect({ host: host ?? '', port: Number(port), noDelay: true });
      delayed(near, far, rttMs / 2);
      delayed(far, near, rttMs / 2);
    });
    return listenAnywhere(server);
  },
};

export type DelayRelayCalls = typeof calls;
serveCalls(calls);
