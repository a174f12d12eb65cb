import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { MetricSnapshot } from '../metrics.ts';
import { exportMetrics, type ExportTimes } from './metric-export.ts';

/** Prometheus' text format, with what is known of the process as `target_info`. */
export function prometheusText(
  snapshots: readonly MetricSnapshot[],
  resource: Readonly<Record<string, string>>,
  times: ExportTimes,
): string {
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  return serializer.serialize(exportMetrics(snapshots, resourceFromAttributes({ ...resource }), times));
}
