export { ApiClient } from './api-client.ts';
export type { Answer, ApiClientOptions, UnaryName } from './api-client.ts';
export { bounded, WAIT_MS } from './bounded.ts';
export { certified } from './certificates.ts';
export { flatChain, sparkChain } from './chains.ts';
export type { ChainOptions } from './chains.ts';
export { flow, interrupt, randomId, redirect, start, turnOf, userItem } from './commands.ts';
export type { Command } from './commands.ts';
export { ConverseClient } from './converse-client.ts';
export type { ConverseOptions } from './converse-client.ts';
export { engineHealth } from './engine-health.ts';
export { allEvents, deltaText, HttpClient, sseEvents } from './http-client.ts';
export type { SseEvent } from './http-client.ts';
export { OracleContext, OracleTurn } from './oracle.ts';
export { CallFailed, outcomeOf } from './outcome.ts';
export type { Outcome } from './outcome.ts';
export { startTestPlatform, TEST_REGION, TestPlatform } from './platform.ts';
export type { Tenant, TestEngine, TestPlatformOptions } from './platform.ts';
export { requirePart } from './parts.ts';
export { RawHttp } from './raw-http.ts';
export type { RawAnswer } from './raw-http.ts';
export { frameOf, maskedFrame, opcode, RawWebSocket } from './raw-websocket.ts';
export type { RawFrame } from './raw-websocket.ts';
export { ResponseLog } from './response-log.ts';
export type { ResponseKind, ResponseOf } from './response-log.ts';
export { SocketClient } from './socket-client.ts';
export type { SocketEvent } from './socket-client.ts';
export { TcpRelay } from './tcp-relay.ts';
export { TokenChecker } from './token-checker.ts';
export { encodedPart, TokenIssuer } from './token-issuer.ts';
export type { TokenChange } from './token-issuer.ts';
export { TraceCollector } from './trace-collector.ts';
export type { ReceivedSpan } from './trace-collector.ts';
export { EXACT_LENGTH, kvActions, modes, outcomes, SERVICE_PATH, statuses } from './wire.ts';
export type {
  ControlAck,
  ConverseResponse,
  CreateSessionResponse,
  GetSessionResponse,
  SignalTurnResponse,
  TurnEnded,
  WarmSessionResponse,
} from './wire.ts';
