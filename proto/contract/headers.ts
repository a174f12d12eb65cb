/** Header and metadata names, lower case as HTTP/2 wants them. */
export const headers = {
  authorization: 'authorization',
  requestId: 'x-request-id',
  traceparent: 'traceparent',
  grpcStatusDetails: 'grpc-status-details-bin',
  grpcRetryPushback: 'grpc-retry-pushback-ms',
} as const;
