/** Every limit on the wire, once (PROTOCOL §0, §1.1). Bytes, tokens, milliseconds as the names say. */
export const limits = {
  /** Largest client message, HTTP body or WebSocket payload. */
  messageBytesMax: 4 * 1024 * 1024,
  /** grpc-js's own limit: above ours, so that the refusal is typed by our deserialiser and not by the library. */
  libraryMessageBytesMax: 8 * 1024 * 1024,
  /** Nesting of protobuf messages and JSON documents. */
  nestingDepthMax: 64,
  /**
   * Commas, colons and opening brackets of a JSON body: 4 MiB of `[]` would hold a parser for a second, and every other
   * connection with it. 4,096 input items of eight fields are 65,536.
   */
  jsonMarksMax: 128 * 1024,
  headerFieldsMax: 64,
  headerBytesMax: 16 * 1024,
  /** Turns that run at once in one session. */
  liveTurnsMax: 8,
  draftBytesMax: 64 * 1024,
  signalBytesMax: 4 * 1024,
  /** Tokens of a turn that the engine host keeps for replay; unacknowledged ones are never evicted. */
  ringTokens: 8192,
  /** Default budget past the acknowledged offset: about half a second at 1,000 tokens/s. */
  creditTokensDefault: 512,
  /** Largest frame a client may ask for. */
  frameTokensMax: 64,
  frameDelayMsMax: 50,
  /** First client message of a Converse stream. */
  attachMsMax: 5_000,
  /** How long a finished turn stays replayable. */
  ringKeepMs: 60_000,
  idleTtlMsDefault: 30 * 60_000,
  idleTtlMsMax: 12 * 60 * 60_000,
  detachGraceMsUltrafast: 2_000,
  detachGraceMsDefault: 10_000,
  turnDurationMsDefault: 10 * 60_000,
  streamAgeMsMax: 60 * 60_000,
  streamGoAwayMs: 30_000,
  concurrentStreamsMax: 100,
  resumeTokenBytesMax: 512,
  /** Size of a KV block (PROTOCOL §1.1, KV tree). */
  kvBlockTokens: 128,
  /** Acks of controls kept per session for deduplication. */
  signalAcksKept: 64,
  presenceMs: 250,
  linkPingMs: 250,
  linkDeadMs: 1_000,
  /** A transport error is followed by one more dial of the same engine, bounded by this (PROTOCOL E7). */
  linkRedialMs: 250,
  /** Engines that may take over one turn, after the first (PROTOCOL E7). */
  failoversMax: 3,
  /** Ids in one message of a transcript (PROTOCOL E6). */
  transcriptIdsMax: 8192,
  /** Silence on the bus after which a signal goes by gRPC as well (PROTOCOL S2). */
  signalHedgeMs: 15,
  signalRepeatMs: 50,
  signalGiveUpMs: 1_000,
  /** Lifetime of a signal, and the clock skew that is forgiven (PROTOCOL S6). */
  signalTtlMs: 60_000,
  signalLeewayMs: 300_000,
  /** An owner that does not answer in time is unknown (PROTOCOL §3). */
  locateMs: 15,
  stopStringsMax: 4,
  inputItemsMax: 4096,
  /** Starts of an engine within one replica epoch that gateways tell apart: its own epoch is epoch · this + start. */
  startsPerEpochMax: 1_024,
  /** Body of one part of a serving snapshot: with its head it stays below the largest message of the bus. */
  snapshotPartBytesMax: 56 * 1024,
  /** A snapshot in force is named again after this (OPERATOR §16). */
  snapshotHeadMs: 1_000,
  /** Silence after which a gateway asks for itself. */
  snapshotSilentMs: 3_000,
  /** Tools of one request or `additional_tools` item, and the characters of a tool's name (PROMISES §7.2 H16). */
  toolsMax: 256,
  toolNameCharactersMax: 128,
} as const;
