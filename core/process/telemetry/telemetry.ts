/**
 * What a process tells of itself: its counts, scraped over HTTP or sent by OTLP, and its spans, sent by OTLP.
 *
 * OpenTelemetry's exporters are large and a start is short: what sends is loaded only where an endpoint is set, and the
 * text format while the process waits for others.
 */
import { ProxyTracerProvider, type Tracer } from '@opentelemetry/api';
import type { Clock } from '@reticle/core/flow';
import { Instruments } from '../instruments.ts';
import type { Logger } from '../log.ts';
import { createMetrics, type Metrics } from '../metrics.ts';
import type { ExportTimes } from './metric-export.ts';
import { startMetricsServer, type MetricsServer } from './metrics-server.ts';
import { readOtlp } from './otlp-config.ts';
import type { Exports } from './otlp-exports.ts';

export type TelemetryOptions = {
  /** `service.name`, unless `OTEL_SERVICE_NAME` says otherwise. */
  readonly service: string;
  /** `service.instance.id`. */
  readonly instance: string;
  readonly region: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Variables of OpenTelemetry; whatever else is in it is not looked at. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where `/metrics` listens; absent: nowhere. */
  readonly listen?: { readonly host: string; readonly port: number } | undefined;
};

export interface Telemetry {
  readonly instruments: Instruments;
  /** Makes spans of nobody where traces go nowhere; a caller's context is passed on all the same. */
  readonly tracer: Tracer;
  /** Of `/metrics`, where it listens. */
  readonly metricsPort: number | undefined;
  /** Sends what is left, for a bounded time, and stops. */
  close(): Promise<void>;
}

const SCOPE = 'reticle';
/** A collector that does not answer must not hold a process that ends. */
const CLOSE_MS_MAX = 1_500;

/** Rejects when `/metrics` cannot listen on the host at all. */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { clock } = options;
  const metrics = createMetrics();
  const instruments = new Instruments(metrics);
  observeProcess(instruments);
  const sinceMs = clock.wallMs();
  const source = { metrics, resource: resourceOf(options), times: () => ({ sinceMs, nowMs: clock.wallMs() }) };
  const server = await metricsServer(options, source);
  const exports = await otlpExports(options, source);
  return {
    instruments,
    tracer: exports?.tracer ?? new ProxyTracerProvider().getTracer(SCOPE),
    metricsPort: server?.port,
    close: () => closeAll(clock, server, exports),
  };
}

type Source = {
  readonly metrics: Metrics;
  readonly resource: Readonly<Record<string, string>>;
  readonly times: () => ExportTimes;
};

function resourceOf({ service, instance, region }: TelemetryOptions): Readonly<Record<string, string>> {
  return {
    'service.name': service,
    'service.namespace': 'reticle',
    'service.instance.id': instance,
    'cloud.region': region,
  };
}

async function metricsServer(
  { listen, logger }: TelemetryOptions,
  { metrics, resource, times }: Source,
): Promise<MetricsServer | undefined> {
  if (listen === undefined) return undefined;
  const format = import('./prometheus-text.ts');
  const scrape = async (): Promise<string> => {
    const { prometheusText } = await format;
    return prometheusText(metrics.snapshot(), resource, times());
  };
  const server = await startMetricsServer({ ...listen, scrape });
  if (listen.port !== 0 && listen.port !== server.port) {
    logger.warn('the metrics port is taken, another one is used', { port: server.port });
  }
  return server;
}

async function otlpExports(
  { environment, logger }: TelemetryOptions,
  { metrics, resource, times }: Source,
): Promise<Exports | undefined> {
  const { config, problems } = readOtlp(environment);
  for (const problem of problems) logger.warn('a variable of OpenTelemetry is ignored', { reason: problem });
  if (config === undefined) return undefined;
  const { startExports } = await import('./otlp-exports.ts');
  return startExports(config, { scope: SCOPE, resource, snapshot: () => metrics.snapshot(), times });
}

function observeProcess(instruments: Instruments): void {
  const cpuSeconds = (mode: 'user' | 'system') => () => process.cpuUsage()[mode] / 1e6;
  instruments.observe('process.memory.usage', {}, () => process.memoryUsage.rss());
  instruments.observe('process.cpu.time', { 'cpu.mode': 'user' }, cpuSeconds('user'));
  instruments.observe('process.cpu.time', { 'cpu.mode': 'system' }, cpuSeconds('system'));
  instruments.observe('nodejs.eventloop.utilization', {}, () => performance.eventLoopUtilization().utilization);
}

async function closeAll(clock: Clock, server: MetricsServer | undefined, exports: Exports | undefined): Promise<void> {
  const bound = Promise.withResolvers<void>();
  const cancel = clock.after(CLOSE_MS_MAX, bound.resolve);
  await Promise.race([Promise.all([server?.close(), exports?.shutdown()]), bound.promise]);
  cancel();
}
