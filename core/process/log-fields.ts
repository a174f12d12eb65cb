import { types } from 'node:util';
import { isReticleError } from '@reticle/core/domain';
import { isLogKey, type LogKey } from './log-keys.ts';

/** Longest text of a field; ids, words and stacks fit, documents do not. */
const TEXT_LENGTH_MAX = 2_048;

export type LogValue = string | number | boolean;

/** Fields of a record. An undefined value is left out. */
export type LogFields = { readonly [Key in LogKey]?: LogValue | undefined };

/** Fields that passed the allow-list, and how many did not. */
export type CheckedFields = { readonly fields: Readonly<Record<string, LogValue>>; readonly dropped: number };

/**
 * Keeps allowed keys with plain values and cuts long text. The type already says so; this holds for values
 * that came through a cast or a spread. Objects are dropped whole, whatever their key.
 */
export function checkFields(given: LogFields): CheckedFields {
  const fields: Record<string, LogValue> = {};
  let dropped = 0;
  for (const [key, value] of Object.entries(given) as [string, unknown][]) {
    if (value === undefined) continue;
    if (!isLogKey(key) || !isLogValue(value)) dropped++;
    else fields[key] = typeof value === 'string' ? value.slice(0, TEXT_LENGTH_MAX) : value;
  }
  return { fields, dropped };
}

function isLogValue(value: unknown): value is LogValue {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/**
 * What a log may say of an error: its name, code and frames. The text stands there only for errors whose text
 * is ours and constant (`ReticleError`, invariants): others quote input, as `JSON.parse` does. The cause is
 * described the same way, by name and code.
 */
export function errorFields(error: unknown): LogFields {
  if (!types.isNativeError(error)) return { errorName: typeof error };
  const code = codeOf(error);
  return {
    errorName: error.name,
    ...(code === undefined ? {} : { code }),
    ...(isReticleError(error) || error.message.startsWith('invariant: ') ? { errorText: error.message } : {}),
    ...(types.isNativeError(error.cause) ? { reason: codeOf(error.cause) ?? error.cause.name } : {}),
    stack: frames(error),
  };
}

/** Codes of the registry and of Node (`ECONNREFUSED`, `ERR_…`); anything else could be content. */
function codeOf(error: Error): string | undefined {
  const code = (error as { readonly code?: unknown }).code;
  return typeof code === 'string' && /^[A-Za-z0-9_]{1,64}$/.test(code) ? code : undefined;
}

/** The frames alone: a stack begins with the message, which may have many lines. */
function frames(error: Error): string {
  const stack = error.stack ?? '';
  const head = `${error.name}: ${error.message}`;
  const from = stack.startsWith(head) ? head.length : 0;
  return stack
    .slice(from)
    .split('\n')
    .filter((line) => /^\s+at \S/.test(line))
    .map((line) => line.trim())
    .join('\n');
}
