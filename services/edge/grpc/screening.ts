/**
 * A look at a request's raw headers, before grpc-js hides what it does not like: it accepts compressed
 * messages and drops `grpc-encoding` before interceptors run, and Node keeps the first of two `authorization`
 * fields. The verdict travels in a header that a client cannot set, since it is overwritten here.
 */
import type { IncomingHttpHeaders } from 'node:http2';
import type { Metadata } from '@grpc/grpc-js';
import { headers as names, limits } from '@reticle/proto/contract';

/** Why a request is refused: two credentials, a compressed body, too many or too large headers. */
export type Screening = 'authorization' | 'encoding' | 'size';

const VERDICT = 'x-reticle-screening';
const ENCODING = 'grpc-encoding';

/** Judges the raw name-value list and leaves the verdict in `headers`. */
export function screen(headers: IncomingHttpHeaders, raw: readonly string[]): void {
  delete headers[VERDICT];
  const verdict = judge(headers, raw);
  if (verdict !== undefined) headers[VERDICT] = verdict;
}

/** The verdict that {@link screen} left. */
export function screeningOf(metadata: Metadata): Screening | undefined {
  return metadata.get(VERDICT)[0] as Screening | undefined;
}

function judge(headers: IncomingHttpHeaders, raw: readonly string[]): Screening | undefined {
  const fieldNames = raw.filter((_, index) => index % 2 === 0);
  if (fieldNames.filter((name) => name === names.authorization).length > 1) return 'authorization';
  const bytes = raw.reduce((sum, text) => sum + text.length, 0);
  if (fieldNames.length > limits.headerFieldsMax || bytes > limits.headerBytesMax) return 'size';
  const encoding = headers[ENCODING];
  return encoding === undefined || encoding === 'identity' ? undefined : 'encoding';
}
