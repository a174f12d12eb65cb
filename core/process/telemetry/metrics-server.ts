/** `GET /metrics` in Prometheus' text format, on a listener of its own (PROTOCOL §4.1a). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type MetricsServerOptions = {
  readonly host: string;
  /** Wanted port; another one is taken when it is in use. 0: any. */
  readonly port: number;
  /** The text of this moment. */
  readonly scrape: () => Promise<string>;
};

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

const HEADER_BYTES_MAX = 8 * 1024;
/** A scraper asks at once; whoever does not is not waited for. */
const REQUEST_MS_MAX = 5_000;
const CONNECTIONS_MAX = 16;
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Rejects when the address cannot be bound. */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer({
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: REQUEST_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    connectionsCheckingInterval: 1_000,
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.on('request', (request, response) => void answer(request, response, options.scrape));
  server.on('clientError', (_, socket) => socket.destroy());
  await listen(server, options.host, options.port).catch((error: unknown) => {
    // Metrics must not keep a process from serving; the port in use is told to whoever started it.
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return listen(server, options.host, 0);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  scrape: MetricsServerOptions['scrape'],
): Promise<void> {
  // The answer does not depend on a body; what is left of one would be taken for the next request.
  if (!request.complete) response.setHeader('connection', 'close');
  if (request.url !== '/metrics') response.writeHead(404).end();
  else if (request.method !== 'GET' && request.method !== 'HEAD') response.writeHead(405, { allow: 'GET, HEAD' }).end();
  else response.writeHead(200, { 'content-type': CONTENT_TYPE }).end(await scrape());
}
