/**
 * The error registry: every refusal that Reticle can give, once. A transport maps a code through this
 * table and never invents its own. A test walks the table, so that a row cannot be half-added.
 */

/** gRPC status numbers used by the registry (google.rpc.Code). */
export const GrpcStatus = {
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;
export type GrpcStatusName = keyof typeof GrpcStatus;

/** `rejected`: never started, safe to send elsewhere. `ended`: tokens may have been billed. `control`: in-band only. */
export type ErrorPhase = 'rejected' | 'ended' | 'control';

/** What a client may do: give up, wait for the delay it was told, resume the turn, or send the work in full again. */
export type ErrorRetry = 'never' | 'after' | 'resume' | 'resend';

export type ErrorRow = {
  readonly grpc: GrpcStatusName;
  readonly http: number;
  /** OpenAI's `error.type`. */
  readonly type: string;
  /** The word OpenAI clients act on; replaces the code on OpenAI surfaces only. */
  readonly alias?: string;
  readonly retry: ErrorRetry;
  readonly phase: ErrorPhase;
};

const row = (grpc: GrpcStatusName, http: number, type: string): ErrorRow => ({
  grpc,
  http,
  type,
  retry: 'never',
  phase: 'rejected',
});
const REQUEST = 'invalid_request_error';
const SERVER = 'server_error';
const invalid = row('INVALID_ARGUMENT', 400, REQUEST);
const notFound = row('NOT_FOUND', 404, REQUEST);
const precondition = row('FAILED_PRECONDITION', 409, REQUEST);
const denied = row('PERMISSION_DENIED', 403, 'permission_error');
const unauthenticated = row('UNAUTHENTICATED', 401, 'authentication_error');
const control: ErrorRow = { ...invalid, phase: 'control' };
const limited: ErrorRow = {
  ...row('RESOURCE_EXHAUSTED', 429, 'rate_limit_error'),
  retry: 'after',
  alias: 'rate_limit_exceeded',
};
const full: ErrorRow = { ...row('RESOURCE_EXHAUSTED', 503, SERVER), retry: 'after', alias: 'slow_down' };
const unavailable: ErrorRow = { ...row('UNAVAILABLE', 503, SERVER), retry: 'after', alias: SERVER };
const lost: ErrorRow = { ...unavailable, retry: 'resume', phase: 'ended' };

const registry = {
  invalid_json: invalid,
  invalid_request: invalid,
  missing_required_parameter: invalid,
  unknown_parameter: invalid,
  value_out_of_range: invalid,
  json_too_deep: invalid,
  schema_too_complex: invalid,
  unsupported_modality: invalid,
  ack_out_of_range: invalid,
  request_too_large: row('RESOURCE_EXHAUSTED', 413, REQUEST),
  context_length_exceeded: row('OUT_OF_RANGE', 400, REQUEST),
  invalid_api_key: unauthenticated,
  key_revoked: unauthenticated,
  invalid_resume_token: unauthenticated,
  tier_required: denied,
  region_unavailable: denied,
  residency_violation: denied,
  model_not_found: notFound,
  session_not_found: notFound,
  turn_not_found: { ...row('NOT_FOUND', 400, REQUEST), retry: 'resend', alias: 'previous_response_not_found' },
  resume_expired: precondition,
  session_not_open: precondition,
  session_already_open: precondition,
  draft_not_found: precondition,
  response_in_flight: { ...precondition, retry: 'after' },
  resume_window_exceeded: row('OUT_OF_RANGE', 400, REQUEST),
  epoch_stale: row('ABORTED', 409, REQUEST),
  idempotency_conflict: row('ALREADY_EXISTS', 409, REQUEST),
  rate_limit_exceeded: limited,
  concurrency_exceeded: limited,
  quota_exhausted: { ...limited, alias: 'insufficient_quota', retry: 'never' },
  request_exceeds_limit: invalid,
  queue_full: full,
  queue_eta_exceeded: full,
  overloaded: full,
  queue_timeout: { ...full, http: 504 },
  tier_closed: { ...unavailable, alias: 'server_is_overloaded', retry: 'never' },
  no_capacity: unavailable,
  draining: unavailable,
  engine_lost: lost,
  region_lost: lost,
  upstream_protocol_error: { ...unavailable, http: 502, phase: 'ended' },
  internal: { ...unavailable, grpc: 'INTERNAL', http: 500, phase: 'ended' },
  unimplemented: row('UNIMPLEMENTED', 404, REQUEST),
  no_active_turn: { ...control, alias: 'response_not_active' },
  turn_stale: { ...control, alias: 'response_already_completed' },
  interrupt_not_supported: control,
  too_many_pending_steers: control,
  unknown_event: control,
  credential_in_url: control,
  protocol_abuse: control,
} as const satisfies Record<string, ErrorRow>;

/** A code of the registry: lower snake case, the same word on every transport. */
export type ErrorCode = keyof typeof registry;

/** Code → gRPC status, HTTP status, OpenAI type and alias, retry, phase. */
export const errorRegistry: Readonly<Record<ErrorCode, ErrorRow>> = registry;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(registry, text);
}

/** `google.rpc.ErrorInfo.domain` of every error. */
export const ERROR_DOMAIN = 'reticle.dev';
