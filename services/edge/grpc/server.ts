import { createServer, type AddressInfo } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import type { Clock, Random } from '@reticle/core/flow';
import { errorFields, type Failpoint, type Health, type Logger } from '@reticle/core/process';
import { limits, type ErrorCode } from '@reticle/proto/contract';
import { packageDefinition } from '@reticle/proto/load';
import type { SessionFront } from '@reticle/services/stream';
import { HealthImplementation } from 'grpc-health-check';
import { watchCredentials, type Authenticator } from '../auth/index.ts';
import { tendConnections, type ConnectionEnd } from './connections.ts';
import { statusMaker } from './errors.ts';
import { FlushGroups } from './flush-groups.ts';
import { createGuard } from './guard.ts';
import { loopMeter } from './loop-meter.ts';
import { hardened } from './refused.ts';
import {
  CONVERSE_PATH,
  SESSION_SERVICE,
  sessionMethods,
  strictSessionService,
  type OpenStream,
} from './session-service.ts';

export type GrpcEdgeOptions = {
  readonly host: string;
  /** 0: one that the system chooses. */
  readonly port: number;
  readonly front: SessionFront;
  readonly auth: Authenticator;
  /** Followed by the gRPC health service: serving when every component is. */
  readonly health: Health;
  readonly log: Logger;
  readonly clock: Clock;
  /** Told the code of everything that is refused with a status. */
  readonly refused?: (code: ErrorCode) => void;
  /** True: other workers listen on the port as well. */
  readonly sharesPort?: boolean;
  /** For signal ids and the jitter of retry delays. */
  readonly random: Random;
  /** Where a fault test stops or kills the process. */
  readonly failpoint: Failpoint;
  /** How soon a silent client's connection is asked whether it is there, and how long it may take to answer. */
  readonly keepalive?: { readonly timeMs: number; readonly timeoutMs: number };
  /** Share of the time since the last call, 0 to 1, in which this process's loop was busy; its own by default. */
  readonly utilisation?: () => number;
};

export interface GrpcEdge extends AsyncDisposable {
  readonly port: number;
  /** How long frames wait for others at present, ms (PERFORMANCE H5). */
  readonly flushWindowMs: number;
  /** Connections ended so far for what their peers did. */
  readonly connectionEnds: Readonly<Record<ConnectionEnd, number>>;
  /** Not serving, no new connections or calls; waits for running ones, at most `ms`, then ends them. */
  drain(ms: number): Promise<void>;
  /** Ends everything at once. */
  close(): Promise<void>;
}

/** A client whose machine is gone says no goodbye: without this its sessions would count as attached until TCP gives up. */
const KEEPALIVE = { timeMs: 10_000, timeoutMs: 10_000 } as const;
const CONNECTION_ENDS = {
  resets: 'connection recycled after resets by its peer',
  flood: 'connection ended: its peer floods it with control frames',
} as const;

/** Starts the gRPC surface. Rejects when the address cannot be bound. */
export async function startGrpcEdge(options: GrpcEdgeOptions): Promise<GrpcEdge> {
  const { clock, log } = options;
  const open = new Set<OpenStream>();
  const flushGroups = new FlushGroups({ clock, utilisation: options.utilisation ?? loopMeter() });
  const connectionEnds: Record<ConnectionEnd, number> = { resets: 0, flood: 0, unheard: 0 };
  const { server, followHealth } = assemble(options, { open, flushGroups });
  const { port, unlisten } = await bind(server, options).catch((error: unknown) => {
    flushGroups.stop();
    throw error;
  });
  const healthStatus = followHealth();
  const ended = (reason: ConnectionEnd): void => {
    connectionEnds[reason] += 1;
    if (reason !== 'unheard') log.warn(CONNECTION_ENDS[reason]);
  };
  const connections = tendConnections({ port, clock, flushGroups, ended });
  const stops = [healthStatus.stop, connections.stop, recheck(options, open), () => flushGroups.stop()];
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= new Promise((resolve) => {
      for (const stop of stops) stop();
      unlisten();
      // grpc-js's forceShutdown finds no connections without channelz, so they are cut here.
      server.tryShutdown(() => resolve());
      connections.destroyAll();
    });
    return closed;
  };
  return {
    port,
    connectionEnds,
    get flushWindowMs() {
      return flushGroups.windowMs;
    },
    close,
    async drain(ms) {
      healthStatus.notServing();
      unlisten();
      const bound = Promise.withResolvers<void>();
      const cancel = clock.after(ms, bound.resolve);
      const drained = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      await Promise.race([drained, bound.promise]);
      cancel();
      await close();
    },
    [Symbol.asyncDispose]: close,
  };
}

