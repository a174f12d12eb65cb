/** Any error as an HTTP answer (PROTOCOL §6.2, §6.3, PROMISES §7.1). */
import { isReticleError, ReticleError } from '@reticle/core/domain';
import type { Random } from '@reticle/core/flow';
import { errorFields, type Logger } from '@reticle/core/process';
import { retryDelay } from '../retry-delay.ts';
import type { ErrorCode } from '@reticle/proto/contract';

export type ErrorAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: ErrorObject };
};

/** The one object of every OpenAI surface. */
export type ErrorObject = {
  readonly type: string;
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  readonly request_id: string;
  readonly retryable: boolean;
  readonly retry_after_ms: number | null;
};

/** A refusal whose status is another one at this path than its code's. */
export class StatusError extends Error {
  readonly status: number;
  readonly refusal: ReticleError;

  constructor(status: number, refusal: ReticleError) {
    super(refusal.message);
    this.status = status;
    this.refusal = refusal;
  }
}

export type ErrorAnswerer = (error: unknown, requestId: string) => ErrorAnswer;

/** A longer delay is ignored by the SDK, which would come again after 0.5 s (§4.1a). */
const SDK_DELAY_MS_MAX = 60_000;

export type AnswererOptions = {
  readonly log: Logger;
  readonly random: Random;
  /** Told each code that is answered. */
  readonly refused?: ((code: ErrorCode) => void) | undefined;
};

/**
 * The returned function makes the answer to an error. What is not a `ReticleError` is a defect: it is logged with its
 * cause and answered as `internal`, without its text or stack.
 */
export function errorAnswerer({ log, random, refused }: AnswererOptions): ErrorAnswerer {
  return (thrown, requestId) => {
    const error = thrown instanceof StatusError ? thrown.refusal : thrown;
    const known = isReticleError(error) ? error : undefined;
    if (known === undefined || known.code === 'internal') log.error('a request failed', errorFields(error));
    const told = known ?? new ReticleError('internal', 'internal error');
    refused?.(told.code);
    const delayMs = delayOf(told, random);
    return {
      status: thrown instanceof StatusError ? thrown.status : told.row.http,
      headers: { 'x-request-id': requestId, ...retryHeaders(told, delayMs) },
      body: { error: errorObject(told, requestId, delayMs) },
    };
  };
}

function errorObject(error: ReticleError, requestId: string, delayMs: number | undefined): ErrorObject {
  const { type, alias, retry } = error.row;
  return {
    type,
    code: alias ?? error.code,
    message: withNumbers(error),
    param: error.param ?? null,
    request_id: requestId,
    retryable: retry !== 'never',
    retry_after_ms: delayMs === undefined ? null : Math.ceil(delayMs),
  };
}

/** Both numbers belong into the text: people see nothing else. */
function withNumbers({ message, details }: ReticleError): string {
  const { limit, requested } = details;
  if (limit === undefined) return message;
  return requested === undefined
    ? `${message} (limit ${limit})`
    : `${message} (limit ${limit}, requested ${requested})`;
}

/** A refusal that is the request's own fault (409) is told by its status alone, unless its author says when. */
function delayOf(error: ReticleError, random: Random): number | undefined {
  return error.retryAfterMs === undefined && error.row.http < 429 ? undefined : retryDelay(error, random);
}

/** Codex fails at once on a 429 without the whole seconds; the SDK prefers the milliseconds (PROTOCOL §5.2 row 9). */
function retryHeaders({ row }: ReticleError, delayMs: number | undefined): Record<string, string> {
  if (row.http === 409 || (row.http === 429 && row.retry === 'never')) return { 'x-should-retry': 'false' };
  if (delayMs === undefined) return row.http === 503 && row.retry === 'never' ? { 'x-should-retry': 'false' } : {};
  return {
    'retry-after': String(Math.max(1, Math.ceil(delayMs / 1_000))),
    'retry-after-ms': String(Math.ceil(delayMs)),
    'x-should-retry': delayMs > SDK_DELAY_MS_MAX ? 'false' : 'true',
  };
}
