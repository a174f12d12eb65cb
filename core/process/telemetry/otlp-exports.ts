/** Spans and counts to a collector: the one place where OpenTelemetry's SDK runs. Nothing of it is global. */
import type { Tracer } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
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
import type { MetricSnapshot } from '../metrics.ts';
import { exportMetrics, type ExportTimes } from './metric-export.ts';
import type { OtlpConfig } from './otlp-config.ts';

export type ExportOptions = {
  readonly scope: string;
  /** `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` have the last word. */
  readonly resource: Readonly<Record<string, string>>;
  readonly snapshot: () => readonly MetricSnapshot[];
  readonly times: () => ExportTimes;
};

export type Exports = {
  /** Absent where spans go nowhere. */
  readonly tracer: Tracer | undefined;
  /** Sends what is left; a collector that is gone is told nothing, and nobody is told of it. */
  shutdown(): Promise<void>;
};

export function startExports(config: OtlpConfig, options: ExportOptions): Exports {
  const { tracesUrl, metricsUrl } = config;
  const resource = resourceFromAttributes({ ...options.resource }).merge(detectResources({ detectors: [envDetector] }));
  const spans = tracesUrl === undefined ? undefined : traceProvider(config, tracesUrl, resource);
  const reader = metricsUrl === undefined ? undefined : metricReader(config, metricsUrl, { ...options, resource });
  return {
    tracer: spans?.getTracer(options.scope),
    shutdown: async () => {
      await Promise.allSettled([spans?.shutdown(), reader?.shutdown()]);
    },
  };
}

function traceProvider(config: OtlpConfig, url: string, resource: Resource): BasicTracerProvider {
  return new BasicTracerProvider({
    resource,
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

type Read = Pick<ExportOptions, 'snapshot' | 'times'> & { readonly resource: Resource };

function metricReader(config: OtlpConfig, url: string, read: Read): PeriodicExportingMetricReader {
  const { metricIntervalMs, timeoutMs } = config;
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url, timeoutMillis: timeoutMs }),
    exportIntervalMillis: metricIntervalMs,
    exportTimeoutMillis: Math.min(metricIntervalMs, timeoutMs),
  });
  reader.setMetricProducer({
    collect: async () => ({
      resourceMetrics: exportMetrics(read.snapshot(), read.resource, read.times()),
      errors: [],
    }),
  });
  return reader;
}
