/**
 * A look at a request's raw headers, before grpc-js hides what it does not like: it accepts compressed
 * messages and drops `grpc-encoding` before interceptors run, answers a malformed `grpc-timeout` with INTERNAL, makes
 * garbage of a long one, and Node keeps the first of two `authorization` fields. The verdict travels in a header that a client cannot set, since it is overwritten here.
 */
import type { IncomingHttpHeaders } from 'node:http2';
import type { Metadata } from '@grpc/grpc-js';
import { headers as names, limits } from '@reticle/proto/contract';

/**
 * Why a request is refused: two credentials, a compressed body, too many or too large headers, a timeout that is none,
 * one that has passed.
 */
export type Screening = 'authorization' | 'encoding' | 'size' | 'timeout' | 'deadline';

const VERDICT = 'x-reticle-screening';
const ENCODING = 'grpc-encoding';
const TIMEOUT = 'grpc-timeout';
const TIMEOUT_FORM = /^(\d{1,8})([HMSmun])$/;
const MS_OF_UNIT: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };
/** Longer timeouts are cut to this: a stream lives for an hour, and grpc-js counts milliseconds in 32 bits. */
const TIMEOUT_MS_MAX = 24 * 3_600_000;

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
  if (encoding !== undefined && encoding !== 'identity') return 'encoding';
  return judgeTimeout(headers);
}

/** grpc-js sees a timeout only when it is one, and at most the longest. */
function judgeTimeout(headers: IncomingHttpHeaders): Screening | undefined {
  const text = headers[TIMEOUT];
  if (text === undefined) return undefined;
  delete headers[TIMEOUT];
  const [, digits, unit] = TIMEOUT_FORM.exec(String(text)) ?? [];
  if (digits === undefined || unit === undefined) return 'timeout';
  const ms = Number(digits) * (MS_OF_UNIT[unit] as number);
  // A timer cannot be shorter, and a call that could only fail should not begin.
  if (ms < 1) return 'deadline';
  headers[TIMEOUT] = ms > TIMEOUT_MS_MAX ? `${TIMEOUT_MS_MAX / 1_000}S` : String(text);
  return undefined;
}
