export type {
  ContextId,
  CutGranularity,
  DriverEvents,
  DriverLoad,
  EngineCapabilities,
  EngineDriver,
  EngineInput,
  EngineModel,
  ItemKind,
  ItemMark,
  PrefillWork,
  SamplingParams,
  StartWork,
  StepBatch,
  StreamId,
  Truncation,
} from './contract.ts';
export { EngineHost } from './host/engine-host.ts';
export { FakeDriver, tokenText } from './host/fake-driver.ts';
export type { FakeDriverOptions } from './host/fake-driver.ts';
export { observeLoad, recordedHost } from './recorded-host.ts';
export type { RecordedHostOptions } from './recorded-host.ts';
export type {
  EndedTurn,
  EngineHostOptions,
  EngineIdentity,
  HostCount,
  HostLink,
  HostObserver,
  HostPeer,
  SignalCount,
} from './host/ports.ts';
export type { HostSignals, SignalOptions } from './host/signals.ts';
export { ENGINE_SERVICE, listenLinks } from './link/link-server.ts';
export type { LinkServer, LinkServerOptions } from './link/link-server.ts';
export { presenceCodec, publishPresence } from './link/presence.ts';
export type { PresenceOptions } from './link/presence.ts';
export { serveSignals } from './link/signal-service.ts';
export type { SignalServiceOptions } from './link/signal-service.ts';
export { warmedDriver } from './warm-up.ts';
export type { WarmedDriver } from './warm-up.ts';
