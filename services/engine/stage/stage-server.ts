import { createServer, type Server, type Socket } from 'node:net';
import { encodeFrame, FrameReader } from './frame.ts';
import { pingOf, type StageRefusal } from './message.ts';
import type { StageIdentity, StagePing, StagePong, StageState } from './ring-watch.ts';

export type StageOptions = {
  /** What this process holds of the chain; fixed for its life, a new epoch is a new process. */
  readonly identity: StageIdentity;
  /** Address to listen on; port 0 lets the system choose. */
  readonly host: string;
  readonly port?: number;
  /** Told when a leader of another epoch, or one that means another stage, asked. */
  readonly onRefused?: (ping: StagePing) => void;
};

/** A stage that serves its leader. */
export type RunningStage = {
  readonly host: string;
  readonly port: number;
  /** From now on the stage answers that it failed: the leader breaks the chain at once. */
  fail(): void;
  /** Closes the listener and every connection. */
  close(): Promise<void>;
};

/** Starts one stage of a chain, other than the leader. Rejects when the address is taken. */
export async function startStage(options: StageOptions): Promise<RunningStage> {
  const { host, port = 0 } = options;
  let state: StageState = 'serving';
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once('close', () => sockets.delete(socket));
    serve(socket, (ping) => answer(options, ping, state));
  });
  await listen(server, host, port);
  const address = server.address();
  return {
    host,
    port: typeof address === 'object' && address !== null ? address.port : port,
    fail: () => {
      state = 'failed';
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

/** The epoch fence: a ping that does not name this stage of this epoch is refused, whether it is older or newer. */
function answer({ identity, onRefused }: StageOptions, ping: StagePing, state: StageState): StagePong | StageRefusal {
  const { sequence, stage } = ping;
  if (ping.epoch === identity.epoch && stage === identity.stage) return { ...identity, sequence, state };
  onRefused?.(ping);
  const refused = stage === identity.stage ? `has epoch ${identity.epoch}` : `is stage ${identity.stage}`;
  return { sequence, stage, refused };
}

function serve(socket: Socket, reply: (ping: StagePing) => StagePong | StageRefusal): void {
  const frames = new FrameReader();
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    try {
      for (const value of frames.read(chunk)) socket.write(encodeFrame(reply(pingOf(value))));
    } catch {
      // Whoever sends garbage is no leader; there is nothing to tell it.
      socket.destroy();
    }
  });
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
