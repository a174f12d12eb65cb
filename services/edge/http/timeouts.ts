/** How long the HTTP server waits, and for what. Milliseconds. */
export type HttpTimeouts = {
  /** From the connection to the end of the TLS handshake, where there is one. */
  readonly handshakeMs: number;
  /** From the connection (after its handshake), or the end of the request before, to the end of the headers. */
  readonly headersMs: number;
  /** For the whole request, body included; answers may last as long as they like. */
  readonly requestMs: number;
  /** For the next request on a connection. */
  readonly keepAliveMs: number;
  /** How often the three above are looked at. */
  readonly checkMs: number;
  /** A stream's headers wait this long for its turn to start; then the client is told that it waits. */
  readonly queuedMs: number;
  /** A stream that says nothing for so long says that it lives (PROTOCOL §4.2, §4.4). */
  readonly silenceMs: number;
  /** What is left of a refused request's body is read for so long, so that its sender sees the answer. */
  readonly lingerMs: number;
};

/** Headers and bodies: PROMISES §5.4, G12. */
export const defaultTimeouts: HttpTimeouts = {
  handshakeMs: 10_000,
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 75_000,
  checkMs: 1_000,
  queuedMs: 250,
  silenceMs: 15_000,
  lingerMs: 1_000,
};
