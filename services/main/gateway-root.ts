import {
  assert,
  base32,
  RANDOM_ID_BYTES,
  type GatewayAccess,
  type ModelDefaults,
  type TlsPair,
} from '@reticle/core/domain';
import { KeyedDedup, type Clock } from '@reticle/core/flow';
import { hmacSha256, Health, type Env, type Logger } from '@reticle/core/process';
import { startTelemetry, type Telemetry } from '@reticle/core/process/telemetry';
import { limits, type ErrorCode } from '@reticle/proto/contract';
import type { Bus } from '@reticle/services/bus';
import { sessionSignalKeys } from '@reticle/services/bus/signals';
import { startGrpcEdge } from '@reticle/services/edge/grpc';
import { LocalTicketDesk, type TicketDesk } from '@reticle/services/edge/tickets';
import { startHttpEdge, type HttpEdge, type HttpEdgeOptions, type HttpTimeouts } from '@reticle/services/edge/http';
import {
  createResumeTokens,
  EngineDirectory,
  GrpcLinkTransport,
  GrpcSignalTransport,
  LinkPool,
  recordedEvents,
  remoteSessions,
  Sessions,
  SignalSender,
  UsageLedger,
  type StreamEvents,
} from '@reticle/services/stream';
import { startAuth, type GatewayAuth } from './gateway-auth.ts';
import { startServing, type GatewayServing } from './gateway-serving.ts';
import type { CellKey, GatewayConfig } from './messages.ts';

export type GatewayDependencies = {
  readonly env: Env;
  readonly bus: Bus;
  readonly logger: Logger;
  /** Variables of OpenTelemetry; absent: none. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Told the served names with a ready engine, at start and on change. */
  readonly onModels?: (models: readonly string[]) => void;
  /** What differs from the HTTP server's own. */
  readonly httpTimeouts?: Partial<HttpTimeouts>;
  /** Where uses of tickets are counted; absent: here, for a gateway that is alone on its port. */
  readonly desk?: TicketDesk;
};

/** A running gateway; the caller drains and closes it. */
export type RunningGateway = {
  readonly port: number;
  /** Of the OpenAI surfaces, where they were asked for. */
  readonly httpPort?: number;
  /** Of `/metrics`, where it was asked for. */
  readonly metricsPort?: number;
  /** Bills by (turn, epoch), as this gateway served them. */
  readonly ledger: UsageLedger;
  /** Puts other keys and tenants in force at once. */
  replaceAccess(access: GatewayAccess): void;
  /** Puts another certificate in force for new connections; one that cannot be served is logged, and changes nothing. */
  replaceTls(pair: TlsPair): void;
  /** Lets running turns finish for at most `timeLeftMs`, then closes. The first call decides. */
  close(timeLeftMs: number): Promise<void>;
};

/** The engines that the gateway can reach, as a component of its health. */
const ENGINES = 'engines';
const PRESENCE_PERIODS = 2;
const LOOK_MS = 5;
/** Scopes that are kept: tenants times models in use. */
const KV_SCOPES_MAX = 4_096;

/**
 * Composes directory, links, sessions and the gRPC edge, which opens when an engine was heard, or after two periods of
 * presence without one. Rejects when the port is taken.
 */
export async function startGateway(config: GatewayConfig, dependencies: GatewayDependencies): Promise<RunningGateway> {
  const { env, logger, environment = {} } = dependencies;
  const { gatewayId, region, host, metricsPort } = config;
  const telemetry = await startTelemetry({
    service: 'reticle-gateway',
    instance: gatewayId,
    region,
    clock: env.clock,
    logger,
    environment,
    ...(metricsPort === undefined ? {} : { listen: { host, port: metricsPort } }),
  });
  try {
    return await startWith(telemetry, config, dependencies);
  } catch (error) {
    await telemetry.close();
    throw error;
  }
}

