import { describe, expect, test } from '@jest/globals';
import { readOtlp } from './otlp-config.ts';

const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const base = { [ENDPOINT]: 'http://collector:4318/' };

describe('where telemetry is sent', () => {
  test('nowhere without an endpoint', () => {
    expect(readOtlp({})).toEqual({ config: undefined, problems: [] });
    expect(readOtlp({ OTEL_TRACES_SAMPLER: 'always_on', [ENDPOINT]: '' })).toEqual({ config: undefined, problems: [] });
  });

  test('to the paths of one endpoint, with every trace of a caller that records and of no caller', () => {
    expect(readOtlp(base)).toEqual({
      config: {
        tracesUrl: 'http://collector:4318/v1/traces',
        metricsUrl: 'http://collector:4318/v1/metrics',
        sampler: 'parentbased_always_on',
        ratio: 1,
        metricIntervalMs: 60_000,
        timeoutMs: 3_000,
      },
      problems: [],
    });
  });

  test.each([
    ['to an endpoint of its own, as it stands', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://t/x' }, 'https://t/x'],
    ['own before common', { ...base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://t/x' }, 'https://t/x'],
    ['not where the signal is off', { ...base, OTEL_TRACES_EXPORTER: 'none' }, undefined],
    ['not where everything is off', { ...base, OTEL_SDK_DISABLED: 'TRUE' }, undefined],
  ])('%s', (_, environment, want) => {
    expect(readOtlp(environment).config?.tracesUrl).toBe(want);
  });

  test('a ratio of traces', () => {
    const environment = { ...base, OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' };
    expect(readOtlp(environment)).toMatchObject({
      config: { sampler: 'parentbased_traceidratio', ratio: 0.25 },
      problems: [],
    });
  });

  test.each([
    ['a sampler that nobody knows', { ...base, OTEL_TRACES_SAMPLER: 'some' }, 'OTEL_TRACES_SAMPLER:'],
    ['a ratio above 1', { ...base, OTEL_TRACES_SAMPLER_ARG: '1.5' }, 'OTEL_TRACES_SAMPLER_ARG:'],
    ['a ratio that is no number', { ...base, OTEL_TRACES_SAMPLER_ARG: '0x1' }, 'OTEL_TRACES_SAMPLER_ARG:'],
    ['an interval of 0', { ...base, OTEL_METRIC_EXPORT_INTERVAL: '0' }, 'OTEL_METRIC_EXPORT_INTERVAL:'],
  ])('%s is told, and the default taken', (_, environment, want) => {
    const { config, problems } = readOtlp(environment);
    expect(config).toEqual(readOtlp(base).config);
    expect(problems).toEqual([expect.stringContaining(want)]);
  });

  test.each([
    ['an endpoint that is no URL', { [ENDPOINT]: 'user:s3cret@host' }],
    ['an endpoint of another scheme', { [ENDPOINT]: 'ftp://user:s3cret@host' }],
    ['a protocol that is not spoken', { ...base, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }],
  ])('%s turns it off, told without the value', (_, environment) => {
    const { config, problems } = readOtlp(environment);
    expect(config).toBeUndefined();
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.join()).not.toContain('s3cret');
  });
});
