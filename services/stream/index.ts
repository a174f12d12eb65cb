export { EngineDirectory } from './engine-directory.ts';
export type { EngineDirectoryOptions, EngineEntry, Routing, SessionWish, Succession } from './engine-directory.ts';
export { silentEvents } from './events.ts';
export type { StreamEvents } from './events.ts';
export { recordedEvents } from './recorded-events.ts';
export type { RecordedEventsOptions } from './recorded-events.ts';
export { tiersFor } from './front.ts';
export type {
  Attachment,
  Caller,
  ClientSink,
  CreateSession,
  ReplayTurn,
  SessionFront,
  TokenFacts,
  TokenRun,
  WarmSession,
} from './front.ts';
export type { EngineLink, EngineLinks, LaneReceiver, LinkFacts, LinkLoss, SidReceiver } from './link/engine-link.ts';
export { LinkClient } from './link/link-client.ts';
export type { LinkClientOptions } from './link/link-client.ts';
export { LinkPool } from './link/link-pool.ts';
export { GrpcLinkTransport } from './link/link-transport.ts';
export type { LinkHandlers, LinkTransport, OpenLink } from './link/link-transport.ts';
export type { ResumeClaims, ResumeTokens } from './resume-claims.ts';
export { createResumeTokens } from './resume-token.ts';
export type { ResumeKey, ResumeTokenOptions } from './resume-token.ts';
export type { Engines, SessionPorts } from './session-facts.ts';
export { Sessions } from './sessions.ts';
export type { LocatedSession, RemoteSessions, RemoteTarget, SessionsOptions } from './sessions.ts';
export { UsageLedger } from './usage-ledger.ts';
export type { Bill } from './usage-ledger.ts';
export { remoteSessions } from './remote-sessions.ts';
export { GrpcSignalTransport, SignalSender } from './signals/index.ts';
export type { SignalSenderOptions, SignalTransport } from './signals/index.ts';
