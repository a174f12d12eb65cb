export { ERROR_DOMAIN, errorRegistry, GrpcStatus, isErrorCode } from './errors.ts';
export type { ErrorCode, ErrorPhase, ErrorRetry, ErrorRow, GrpcStatusName } from './errors.ts';
export { headers } from './headers.ts';
export { limits } from './limits.ts';
export { subjects } from './subjects.ts';
