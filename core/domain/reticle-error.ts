import { errorRegistry, type ErrorCode, type ErrorRow } from '@reticle/proto/contract';

const BRAND = Symbol.for('reticle.dev/error');

export type ReticleErrorOptions = {
  /** The field at fault, in the request's own notation (`input[2].item_json`). */
  readonly param?: string;
  /** Small facts a client can act on (`limit`, `requested`, `oldest_offset`); never content or credentials. */
  readonly details?: Readonly<Record<string, string>>;
  /** Milliseconds after which a retry may succeed. */
  readonly retryAfterMs?: number;
  /** For the log only; never serialised. */
  readonly cause?: unknown;
};

/** An operational refusal with a code of the registry. The message is for people and never echoes input. */
export class ReticleError extends Error {
  readonly code: ErrorCode;
  readonly param: string | undefined;
  readonly details: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;
  readonly [BRAND] = true;

  constructor(code: ErrorCode, message: string, options: ReticleErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ReticleError';
    this.code = code;
    this.param = options.param;
    this.details = options.details ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }

  /** gRPC, HTTP, alias, retry and phase of this error's code. */
  get row(): ErrorRow {
    return errorRegistry[this.code];
  }
}

/** True for a `ReticleError` of any copy of this module (`instanceof` fails across copies). */
export function isReticleError(error: unknown): error is ReticleError {
  return typeof error === 'object' && error !== null && BRAND in error;
}
