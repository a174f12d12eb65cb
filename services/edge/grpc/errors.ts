/** Any error as a gRPC status (PROTOCOL §6.2, §6.3). */
import { Metadata } from '@grpc/grpc-js';
import { isReticleError, ReticleError } from '@reticle/core/domain';
import type { Random } from '@reticle/core/flow';
import { errorFields, type Logger } from '@reticle/core/process';
import { GrpcStatus, headers, type ErrorCode } from '@reticle/proto/contract';
import { encodeStatusDetails, type StatusDetails } from '@reticle/proto/load';
import { retryDelay } from '../retry-delay.ts';

/** What grpc-js takes as an error: it becomes the call's trailers. */
export type GrpcStatusObject = { readonly code: number; readonly details: string; readonly metadata: Metadata };

export type StatusOf = (error: unknown) => GrpcStatusObject;

const quotaCodes: ReadonlySet<ErrorCode> = new Set(['rate_limit_exceeded', 'concurrency_exceeded', 'quota_exhausted']);

export type StatusMakerOptions = {
  readonly log: Logger;
  readonly random: Random;
  /** Told each code that becomes a status. */
  readonly refused?: ((code: ErrorCode) => void) | undefined;
};

/**
 * The returned function makes the status of an error. What is not a `ReticleError` is a defect: it is logged
 * with its cause and answered as `internal`, without its text or stack.
 */
export function statusMaker({ log, random, refused }: StatusMakerOptions): StatusOf {
  return (error) => {
    const known = isReticleError(error) ? error : undefined;
    if (known === undefined || known.code === 'internal') log.error('a call failed', errorFields(error));
    const told = known ?? new ReticleError('internal', 'internal error');
    refused?.(told.code);
    return statusObject(told, random);
  };
}

function statusObject(error: ReticleError, random: Random): GrpcStatusObject {
  const code = GrpcStatus[error.row.grpc];
  const retryDelayMs = retryDelay(error, random);
  const metadata = new Metadata();
  const details: StatusDetails = {
    grpcCode: code,
    message: error.message,
    code: error.code,
    metadata: error.details,
    ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
    ...badRequest(error),
    ...quotaFailure(error),
  };
  metadata.set(headers.grpcStatusDetails, Buffer.from(encodeStatusDetails(details)));
  if (retryDelayMs !== undefined) metadata.set(headers.grpcRetryPushback, String(Math.ceil(retryDelayMs)));
  return { code, details: error.message, metadata };
}

function badRequest(error: ReticleError): Pick<StatusDetails, 'fieldViolations'> {
  if (error.param === undefined || error.row.grpc !== 'INVALID_ARGUMENT') return {};
  return { fieldViolations: [{ field: error.param, description: error.message }] };
}

function quotaFailure(error: ReticleError): Pick<StatusDetails, 'quotaViolations'> {
  if (!quotaCodes.has(error.code)) return {};
  return { quotaViolations: [{ subject: error.details['subject'] ?? error.code, description: error.message }] };
}
