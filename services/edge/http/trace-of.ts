import type { IncomingMessage } from 'node:http';
import { parseTraceparent, type TraceContext } from '@reticle/core/domain';
import { headers } from '@reticle/proto/contract';

/** The caller's place in its own trace; Node joins several headers to one text, which is none. */
export function traceOf({ headers: given }: IncomingMessage): TraceContext | undefined {
  const text = given[headers.traceparent];
  return typeof text === 'string' ? parseTraceparent(text) : undefined;
}
