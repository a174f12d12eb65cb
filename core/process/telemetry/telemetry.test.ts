import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { isSpanContextValid, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api';
import { memoryLogger } from '../log.ts';
import { systemClock } from '../system-clock.ts';
import { startTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN_ID = '00f067aa0ba902b7';
const parent = (traceFlags: number) =>
  trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE_ID, spanId: SPAN_ID, traceFlags, isRemote: true });

type Received = { readonly path: string; readonly body: string };

class Collector {
  readonly received: Received[] = [];
  readonly #server: Server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      this.received.push({ path: request.url ?? '', body });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  bodies(path: string): string {
    return this.received.flatMap((each) => (each.path === path ? [each.body] : [])).join('\n');
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const running: Telemetry[] = [];
const collectors: Collector[] = [];

async function start(over: Partial<TelemetryOptions> = {}): Promise<Telemetry> {
  const telemetry = await startTelemetry({
    service: 'reticle-test',
    instance: 'one',
    region: 'eu-test',
    clock: systemClock,
    logger: memoryLogger(),
    environment: {},
    ...over,
  });
  running.push(telemetry);
  return telemetry;
}

async function collector(): Promise<{ collector: Collector; url: string }> {
  const started = new Collector();
  collectors.push(started);
  return { collector: started, url: await started.start() };
}

afterEach(async () => {
  for (const each of running.splice(0)) await each.close();
  for (const each of collectors.splice(0)) each.close();
});

describe('without an endpoint', () => {
  test('nothing is recorded, and a caller’s context is passed on', async () => {
    const { tracer, metricsPort } = await start();
    const span = tracer.startSpan('x', {}, parent(TraceFlags.SAMPLED));
    expect([span.isRecording(), span.spanContext().traceId]).toEqual([false, TRACE_ID]);
    expect(isSpanContextValid(tracer.startSpan('x', {}, ROOT_CONTEXT).spanContext())).toBe(false);
    expect(metricsPort).toBeUndefined();
  });

  test('counts can be scraped', async () => {
    const { instruments, metricsPort } = await start({ listen: { host: '127.0.0.1', port: 0 } });
    instruments.counter('reticle.refusals', { at: 'turn', code: 'draining' }).add(2);
    instruments.histogram('reticle.sessions.open_seconds', {}).record(0.003);
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    expect(text).toContain('\nreticle_refusals_total{at="turn",code="draining"} 2\n');
    expect(text).toContain('# TYPE reticle_sessions_open_seconds histogram\n');
    expect(text).toContain('\nreticle_sessions_open_seconds_bucket{le="0.002"} 0\n');
    expect(text).toContain('\nreticle_sessions_open_seconds_bucket{le="0.005"} 1\n');
    expect(text).toContain('\nreticle_sessions_open_seconds_bucket{le="+Inf"} 1\n');
    expect(text).toContain('service_name="reticle-test"');
    expect(text).toMatch(/\nprocess_cpu_time_total\{cpu_mode="user"\} \d/);
  });
});

describe('with an endpoint', () => {
  test('sends spans under their caller, and counts, when it ends at the latest', async () => {
    const { collector: at, url } = await collector();
    const telemetry = await start({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: url } });
    telemetry.instruments.counter('reticle.links.lost', { cause: 'hung' }).add(1);
    telemetry.tracer.startSpan('recorded', {}, parent(TraceFlags.SAMPLED)).end();
    telemetry.tracer.startSpan('not asked for', {}, parent(TraceFlags.NONE)).end();
    telemetry.tracer.startSpan('of our own', {}, ROOT_CONTEXT).end();
    await telemetry.close();
    const spans = at.bodies('/v1/traces');
    expect(spans).toContain(`"traceId":"${TRACE_ID}"`);
    expect(spans).toContain(`"parentSpanId":"${SPAN_ID}"`);
    expect(spans).toContain('"reticle-test"');
    expect(spans).toContain('of our own');
    expect(spans).not.toContain('not asked for');
    expect(at.bodies('/v1/metrics')).toContain('reticle.links.lost');
  });

  test('a ratio of 0 records none of its own, and all of a caller that records', async () => {
    const { collector: at, url } = await collector();
    const sampler = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' };
    const telemetry = await start({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: url, ...sampler } });
    telemetry.tracer.startSpan('of our own', {}, ROOT_CONTEXT).end();
    telemetry.tracer.startSpan('recorded', {}, parent(TraceFlags.SAMPLED)).end();
    await telemetry.close();
    expect(at.bodies('/v1/traces')).toContain('recorded');
    expect(at.bodies('/v1/traces')).not.toContain('of our own');
  });

  test('a variable that is not understood is logged', async () => {
    const logger = memoryLogger();
    await start({ logger, environment: { OTEL_EXPORTER_OTLP_ENDPOINT: 'nonsense' } });
    expect(logger.records).toMatchObject([{ level: 'warn' }, { level: 'warn' }]);
  });

  test('a collector that is not there holds nobody up', async () => {
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_EXPORTER_OTLP_TIMEOUT: '100' };
    const telemetry = await start({ environment });
    telemetry.tracer.startSpan('x', {}, ROOT_CONTEXT).end();
    await expect(telemetry.close()).resolves.toBeUndefined();
  });
});
