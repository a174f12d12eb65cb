/** A collector that takes whatever OpenTelemetry sends and keeps nothing of it but its count. */
import { createServer } from 'node:http';
import { listenAnywhere } from './listen.ts';

export type TraceSink = AsyncDisposable & {
  /** Variables that send a process's traces and metrics here, every second (PERFORMANCE H9). */
  readonly environment: Readonly<Record<string, string>>;
  /** Exports so far. */
  readonly exports: () => number;
};

export async function startTraceSink(): Promise<TraceSink> {
  let exports = 0;
  const server = createServer((request, response) => {
    exports += 1;
    request.resume();
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
  });
  const address = await listenAnywhere(server);
  return {
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://${address}`,
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      OTEL_TRACES_SAMPLER: 'always_on',
    },
    exports: () => exports,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
