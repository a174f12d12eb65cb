/** `google.protobuf.Duration` as it is decoded: whole seconds and nanoseconds of the same sign. */
export type WireDuration = { readonly seconds: number; readonly nanos: number };

/** Milliseconds of a wire duration; fractions of a millisecond are kept. */
export function durationMs(duration: WireDuration): number {
  return duration.seconds * 1_000 + duration.nanos / 1e6;
}

/** Wire duration of a non-negative number of milliseconds, to the nanosecond. */
export function wireDuration(ms: number): WireDuration {
  const seconds = Math.floor(ms / 1_000);
  return { seconds, nanos: Math.round((ms - seconds * 1_000) * 1e6) };
}
