import type { IncomingHttpHeaders } from 'node:http';
import { errorRegistry, type ErrorCode } from '@reticle/proto/contract';

/** Whose habits a client has (PROTOCOL §4.1): Codex knows events of its own, and stops at other refusals than the SDK. */
export type Dialect = 'codex' | 'openai';

export function dialectOf(headers: IncomingHttpHeaders): Dialect {
  const { originator } = headers;
  if (typeof originator === 'string' && originator.startsWith('codex')) return 'codex';
  return Object.keys(headers).some((name) => name.startsWith('x-codex-')) ? 'codex' : 'openai';
}

/** Who speaks this way knows the meaning of these refusals by their own code. */
const KNOWN_TO_CODEX: ReadonlySet<ErrorCode> = new Set(['context_length_exceeded', 'quota_exhausted', 'tier_closed']);

/**
 * True for a refusal that Codex would answer with further tries though none can help: it stops, with clean text, only at
 * `response.failed` of code `invalid_prompt` (§5.2 row 12).
 */
export function needsInvalidPrompt(dialect: Dialect, code: ErrorCode): boolean {
  return dialect === 'codex' && errorRegistry[code].retry === 'never' && !KNOWN_TO_CODEX.has(code);
}
