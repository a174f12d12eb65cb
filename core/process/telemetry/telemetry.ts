/**
 * What a process tells of itself: its counts, scraped over HTTP or sent by OTLP, and its spans, sent by OTLP. The
 * OpenTelemetry SDK is started here and nowhere else, nothing of it is global, and it is idle unless an endpoint is set.
 */
import { ProxyTracerProvider, type Tracer } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes, type Resource } from '@opentelemetry/resources';
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  type Sampler,
} from '@opentelemetry/sdk-trace-base';
import type { Clock } from '@reticle/core/flow';
import { Instruments } from '../instruments.ts';
import type { Logger } from '../log.ts';
import { createMetrics, type Metrics } from '../metrics.ts';
import { exportMetrics } from './metric-export.ts';
import { startMetricsServer, type MetricsServer } from './metrics-server.ts';
import { readOtlp, type OtlpConfig } from './otlp-config.ts';

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
  const { clock, logger, environment, service, instance, region, listen } = options;
  const { config, problems } = readOtlp(environment);
  for (const problem of problems) logger.warn('a variable of OpenTelemetry is ignored', { reason: problem });
  const metrics = createMetrics();
  const instruments = new Instruments(metrics);
  observeProcess(instruments);
  const resource = resourceFromAttributes({
    'service.name': service,
    'service.namespace': 'reticle',
    'service.instance.id': instance,
    'cloud.region': region,
  });
  const exported = exporterOf(metrics, resource, clock);
  const server = listen === undefined ? undefined : await startMetricsServer({ ...listen, scrape: scraper(exported) });
  if (server !== undefined && listen?.port !== 0 && listen?.port !== server.port) {
    logger.warn('the metrics port is taken, another one is used', { port: server.port });
  }
  const { spans, reader } = sendersOf(config, resource, exported);
  return {
    instruments,
    tracer: (spans ?? new ProxyTracerProvider()).getTracer(SCOPE),
    metricsPort: server?.port,
    close: () => closeAll({ clock, server, stops: [spans, reader] }),
  };
}

type Senders = {
  readonly spans?: BasicTracerProvider | undefined;
  readonly reader?: PeriodicExportingMetricReader | undefined;
};

function sendersOf(config: OtlpConfig | undefined, resource: Resource, exported: Exported): Senders {
  if (config === undefined) return {};
  const { tracesUrl, metricsUrl } = config;
  return {
    spans: tracesUrl === undefined ? undefined : traceProvider(config, tracesUrl, resource),
    reader: metricsUrl === undefined ? undefined : metricReader(config, metricsUrl, exported),
  };
}

type Exported = () => ReturnType<typeof exportMetrics>;

function exporterOf(metrics: Metrics, resource: Resource, clock: Clock): Exported {
  const sinceMs = clock.wallMs();
  return () => exportMetrics(metrics.snapshot(), resource, { sinceMs, nowMs: clock.wallMs() });
}

function scraper(exported: Exported): () => string {
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  return () => serializer.serialize(exported());
}

/** The resource that the environment describes has the last word. */
function described(resource: Resource): Resource {
  return resource.merge(detectResources({ detectors: [envDetector] }));
}

function traceProvider(config: OtlpConfig, url: string, resource: Resource): BasicTracerProvider {
  return new BasicTracerProvider({
    resource: described(resource),
    sampler: samplerOf(config),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url, timeoutMillis: config.timeoutMs }))],
  });
}

function samplerOf({ sampler, ratio }: OtlpConfig): Sampler {
  const root = rootSampler(sampler.replace('parentbased_', ''), ratio);
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(name: string, ratio: number): Sampler {
  if (name === 'traceidratio') return new TraceIdRatioBasedSampler(ratio);
  return name === 'always_off' ? new AlwaysOffSampler() : new AlwaysOnSampler();
}

function metricReader(config: OtlpConfig, url: string, exported: Exported): PeriodicExportingMetricReader {
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url, timeoutMillis: config.timeoutMs }),
    exportIntervalMillis: config.metricIntervalMs,
    exportTimeoutMillis: Math.min(config.metricIntervalMs, 30_000),
  });
  reader.setMetricProducer({ collect: async () => ({ resourceMetrics: exportedAt(exported), errors: [] }) });
  return reader;
}

function exportedAt(exported: Exported): ReturnType<Exported> {
  const { resource, scopeMetrics } = exported();
  return { resource: described(resource), scopeMetrics };
}

function observeProcess(instruments: Instruments): void {
  const cpuSeconds = (mode: 'user' | 'system') => () => process.cpuUsage()[mode] / 1e6;
  instruments.observe('process.memory.usage', {}, () => process.memoryUsage.rss());
  instruments.observe('process.cpu.time', { 'cpu.mode': 'user' }, cpuSeconds('user'));
  instruments.observe('process.cpu.time', { 'cpu.mode': 'system' }, cpuSeconds('system'));
  instruments.observe('nodejs.eventloop.utilization', {}, () => performance.eventLoopUtilization().utilization);
}

type Closing = {
  readonly clock: Clock;
  readonly server: MetricsServer | undefined;
  readonly stops: readonly ({ shutdown(): Promise<void> } | undefined)[];
};

async function closeAll({ clock, server, stops }: Closing): Promise<void> {
  const bound = Promise.withResolvers<void>();
  const cancel = clock.after(CLOSE_MS_MAX, bound.resolve);
  // A collector that is gone is no failure of the process that ends.
  const sent = Promise.allSettled([server?.close(), ...stops.map((each) => each?.shutdown())]);
  await Promise.race([sent, bound.promise]);
  cancel();
}
