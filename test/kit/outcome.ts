import type { StatusObject } from '@grpc/grpc-js';
import { decodeStatusDetails, type StatusDetails } from '@reticle/proto/load';

/** How a call ended, with what ErrorInfo, RetryInfo and BadRequest said. */
export type Outcome = {
  /** gRPC status number. */
  readonly grpc: number;
  /** Registry code out of ErrorInfo; empty when the call brought none. */
  readonly code: string;
  readonly message: string;
  /** The field at fault; empty when none was named. */
  readonly param: string;
  /** Small facts of ErrorInfo (`limit`, `oldest_offset`). */
  readonly facts: Readonly<Record<string, string>>;
  /** Milliseconds of RetryInfo. */
  readonly retryDelayMs: number | undefined;
};

export function outcomeOf({ code: grpc, details: message, metadata }: StatusObject): Outcome {
  const [bytes] = metadata.get('grpc-status-details-bin');
  const bare = { grpc, message, code: '', param: '', facts: {}, retryDelayMs: undefined };
  if (!Buffer.isBuffer(bytes)) return bare;
  const { code, metadata: facts, retryDelayMs, fieldViolations = [] } = decodeStatusDetails(bytes) ?? EMPTY;
  return { ...bare, code, facts, retryDelayMs, param: fieldViolations[0]?.field ?? '' };
}

const EMPTY: Pick<StatusDetails, 'code' | 'metadata' | 'retryDelayMs' | 'fieldViolations'> = { code: '', metadata: {} };

/** A call that was refused where the test expected an answer. */
export class CallFailed extends Error {
  readonly outcome: Outcome;

  constructor(what: string, outcome: Outcome) {
    super(`${what} ended with ${outcome.grpc} ${outcome.code || outcome.message}`);
    this.name = 'CallFailed';
    this.outcome = outcome;
  }
}
