import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

const SOCKET_ACCEPTED = 'net.server.socket';

export type AcceptedSockets = {
  /** Looks after no further sockets. */
  readonly stop: () => void;
  /** Cuts every socket that is open. */
  readonly destroyAll: () => void;
};

/**
 * The sockets that the listener on this port has accepted, from here on. grpc-js keeps them to itself, and an HTTP/2
 * session that is closing waits for its peer: a peer that hangs would hold the process.
 */
export function acceptedSockets(port: number, onAccept: (socket: Socket) => void = () => {}): AcceptedSockets {
  const sockets = new Set<Socket>();
  // The channel tells of every server in the process.
  const accepted = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    if (socket.localPort !== port) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    onAccept(socket);
  };
  subscribe(SOCKET_ACCEPTED, accepted);
  return {
    stop: () => void unsubscribe(SOCKET_ACCEPTED, accepted),
    destroyAll() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
