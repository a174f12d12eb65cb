/** Throws when an invariant of our own does not hold: a defect, never a user's mistake. */
export function assert(condition: boolean, text: string): asserts condition {
  if (!condition) throw new Error(`invariant: ${text}`);
}

/** Makes a `switch` over a union exhaustive: a forgotten case is a compile error. */
export function assertNever(value: never): never {
  throw new Error(`invariant: unexpected ${String(value)}`);
}
