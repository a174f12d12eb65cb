/** Every refusal that reaches a client, as one `ReticleError` with a code of the registry. */
import { status, type Metadata, type ServiceError } from '@grpc/grpc-js';
import { durationMs, isReticleError, ReticleError } from '@reticle/core/domain';
import { headers, isErrorCode, type ErrorCode } from '@reticle/proto/contract';
import type { TurnError } from '@reticle/proto/gen/session/v1/TurnError';
import { decodeStatusDetails } from '@reticle/proto/load';
import type { OutcomeWord } from './words.ts';

/** Codes of statuses that carry no details: what a library or a proxy between says by itself. */
const bare: Readonly<Record<number, ErrorCode>> = {
  [status.INVALID_ARGUMENT]: 'invalid_request',
  [status.UNAUTHENTICATED]: 'invalid_api_key',
  [status.PERMISSION_DENIED]: 'tier_required',
  [status.NOT_FOUND]: 'session_not_found',
  [status.UNIMPLEMENTED]: 'unimplemented',
  [status.RESOURCE_EXHAUSTED]: 'overloaded',
  [status.INTERNAL]: 'internal',
  [status.DATA_LOSS]: 'upstream_protocol_error',
};

type Refusal = { readonly code: number; readonly details: string; readonly metadata: Metadata };

export function fromServiceError(error: Refusal): ReticleError {
  const raw = error.metadata.get(headers.grpcStatusDetails)[0];
  const details = raw instanceof Uint8Array ? decodeStatusDetails(raw) : undefined;
  if (details === undefined) return fromBareStatus(error);
  const { message, metadata, fieldViolations, retryDelayMs } = details;
  const code = isErrorCode(details.code) ? details.code : (bare[error.code] ?? 'internal');
  const param = fieldViolations?.[0]?.field;
  return new ReticleError(code, message, {
    details: metadata,
    cause: error,
    ...(param === undefined ? {} : { param }),
    ...(retryDelayMs === undefined ? {} : { retryAfterMs: retryDelayMs }),
  });
}

/** `region_lost`, "no gateway answers", is what is left: refused connections, resets, deadlines. */
function fromBareStatus(error: Refusal): ReticleError {
  const code = bare[error.code] ?? 'region_lost';
  return new ReticleError(code, code === 'region_lost' ? 'no gateway answers' : error.details, { cause: error });
}

/** True for a stream end after which the same session may be attached again. */
export function isResumable(error: ReticleError, grpcCode: number | undefined): boolean {
  if (error.code === 'region_lost') return true;
  // An INTERNAL or RESOURCE_EXHAUSTED without details is the transport's: a reset, a torn connection.
  if (error.code === 'internal') return grpcCode === status.INTERNAL;
  return error.row.retry === 'after' || error.row.retry === 'resume';
}

export function fromTurnError(error: TurnError | null): ReticleError {
  if (error === null) return new ReticleError('internal', 'the turn failed without a reason');
  return new ReticleError(isErrorCode(error.code) ? error.code : 'internal', error.message, {
    ...(error.param === '' ? {} : { param: error.param }),
    ...(error.retryDelay === null ? {} : { retryAfterMs: durationMs(error.retryDelay) }),
  });
}

const outcomeCodes: Readonly<Partial<Record<OutcomeWord, ErrorCode>>> = {
  'not-found': 'turn_not_found',
  stale: 'turn_stale',
  unsupported: 'interrupt_not_supported',
};

/** The error of a control that changed nothing. */
export function fromOutcome(outcome: OutcomeWord, code: string): ReticleError {
  const known = isErrorCode(code) ? code : (outcomeCodes[outcome] ?? 'internal');
  return new ReticleError(known, `the control was refused: ${outcome.replace('-', ' ')}`);
}

/** Anything thrown, as a ReticleError. */
export function asReticleError(error: unknown): ReticleError {
  if (isReticleError(error)) return error;
  if (isServiceError(error)) return fromServiceError(error);
  return new ReticleError('internal', 'the client failed', { cause: error });
}

function isServiceError(error: unknown): error is ServiceError {
  return typeof error === 'object' && error !== null && 'code' in error && 'metadata' in error && 'details' in error;
}