async function startWith(
  telemetry: Telemetry,
  config: GatewayConfig,
  dependencies: GatewayDependencies,
): Promise<RunningGateway> {
  const { env, bus, logger } = dependencies;
  const { region } = config;
  const { clock, random } = env;
  const events = recordedEvents({ ...telemetry, clock, logger });
  const serving = startServing(config, dependencies);
  const directory = new EngineDirectory({ bus, clock, random, cell: region, routing: serving.routing });
  const links = startLinks(config, { ...dependencies, directory, events });
  const ledger = new UsageLedger();
  const signals = startSignals(config, dependencies);
  const sessions = startSessions(config, {
    ...dependencies,
    directory,
    events,
    links,
    ledger,
    signals: signals.sender,
  });
  const health = new Health();
  health.register(ENGINES);
  const door = await startDoor(config, { ...dependencies, serving, directory });
  const { auth } = door;
  const shared = { front: sessions, auth, health, refused: (code: ErrorCode): void => events.refused('request', code) };
  const edge = await startGrpcEdge({
    host: config.host,
    port: config.grpcPort,
    ...(config.sharesPort === undefined ? {} : { sharesPort: config.sharesPort }),
    ...shared,
    log: logger,
    clock,
    random,
    failpoint: env.failpoint,
  });
  const http = await startHttp(config, { ...dependencies, ...shared, sockets: door.sockets, directory });
  const onModels = dependencies.onModels ?? ((): void => {});
  const stopWatching = watchEngines({ directory, links, sessions, health, clock, onModels });
  const end = async (timeLeftMs: number): Promise<void> => {
    health.allNotServing('draining');
    http?.goAway(timeLeftMs);
    await sessions.stop(timeLeftMs);
    await Promise.all([edge.drain(0), http?.drain(0)]);
    stopWatching();
    links.close();
    signals.close();
    directory.close();
    serving.close();
    door.close();
    await telemetry.close();
  };
  let ended: Promise<void> | undefined;
  const httpPort = http === undefined ? {} : { httpPort: http.port };
  const { metricsPort } = telemetry;
  return {
    port: edge.port,
    ...httpPort,
    ...(metricsPort === undefined ? {} : { metricsPort }),
    ledger,
    replaceAccess: (access) => door.replace(access),
    replaceTls: (pair) => http?.replaceTls(pair),
    close: (timeLeftMs) => (ended ??= end(timeLeftMs)),
  };
}

type DoorParts = GatewayDependencies & { readonly serving: GatewayServing; readonly directory: EngineDirectory };

/** Opens when it is known who may come in, and an engine was heard or long enough was waited for one. */
async function startDoor(config: GatewayConfig, parts: DoorParts): Promise<GatewayAuth> {
  const { env, logger, serving, directory } = parts;
  const known = serving.first().then(() => firstPresence(directory, env.clock));
  const [door] = await Promise.all([startAuth(config, { env, logger }), known]);
  serving.open((records) => door.replaceRecords(records));
  return door;
}

type SessionParts = GatewayDependencies & { readonly directory: EngineDirectory; readonly events: StreamEvents };

function startLinks({ gatewayId, region }: GatewayConfig, { env, logger, directory, events }: SessionParts): LinkPool {
  const { clock, random } = env;
  return new LinkPool({
    transport: new GrpcLinkTransport(),
    clock,
    random,
    logger,
    gatewayId,
    incarnation: base32(random.bytes(RANDOM_ID_BYTES)),
    region,
    onLoad: (engineId, load) => directory.loaded(engineId, load),
    onAlive: (engine) => directory.alive(engine),
    onLost: (cause) => events.linkLost(cause),
  });
}

function startSessions(
  config: GatewayConfig,
  parts: SessionParts & { readonly links: LinkPool; readonly ledger: UsageLedger; readonly signals: SignalSender },
): Sessions {
  const { env, logger, directory, events, links, ledger, signals } = parts;
  const { region } = config;
  const { clock, random, failpoint } = env;
  const [first, ...others] = config.cellKeys;
  assert(first !== undefined, 'a gateway has a cell key');
  return new Sessions({
    clock,
    random,
    logger,
    failpoint,
    engines: directory,
    links,
    tokens: createResumeTokens({ region, keys: [first, ...others], clock, random }),
    ledger,
    events,
    gateway: config.gatewayId,
    kvScope: kvScope(first),
    signalKeys: (sessionId) => sessionSignalKeys(config.cellKeys, sessionId),
    remote: remoteSessions(signals, region),
    region,
  });
}

type HttpParts = Omit<GatewayDependencies, 'onModels'> &
  Pick<HttpEdgeOptions, 'auth' | 'health' | 'front' | 'refused'> &
  Pick<GatewayAuth, 'sockets'> & { readonly directory: EngineDirectory };

