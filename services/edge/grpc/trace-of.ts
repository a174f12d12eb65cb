import type { Metadata } from '@grpc/grpc-js';
import { parseTraceparent, type TraceContext } from '@reticle/core/domain';
import { headers } from '@reticle/proto/contract';

/** The caller's place in its own trace; undefined without a `traceparent`, with a malformed one, or with several. */
export function traceOf(metadata: Metadata): TraceContext | undefined {
  const [given, ...others] = metadata.get(headers.traceparent);
  return others.length === 0 && typeof given === 'string' ? parseTraceparent(given) : undefined;
}
