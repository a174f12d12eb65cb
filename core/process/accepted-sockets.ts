import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

const SOCKET_ACCEPTED = 'net.server.socket';

/**
 * The sockets that one listener has accepted. grpc-js keeps them to itself, and an HTTP/2 session that is closing
 * waits for its peer: a peer that hangs would hold the process.
 */
export function trackSockets(port: number): { readonly destroyAll: () => void } {
  const sockets = new Set<Socket>();
  const accepted = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    if (socket.localPort !== port) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  subscribe(SOCKET_ACCEPTED, accepted);
  return {
    destroyAll() {
      unsubscribe(SOCKET_ACCEPTED, accepted);
      for (const socket of sockets) socket.destroy();
    },
  };
}