type Assembled = { readonly server: Server; readonly followHealth: () => HealthStatus };

type Shared = { readonly open: Set<OpenStream>; readonly flushGroups: FlushGroups };

function assemble(options: GrpcEdgeOptions, shared: Shared): Assembled {
  const statusOf = statusMaker(options);
  const guard = createGuard({
    auth: options.auth,
    statusOf,
    clock: options.clock,
    ownRefusals: new Set([CONVERSE_PATH]),
  });
  const { keepalive = KEEPALIVE } = options;
  const server = new Server({
    interceptors: [guard.interceptor],
    'grpc.keepalive_time_ms': keepalive.timeMs,
    'grpc.keepalive_timeout_ms': keepalive.timeoutMs,
    'grpc.max_receive_message_length': limits.libraryMessageBytesMax,
    'grpc.max_concurrent_streams': limits.concurrentStreamsMax,
    'grpc.enable_channelz': 0,
  });
  const { front, clock, random, failpoint } = options;
  const callerOf = (metadata: Parameters<typeof guard.callerOf>[0]) => guard.callerOf(metadata);
  const methods = sessionMethods({ front, clock, random, statusOf, failpoint, callerOf, ...shared });
  server.addService(strictSessionService(), methods);
  const library = {
    addService: (...[service, implementation]: Parameters<Server['addService']>) =>
      server.addService(hardened(service), implementation),
  };
  new ReflectionService(oneDescriptor(), { services: [SESSION_SERVICE] }).addToServer(library);
  const implementation = new HealthImplementation({ '': 'NOT_SERVING', [SESSION_SERVICE]: 'NOT_SERVING' });
  implementation.addToServer(library);
  return { server, followHealth: () => healthFollower(implementation, options.health) };
}

/** Every type of the package carries all descriptor files, and the service would decode them once for each. */
function oneDescriptor(): ReturnType<typeof packageDefinition> {
  const any = Object.entries(packageDefinition()).find(([, type]) => 'fileDescriptorProtos' in type);
  return any === undefined ? {} : Object.fromEntries([any]);
}

type HealthStatus = { readonly stop: () => void; readonly notServing: () => void };

/** Mirrors the process's readiness until it is stopped or told that it no longer serves. */
function healthFollower(implementation: HealthImplementation, health: Health): HealthStatus {
  const set = (status: 'SERVING' | 'NOT_SERVING'): void => {
    implementation.setStatus('', status);
    implementation.setStatus(SESSION_SERVICE, status);
  };
  const stop = health.listen(() => set(health.overall().status));
  set(health.overall().status);
  return {
    stop,
    notServing() {
      stop();
      set('NOT_SERVING');
    },
  };
}

type Bound = {
  readonly port: number;
  /** Takes no further connections. */
  readonly unlisten: () => void;
};

/**
 * A port that workers share is listened to with SO_REUSEPORT: the kernel spreads connections over them, and a worker
 * that dies takes its own alone (PERFORMANCE H12). grpc-js has no such option, so its connections are handed to it.
 */
function bind(server: Server, options: GrpcEdgeOptions): Promise<Bound> {
  const { host, port, sharesPort = false } = options;
  if (sharesPort) return bindShared(server, host, port);
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      // tryShutdown ends this listener with the rest.
      if (error === null) resolve({ port: bound, unlisten: () => {} });
      else reject(error);
    });
  });
}

function bindShared(server: Server, host: string, port: number): Promise<Bound> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = createServer((socket) => {
    socket.setNoDelay(true);
    // An error of the socket ends its HTTP/2 session, which says so; without a listener it would end the process.
    socket.on('error', () => {});
    injector.injectConnection(socket);
  });
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ host, port, reusePort: true }, () => {
      const { port: bound } = listener.address() as AddressInfo;
      resolve({ port: bound, unlisten: () => void listener.close() });
    });
  });
}

/** Ends streams whose credential no longer holds. Returns the function that stops looking. */
function recheck({ auth, clock, log }: GrpcEdgeOptions, open: ReadonlySet<OpenStream>): () => void {
  const look = (): void => {
    for (const stream of open) {
      try {
        auth.check(stream.caller);
      } catch (error) {
        log.info('stream ended: its credential no longer holds', errorFields(error));
        stream.refuse(error);
      }
    }
  };
  return watchCredentials({ auth, clock }, look);
}
