/** What a session needs of its socket: the `ws` object is behind it, a script in tests. */
export interface SocketPort {
  /** Bytes handed over that the kernel has not taken. */
  readonly backlogBytes: number;
  /** One text message each, in order; `taken` when the kernel has the last of them. */
  send(messages: readonly string[], taken: () => void): void;
  ping(): void;
  pong(data: Uint8Array): void;
  /** False: what the peer sends stays with the kernel. */
  read(on: boolean): void;
  /** Says goodbye; the peer's own goodbye, or the end of the connection, is told as `gone`. */
  close(code: number, reason: string): void;
  /** Ends the connection without a word. */
  destroy(): void;
}

/** Codes of §4.3; the library closes by itself with 1002, 1007, 1008 (fragments) and 1009. */
export const closeCode = { unused: 1_001, abuse: 1_008, fault: 1_011, drain: 1_012, overload: 1_013 } as const;
