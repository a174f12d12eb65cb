/** The process's counts in OpenTelemetry's data model, for its serialisers and exporters. */
import { ValueType } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type DataPoint,
  type Histogram,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { hrTime } from '../hr-time.ts';
import { metricTable, type MetricRow } from '../metric-table.ts';
import type { HistogramSnapshot, MetricSnapshot } from '../metrics.ts';

const SCOPE = { name: 'reticle' };

export type ExportTimes = {
  /** Since when is counted, Unix milliseconds. */
  readonly sinceMs: number;
  readonly nowMs: number;
};

/** One metric per name, in the order of first registration; all counts are cumulative. */
export function exportMetrics(
  snapshots: readonly MetricSnapshot[],
  resource: Resource,
  times: ExportTimes,
): ResourceMetrics {
  const byName = new Map<string, MetricSnapshot[]>();
  for (const each of snapshots) byName.set(each.name, [...(byName.get(each.name) ?? []), each]);
  const metrics = Array.from(byName, ([name, series]) => metricData(name, series, times));
  return { resource, scopeMetrics: [{ scope: SCOPE, metrics }] };
}

function metricData(name: string, series: readonly MetricSnapshot[], times: ExportTimes): MetricData {
  const row: MetricRow | undefined = (metricTable as Readonly<Record<string, MetricRow>>)[name];
  const descriptor = { name, description: row?.purpose ?? '', unit: row?.unit ?? '', valueType: ValueType.DOUBLE };
  const common = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE };
  const at = { startTime: hrTime(times.sinceMs), endTime: hrTime(times.nowMs) };
  const values = (): DataPoint<number>[] =>
    series.flatMap((each) =>
      each.kind === 'histogram' ? [] : [{ ...at, attributes: each.labels, value: each.value }],
    );
  switch (series[0]?.kind) {
    case 'counter':
      return { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: values() };
    case 'histogram': {
      const dataPoints = series.flatMap((each) =>
        each.kind === 'histogram' ? [{ ...at, attributes: each.labels, value: histogramValue(each) }] : [],
      );
      return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints };
    }
    default:
      return { ...common, dataPointType: DataPointType.GAUGE, dataPoints: values() };
  }
}

function histogramValue({ bounds, counts, sum, count, min, max }: HistogramSnapshot): Histogram {
  return { buckets: { boundaries: [...bounds], counts: [...counts] }, sum, count, min, max };
}
