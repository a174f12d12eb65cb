import type { Server } from 'node:net';

/** Listens on a loopback port that the system chooses; resolves to `host:port`. */
export function listenAnywhere(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const bound = server.address();
      resolve(`127.0.0.1:${typeof bound === 'object' ? (bound?.port ?? 0) : 0}`);
    });
  });
}
