/** Where a response's events go, in order. */
export interface EventOutput {
  /** @param json the whole event as one JSON text */
  write(type: string, sequence: number, json: string): void;
}
