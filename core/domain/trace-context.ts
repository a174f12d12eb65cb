/** A place in somebody's trace: what a W3C `traceparent` says. */
export type TraceContext = {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string;
  /** 16 lower-case hex digits, not all zero: the span that what follows is a part of. */
  readonly spanId: string;
  /** Bit 0: the caller records this trace. */
  readonly traceFlags: number;
};

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** Longer texts are not looked at; a later version may append fields. */
const CHARACTERS_MAX = 256;
const ALL_ZERO = /^0+$/;

/**
 * The context of a `traceparent` (W3C Trace Context §3.2). Undefined for what is none: whoever sends one that is
 * malformed has a trace of ours instead, never a refusal.
 */
export function parseTraceparent(text: string | undefined): TraceContext | undefined {
  const [, version, traceId = '', spanId = '', flags = '', rest] = TRACEPARENT.exec(cut(text)) ?? [];
  if (version === undefined || !isFormat(version, rest !== undefined)) return undefined;
  if (ALL_ZERO.test(traceId) || ALL_ZERO.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) };
}

function cut(text: string | undefined): string {
  return text === undefined || text.length > CHARACTERS_MAX ? '' : text;
}

/** Version 00 has four fields alone, a later one may append, and ff is none. */
function isFormat(version: string, hasMore: boolean): boolean {
  return version === '00' ? !hasMore : version !== 'ff';
}

/** The context as a `traceparent` of version 00; of the flags only the sampling bit is passed on. */
export function formatTraceparent({ traceId, spanId, traceFlags }: TraceContext): string {
  return `00-${traceId}-${spanId}-0${traceFlags & 1}`;
}
