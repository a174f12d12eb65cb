/** Reference pages made from the tables that the code itself uses. */
import { metricTable, type MetricRow } from '@reticle/core/process';
import { noFitCodes, noFitWords, reasonNames, reasons } from '@reticle/operator/api';
import { errorRegistry, GrpcStatus } from '@reticle/proto/contract';
import { layers } from './layers.ts';

/** `docs/contributor/layers.md`: the house as a table and a picture. */
export function generateLayersPage(): string {
  const rows = layers.map(
    (layer) => `| \`${layer.folder}\` | ${layer.rank}${layer.pure ? ' pure' : ''} | ${layer.purpose} |`,
  );
  const ranks = [...new Set(layers.map((layer) => layer.rank))].toSorted((a, b) => b - a);
  const picture = ranks.map((rank) => {
    const names = layers.filter((layer) => layer.rank === rank).map((layer) => layer.folder);
    return `  rank ${rank}   ${names.join('   ')}`;
  });
  return [
    '# Layers',
    '',
    'Generated from `scripts/layers.ts` by `npm run gen`. A file imports only lower ranks and its own folder; pure',
    'folders are synchronous and see no Node types, clock, randomness or promises.',
    '',
    '```text',
    ...picture,
    '```',
    '',
    '| folder | rank | what lives here |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** `docs/reference/errors.md`: every code, once, with its form on each transport. */
export function generateErrorReference(): string {
  const rows = Object.entries(errorRegistry).map(([code, row]) => {
    const grpc = `${row.grpc} (${GrpcStatus[row.grpc]})`;
    const alias = row.alias === undefined ? '–' : `\`${row.alias}\``;
    return `| \`${code}\` | ${row.phase} | ${grpc} | ${row.http} | \`${row.type}\` | ${alias} | ${row.retry} |`;
  });
  return [
    '# Error codes',
    '',
    'Generated from `proto/contract/errors.ts` by `npm run gen`. The code is the same word on every transport;',
    'gRPC carries it in upper case as `ErrorInfo.reason` with domain `reticle.dev`. `rejected`: nothing was started,',
    'safe to send elsewhere. `ended`: tokens may have been billed. `control`: answers a control inside a stream.',
    '',
    'OpenAI surfaces answer `{"error": {type, code, message, param, request_id, retryable, retry_after_ms}}`, with the',
    'alias in place of the code where there is one. Some refusals have a status of their own: 404 for an unknown response',
    'in a path, 405 for a method, 408 for a request that takes too long, 415 for a content coding, 431 for header fields.',
    '',
    '| code | phase | gRPC | HTTP | type on OpenAI surfaces | alias there | retry |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** `docs/reference/metrics.md`: every metric, as OpenTelemetry and as Prometheus know it. */
export function generateMetricReference(): string {
  const rows = Object.entries<MetricRow>(metricTable).map(([name, { kind, unit, process, labels, purpose }]) => {
    const exported = `${name.replaceAll('.', '_')}${kind === 'counter' ? '_total' : ''}`;
    const labelled = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values}`);
    const cells = [`\`${name}\``, `\`${exported}\``, kind, unit, process, labelled.join('; ') || '–', purpose];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '# Metrics',
    '',
    'Generated from `core/process/metric-table.ts` by `npm run gen`. `GET /metrics` on the metrics port of a gateway or',
    'an engine gives them in Prometheus’ text format, without a key: the port listens on loopback by default. OTLP sends',
    'them where `OTEL_EXPORTER_OTLP_ENDPOINT` says. A histogram is exported as `_bucket`, `_sum` and `_count`; dots of',
    'label names become underscores. A series appears when it is first counted. No label names a tenant, a session, a',
    'turn or an engine.',
    '',
    '| name | Prometheus | kind | unit | process | labels | what it says |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** `docs/reference/reasons.md`: what conditions and noFit codes mean, and what each asks of whom. */
export function generateReasonReference(): string {
  const rows = reasonNames.map((name) => {
    const { class: group, kinds, severity, text, next } = reasons[name];
    return `| \`${name}\` | ${group} | ${severity} | ${kinds.join(' ')} | ${text} | ${next} |`;
  });
  const codes = noFitCodes.map((code) => `| \`${code}\` | ${noFitWords[code].text} | ${noFitWords[code].next} |`);
  return [
    '# Reasons of conditions',
    '',
    'Generated from `operator/api` by `npm run gen`. The registry is closed: no condition says anything else, and',
    '`reticle explain` ([how to read it](../platform/commands.md)) prints the last column. Severity: `info` asks nothing of',
    'you, `warning` is degraded or waiting, `error` waits for somebody.',
    '',
    '| reason | class | severity | kinds | means | asks |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    '## Why a chain has no place',
    '',
    'Codes of `status.diagnostics` of a ModelReplica, and of `reticle plan`. Each comes with what it needs, what there is, and',
    'where the planner knows them the nearest values that would fit.',
    '',
    '| code | means | asks |',
    '|---|---|---|',
    ...codes,
    '',
  ].join('\n');
}
