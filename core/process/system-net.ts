import { createServer } from 'node:net';
import type { Net } from './env.ts';

/** Refusals of one port that another port may not meet. */
const PORT_REFUSALS = new Set(['EADDRINUSE', 'EACCES']);

/** The machine's network. */
export const systemNet: Net = {
  async freePort(host, preferred) {
    try {
      return await probe(host, preferred);
    } catch (error) {
      if (preferred === 0 || !PORT_REFUSALS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      return await probe(host, 0);
    }
  },
};

/** Listens and closes; the port that the system gave. */
function probe(host: string, port: number): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new Error('invariant: a TCP server has a port'));
      });
    });
  });
}