/** The OpenAI surfaces, where the gateway has a port for them. */
async function startHttp(config: GatewayConfig, parts: HttpParts): Promise<HttpEdge | undefined> {
  const { host, httpPort, sharesPort = false, webSockets = true, cellKeys, gatewayId, playground, tls } = config;
  if (httpPort === undefined) return undefined;
  const { env, logger, auth, health, front, refused, directory, httpTimeouts = {} } = parts;
  const { clock, random } = env;
  const { modelDefaults = {} } = config;
  const defaultsOf = (model: string): ModelDefaults | undefined =>
    Object.hasOwn(modelDefaults, model) ? modelDefaults[model] : undefined;
  const { desk = new LocalTicketDesk({ clock, random, serves: (gateway) => gateway === gatewayId }) } = parts;
  return startHttpEdge({
    ...parts.sockets,
    host,
    port: httpPort,
    sharesPort,
    webSockets,
    front,
    auth,
    health,
    ...(refused === undefined ? {} : { refused }),
    log: logger,
    clock,
    random,
    gateway: gatewayId,
    desk,
    ...(playground === undefined ? {} : { playground }),
    ...(tls === undefined ? {} : { tls }),
    cellKeys: cellKeys.map(({ key }) => key),
    models: () => directory.served().map((model) => ({ ...model, instructions: defaultsOf(model.name)?.instructions })),
    defaultsOf,
    timeouts: httpTimeouts,
  });
}

/**
 * A gateway that was started again is asked for its sessions at once, and one that knows no engine yet would say that
 * there is none (`model_not_found`, `engine_lost`).
 */
function firstPresence(directory: EngineDirectory, clock: Clock): Promise<void> {
  const untilMs = clock.nowMs() + PRESENCE_PERIODS * limits.presenceMs;
  return new Promise((resolve) => {
    const look = (): void => {
      if (directory.models().length > 0 || clock.nowMs() >= untilMs) resolve();
      else clock.after(LOOK_MS, look);
    };
    look();
  });
}

/** Controls of sessions that are open at other gateways (PROTOCOL §3). */
function startSignals(
  { cellKeys, region, gatewayId }: GatewayConfig,
  { env, bus }: GatewayDependencies,
): { readonly sender: SignalSender; close(): void } {
  const { clock, random } = env;
  const [newest, ...others] = cellKeys;
  assert(newest !== undefined, 'a gateway has a cell key');
  const transport = new GrpcSignalTransport({ clock });
  const keys = [newest, ...others] as const;
  const sender = new SignalSender({ bus, transport, clock, random, keys, cell: region, origin: gatewayId });
  return { sender, close: () => transport.close() };
}

/** HMAC(HMAC(cell key, tenant), digest): prefixes are shared within a tenant and a model, nowhere else (E2). */
function kvScope({ key }: CellKey): (tenant: string, modelDigest: string) => Uint8Array {
  const scopes = new KeyedDedup<string, Uint8Array>(KV_SCOPES_MAX);
  return (tenant, modelDigest) => {
    const name = `${modelDigest} ${tenant}`;
    const known = scopes.get(name);
    if (known !== undefined) return known;
    const tenantKey = hmacSha256(key).update('tenant\0').update(tenant).digest();
    const scope = hmacSha256(tenantKey).update(modelDigest).digest();
    scopes.set(name, scope);
    return scope;
  };
}

type Watched = Pick<Env, 'clock'> & {
  readonly directory: EngineDirectory;
  readonly links: LinkPool;
  readonly sessions: Sessions;
  readonly health: Health;
  readonly onModels: (models: readonly string[]) => void;
};

/** Follows presence at its own rhythm: readiness, the list of models, engines that drain or are gone. */
function watchEngines({ directory, links, sessions, health, clock, onModels }: Watched): () => void {
  let told: string | undefined;
  let cancel = (): void => {};
  const look = (): void => {
    const models = directory.models();
    if (models.join(' ') !== told) {
      told = models.join(' ');
      if (models.length > 0) health.serving(ENGINES);
      else health.notServing(ENGINES, 'no_engine');
      onModels(models);
    }
    for (const engineId of directory.draining()) sessions.leaveEngine(engineId);
    links.prune((engineId) => directory.get(engineId)?.address);
    cancel = clock.after(limits.presenceMs, look);
  };
  look();
  return () => cancel();
}
