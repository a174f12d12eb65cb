export { acceptedSockets } from './accepted-sockets.ts';
export type { AcceptedSockets } from './accepted-sockets.ts';
export { CONFIG_EXIT_CODE, ConfigError } from './config-error.ts';
export { duration, flag, hostPort, integer, list, oneOf, path, text } from './config-parsers.ts';
export type { Bounds, HostPort, Parsed, Parser } from './config-parsers.ts';
export { defaulted, environment, optional, parseConfig, readRawConfig, required } from './config.ts';
export type {
  ConfigKey,
  ConfigOf,
  ConfigTable,
  ParseConfigOptions,
  RawConfig,
  RawConfigOptions,
  RawValue,
} from './config.ts';
export type {
  ChildExit,
  ChildHandle,
  Disk,
  Env,
  Failpoint,
  ForkOptions,
  IpcMessage,
  Net,
  ParentChannel,
  Spawn,
  TextBounds,
} from './env.ts';
export { createFailpoint, parseFailpoints, systemFailpoint } from './failpoint.ts';
export type { FailpointAction, FailpointActions, FailpointPlan } from './failpoint.ts';
export { failpoints, isFailpointName } from './failpoints.ts';
export type { FailpointName } from './failpoints.ts';
export { hmacSha256 } from './hmac.ts';
export { seal, sealKey, unseal } from './seal.ts';
export { hrTime } from './hr-time.ts';
export { Health } from './health.ts';
export type { HealthListener, Readiness } from './health.ts';
export { Lifecycle } from './lifecycle.ts';
export type { DrainNotice, DrainStep, LifecycleEnd, LifecycleOptions, Owned } from './lifecycle.ts';
export { Instruments } from './instruments.ts';
export type { LabelsOf, NameOf } from './instruments.ts';
export { errorFields } from './log-fields.ts';
export type { LogFields, LogValue } from './log-fields.ts';
export { logKeys } from './log-keys.ts';
export type { LogKey } from './log-keys.ts';
export { createLogger, logLevels, memoryLogger, silentLogger, standardError } from './log.ts';
export type { Logger, LoggerOptions, LogLevel, LogOutput, LogRecord, MemoryLogger } from './log.ts';
export { createMetrics, latencyBoundsSeconds, percentile, tokenGapBoundsSeconds } from './metrics.ts';
export type {
  Counter,
  Gauge,
  Histogram,
  HistogramSnapshot,
  Labels,
  Metrics,
  MetricSnapshot,
  ValueSnapshot,
} from './metrics.ts';
export { metricTable } from './metric-table.ts';
export type { MetricName, MetricRow } from './metric-table.ts';
export { readSecret, Secret } from './secret.ts';
export { exitCodes, superviseProcess } from './supervise-process.ts';
export type { ProcessPort, SuperviseOptions } from './supervise-process.ts';
export { systemClock } from './system-clock.ts';
export { systemEnv } from './system-env.ts';
export { systemRandom } from './system-random.ts';
export { judgeTlsPair } from './tls-pair.ts';
export type { TlsFacts, TlsFault, TlsJudgement } from './tls-pair.ts';
export { within } from './within.ts';
