import { createServer } from 'node:net';
import type { Net, TextBounds } from './env.ts';

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

  async getText(url, { bytesMax, timeoutMs }: TextBounds) {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, { redirect: 'error', credentials: 'omit', signal });
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel();
      throw new Error(`status ${response.status}`);
    }
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let text = '';
    let bytes = 0;
    for await (const chunk of response.body) {
      bytes += chunk.length;
      // Leaving the loop ends the connection.
      if (bytes > bytesMax) throw new RangeError(`the answer is larger than ${bytesMax} bytes`);
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
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
