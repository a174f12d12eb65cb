/* oxlint-disable no-restricted-globals -- formats a given time; the clock is not read here */
/** Times as the API server writes them; `ms` are Unix milliseconds. */

/** `metav1.Time`: whole seconds. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** `metav1.MicroTime`. */
export function microTimeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}
