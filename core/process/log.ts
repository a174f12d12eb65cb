import { destination as openDestination, pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import type { Clock } from '@reticle/core/flow';
import { checkFields, type LogFields, type LogValue } from './log-fields.ts';
import type { Counter } from './metrics.ts';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];
type RecordLevel = Exclude<LogLevel, 'silent'>;

/**
 * Structured records. The message is a constant text that says what happened; everything that varies is a
 * field. `error`: someone must act. `warn`: degraded and healing. `info`: once per object change or session.
 * `debug`: per loop. Nothing is logged per frame or token.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every record; a record's own field wins. */
  child(fields: LogFields): Logger;
}

export type LoggerOptions = {
  readonly level: LogLevel;
  readonly clock: Clock;
  /** Counts fields outside the allow-list. */
  readonly dropped?: Pick<Counter, 'add'>;
  /** Where lines go; default: {@link standardError}. */
  readonly output?: LogOutput;
};

/** A sink of whole lines. */
export interface LogOutput {
  write(line: string): void;
  /** Writes what is buffered before it returns; for the last words of a process. */
  flushSync?(): void;
}

/** Bytes held for a reader of standard error that has stalled; past that, records are lost, not the process. */
const OUTPUT_BYTES_MAX = 1024 * 1024;

/** Standard error without blocking the loop: a stalled reader of the pipe costs records only; `lost` counts them. */
export function standardError(lost?: Pick<Counter, 'add'>): LogOutput {
  const stream = openDestination({ dest: 2, sync: false, maxLength: OUTPUT_BYTES_MAX });
  // A closed pipe is no reason to die; without a listener it would be an uncaught error.
  stream.on('error', () => {});
  stream.on('drop', () => lost?.add(1));
  return {
    write: (line) => void stream.write(line),
    flushSync: () => {
      try {
        stream.flushSync();
      } catch {
        // The stream throws when it is not open yet or its pipe is gone: there is no one left to tell.
      }
    },
  };
}

/** JSON lines `{"level","time","message",…fields}`; time is wall time in Unix milliseconds. */
export function createLogger(options: LoggerOptions): Logger {
  const output: DestinationStream = options.output ?? standardError();
  const writer = pino(
    {
      level: options.level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":${Math.round(options.clock.wallMs())}`,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
  return fieldLogger({ write: writerOf(writer), dropped: options.dropped, fixed: {} });
}

type Write = (level: RecordLevel, message: string, fields: Readonly<Record<string, LogValue>>) => void;

function writerOf(writer: PinoLogger): Write {
  return (level, message, fields) => {
    if (writer.isLevelEnabled(level)) writer[level](fields, message);
  };
}

type Parts = {
  readonly write: Write;
  readonly dropped: Pick<Counter, 'add'> | undefined;
  readonly fixed: Readonly<Record<string, LogValue>>;
};

/** The one place where fields are checked, whatever stands behind `write`. */
function fieldLogger(parts: Parts): Logger {
  const checked = (given: LogFields): Readonly<Record<string, LogValue>> => {
    const { fields, dropped } = checkFields(given);
    if (dropped > 0) parts.dropped?.add(dropped);
    return { ...parts.fixed, ...fields };
  };
  const at =
    (level: RecordLevel) =>
    (message: string, fields: LogFields = {}): void =>
      parts.write(level, message, checked(fields));
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => fieldLogger({ ...parts, fixed: checked(fields) }),
  };
}

/** Writes nothing. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};

export type LogRecord = {
  readonly level: RecordLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, LogValue>>;
};

export type MemoryLogger = Logger & {
  /** Every record of this logger and its children, oldest first. */
  readonly records: readonly LogRecord[];
  /** Fields that the allow-list refused. */
  readonly dropped: () => number;
};

/** Keeps records for a test, behind the same allow-list as the real one. */
export function memoryLogger(): MemoryLogger {
  const records: LogRecord[] = [];
  let dropped = 0;
  const logger = fieldLogger({
    write: (level, message, fields) => records.push({ level, message, fields }),
    dropped: { add: (count) => (dropped += count) },
    fixed: {},
  });
  return { ...logger, records, dropped: () => dropped };
}
