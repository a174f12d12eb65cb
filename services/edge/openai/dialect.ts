import type { IncomingHttpHeaders } from 'node:http';
import { errorRegistry, type ErrorCode } from '@reticle/proto/contract';
import { isFields, type Fields } from './json-fields.ts';

/** Whose habits a client has (PROTOCOL §4.1): Codex knows events of its own, and stops at other refusals than the SDK. */
export type Dialect = 'codex' | 'openai';

export function dialectOf(headers: IncomingHttpHeaders): Dialect {
  const { originator } = headers;
  if (typeof originator === 'string' && originator.startsWith('codex')) return 'codex';
  return Object.keys(headers).some((name) => name.startsWith('x-codex-')) ? 'codex' : 'openai';
}

const THREAD_ID = /^[\x21-\x7e]{1,128}$/;

/** Codex's thread, as the request's own fields say it, or its headers (§4.1); undefined where neither does. */
export function threadIdOf(fields: Fields, headers: Readonly<Record<string, unknown>>): string | undefined {
  const { client_metadata: metadata } = fields;
  const told = isFields(metadata) ? metadata['thread_id'] : undefined;
  return [told, headers['thread-id']].find(
    (value): value is string => typeof value === 'string' && THREAD_ID.test(value),
  );
}

/** Codes at which Codex stops at once where `response.failed` has them (PROTOCOL §5.2 row 13). */
export type StopCode = 'invalid_prompt' | 'context_length_exceeded';

/** What a session refuses and not a request. */
const OF_SESSION: ReadonlySet<ErrorCode> = new Set([
  'epoch_stale',
  'invalid_resume_token',
  'resume_expired',
  'session_not_found',
  'session_not_open',
]);

/** True when the same request, sent again in full, may be served: later, or in a session of its own. */
export function mayHelpAnew(code: ErrorCode): boolean {
  return errorRegistry[code].retry !== 'never' || OF_SESSION.has(code);
}

/** Codex knows these by their status. */
const KNOWN: ReadonlySet<ErrorCode> = new Set(['quota_exhausted', 'tier_closed']);

/**
 * The code of `response.failed` for a refusal that Codex would answer with further tries, or with its raw JSON, though no
 * try can help: it stops at this one, with clean text (§5.2 row 12). Undefined for every other refusal.
 */
export function stopCode(dialect: Dialect, code: ErrorCode): StopCode | undefined {
  if (dialect !== 'codex' || mayHelpAnew(code) || KNOWN.has(code)) return undefined;
  return code === 'context_length_exceeded' ? code : 'invalid_prompt';
}
