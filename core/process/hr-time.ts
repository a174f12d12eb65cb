/** Unix milliseconds as OpenTelemetry's pair of whole seconds and nanoseconds. */
export function hrTime(unixMs: number): [seconds: number, nanoseconds: number] {
  const seconds = Math.floor(unixMs / 1_000);
  return [seconds, Math.round((unixMs - seconds * 1_000) * 1e6)];
}
