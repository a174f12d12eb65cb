/** Where telemetry is sent, by OpenTelemetry's own environment variables; nowhere unless an endpoint is set. */

export type SamplerName =
  | 'always_on'
  | 'always_off'
  | 'traceidratio'
  | 'parentbased_always_on'
  | 'parentbased_always_off'
  | 'parentbased_traceidratio';

export type OtlpConfig = {
  readonly tracesUrl: string | undefined;
  readonly metricsUrl: string | undefined;
  readonly sampler: SamplerName;
  /** Share of traces, 0 to 1, for the ratio samplers. */
  readonly ratio: number;
  readonly metricIntervalMs: number;
  /** How long one export may take, retries included. */
  readonly timeoutMs: number;
};

/** What the environment asks for, and what of it was not understood: telemetry never keeps a process from serving. */
export type ReadOtlp = { readonly config: OtlpConfig | undefined; readonly problems: readonly string[] };

const SAMPLERS: readonly SamplerName[] = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
];
const SAMPLER_DEFAULT = 'parentbased_always_on';
const INTERVAL_MS_DEFAULT = 60_000;
const INTERVAL_MS_MIN = 1_000;
/** OpenTelemetry's 10 s would outlast a process that ends. */
const TIMEOUT_MS_DEFAULT = 3_000;
const TIMER_MS_MAX = 2 ** 31 - 1;
/** What the exporters write is JSON over HTTP; collectors take it where they take protobuf over HTTP. */
const PROTOCOLS = ['http/json', 'http/protobuf'];

type Environment = Readonly<Record<string, string>>;

/**
 * `OTEL_EXPORTER_OTLP_ENDPOINT` or `…_TRACES_ENDPOINT` and `…_METRICS_ENDPOINT`, `OTEL_TRACES_SAMPLER` with its `_ARG`,
 * `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_EXPORTER_OTLP_TIMEOUT`, `OTEL_SDK_DISABLED`,
 * `OTEL_{TRACES,METRICS}_EXPORTER=none`. Headers and compression (`OTEL_EXPORTER_OTLP_*`) and the resource (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`) are read by
 * the exporters themselves.
 */
export function readOtlp(environment: Environment): ReadOtlp {
  const problems: string[] = [];
  if (environment['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return { config: undefined, problems };
  const protocol = environment['OTEL_EXPORTER_OTLP_PROTOCOL'] || 'http/json';
  const tracesUrl = endpoint(environment, 'TRACES', problems);
  const metricsUrl = endpoint(environment, 'METRICS', problems);
  if (tracesUrl === undefined && metricsUrl === undefined) return { config: undefined, problems };
  if (!PROTOCOLS.includes(protocol)) {
    problems.push('OTEL_EXPORTER_OTLP_PROTOCOL: only http/json and http/protobuf endpoints are supported');
    return { config: undefined, problems };
  }
  const sampler = samplerOf(environment, problems);
  const numbers = Object.fromEntries(
    Object.entries(NUMBERS).map(([field, key]) => [field, numberOf(environment, key, problems)]),
  ) as Record<keyof typeof NUMBERS, number>;
  return { config: { tracesUrl, metricsUrl, sampler, ...numbers }, problems };
}

/** A signal's own endpoint is used as it stands; the common one gets the signal's path. */
function endpoint(environment: Environment, signal: 'TRACES' | 'METRICS', problems: string[]): string | undefined {
  if (environment[`OTEL_${signal}_EXPORTER`] === 'none') return undefined;
  const own = environment[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`];
  const name = own ? `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT` : 'OTEL_EXPORTER_OTLP_ENDPOINT';
  const text = environment[name];
  if (!text) return undefined;
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    // Not echoed: people put credentials into URLs.
    problems.push(`${name}: expected an http or https URL`);
    return undefined;
  }
  return own ? text : `${text.replace(/\/+$/, '')}/v1/${signal.toLowerCase()}`;
}

function samplerOf(environment: Environment, problems: string[]): SamplerName {
  const given = environment['OTEL_TRACES_SAMPLER'];
  if (!given) return SAMPLER_DEFAULT;
  const known = SAMPLERS.find((each) => each === given);
  if (known === undefined) problems.push(`OTEL_TRACES_SAMPLER: expected one of ${SAMPLERS.join(', ')}`);
  return known ?? SAMPLER_DEFAULT;
}

const NUMBERS = {
  ratio: { name: 'OTEL_TRACES_SAMPLER_ARG', min: 0, max: 1, fallback: 1 },
  metricIntervalMs: {
    name: 'OTEL_METRIC_EXPORT_INTERVAL',
    min: INTERVAL_MS_MIN,
    max: TIMER_MS_MAX,
    fallback: INTERVAL_MS_DEFAULT,
  },
  timeoutMs: { name: 'OTEL_EXPORTER_OTLP_TIMEOUT', min: 1, max: TIMER_MS_MAX, fallback: TIMEOUT_MS_DEFAULT },
} as const satisfies Readonly<Record<string, NumberKey>>;

type NumberKey = { readonly name: string; readonly min: number; readonly max: number; readonly fallback: number };

function numberOf(environment: Environment, { name, min, max, fallback }: NumberKey, problems: string[]): number {
  const text = environment[name];
  if (!text) return fallback;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  problems.push(`${name}: expected a number from ${min} to ${max}`);
  return fallback;
}
