/**
 * Every field that a log record may carry. A key outside this list is dropped and counted (PROMISES §5.6), so
 * that content, keys and tokens cannot enter a log by a field nobody looked at. Values are ids, closed words,
 * addresses and measures; never what a user or a model wrote.
 */
export const logKeys = [
  // who and where
  'component',
  'session',
  'turn',
  'epoch',
  'model',
  'digest',
  'region',
  'tier',
  'replica',
  'engine',
  'lane',
  'link',
  'tenant',
  'kid',
  'traceId',
  'requestId',
  'signalId',
  'object',
  // the process
  'pid',
  'host',
  'port',
  'version',
  'path',
  'signal',
  'exitCode',
  // what happened
  'code',
  'kind',
  'reason',
  'outcome',
  'method',
  'status',
  'errorName',
  'errorText',
  'stack',
  // measures
  'offset',
  'ms',
  'count',
  'bytes',
  'tokens',
  'attempt',
  'limit',
] as const;

export type LogKey = (typeof logKeys)[number];

const known: ReadonlySet<string> = new Set(logKeys);

export function isLogKey(key: string): key is LogKey {
  return known.has(key);
}
