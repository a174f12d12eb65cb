/**
 * `LinkService` over real sockets: one grpc-js server, each `Link` stream one link of the host.
 *
 * Step frames arrive as bytes and pass the serialiser untouched (PERFORMANCE H6). A frame counts as waiting
 * until the transport has taken it, so that at most one waits here and the next carries several steps (H1);
 * the stream's own object queue would hold sixteen. TCP_NODELAY is set by Node's Http2Session on every socket.
 */
import { Server, ServerCredentials, status, type sendUnaryData, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Clock } from '@reticle/core/flow';
import { acceptedSockets, type Health } from '@reticle/core/process';
import { errorRegistry, GrpcStatus, limits } from '@reticle/proto/contract';
import type { LinkRequest } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { LinkResponse__Input } from '@reticle/proto/gen/engine/v1/LinkResponse';
import type { SignalTurnRequest } from '@reticle/proto/gen/engine/v1/SignalTurnRequest';
import type { SignalTurnResponse__Input } from '@reticle/proto/gen/engine/v1/SignalTurnResponse';
import { HealthImplementation } from 'grpc-health-check';
import { linkServiceDefinition, strictDecode, type StrictResult } from '@reticle/proto/load';
import type { EngineHost } from '../host/engine-host.ts';
import type { HostLink } from '../host/ports.ts';
import type { HostSignals } from '../host/signals.ts';

export type LinkServerOptions = {
  readonly host: EngineHost;
  /** `address:port`; port 0 takes a free one. */
  readonly bind: string;
  readonly clock: Clock;
  /** Takes the signals that come by gRPC; without it `SignalTurn` is UNIMPLEMENTED. */
  readonly signals?: HostSignals;
  /** Told by the gRPC health protocol, as {@link ENGINE_SERVICE}; without it there is no such service. */
  readonly health?: Health;
  /** How soon a silent peer is asked whether it is there, and how long it may take to answer. */
  readonly keepalive?: { readonly timeMs: number; readonly timeoutMs: number };
};

export type LinkServer = {
  /** The port that was bound. */
  readonly port: number;
  /** Drains the host for at most `timeLeftMs`, then closes it, its links and the sockets. */
  close(timeLeftMs: number, reason: string): Promise<void>;
};

/** What the health service of an engine is asked for (OPERATOR §4). */
export const ENGINE_SERVICE = 'reticle.engine.v1';
/** A peer whose machine is gone says no goodbye: without this its sessions would be held until TCP gives up. */
const KEEPALIVE = { timeMs: 10_000, timeoutMs: 10_000 } as const;
/** What a closed host's last words may take to leave. */
const FAREWELL_MS = 100;

type LinkCall = ServerDuplexStream<LinkRequest, LinkResponse__Input | Uint8Array>;

/** Binds and serves. Rejects when the address cannot be bound. */
export async function listenLinks(options: LinkServerOptions): Promise<LinkServer> {
  const { host, bind, clock, signals, health, keepalive = KEEPALIVE } = options;
  const server = new Server({
    'grpc.keepalive_time_ms': keepalive.timeMs,
    'grpc.keepalive_timeout_ms': keepalive.timeoutMs,
    'grpc.max_receive_message_length': limits.libraryMessageBytesMax,
    'grpc.max_send_message_length': limits.libraryMessageBytesMax,
  });
  server.addService(definition(), {
    Link: (call: LinkCall) => serve(host, call),
    SignalTurn: signalTurn(signals),
  });
  const stopHealth = health === undefined ? (): void => {} : tellHealth(server, health);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(bind, ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  const sockets = acceptedSockets(port);
  return {
    port,
    async close(timeLeftMs, reason) {
      stopHealth();
      await new Promise<void>((resolve) => host.drain(timeLeftMs, reason, resolve));
      host.close();
      await new Promise<void>((resolve) => {
        // Ends of the links are on their way; what a peer leaves open is cut.
        const cancel = clock.after(FAREWELL_MS, sockets.destroyAll);
        server.tryShutdown(() => {
          cancel();
          sockets.stop();
          sockets.destroyAll();
          resolve();
        });
      });
    },
  };
}

/** Mirrors the process's readiness; the returned function says NOT_SERVING from then on. */
function tellHealth(server: Server, health: Health): () => void {
  const implementation = new HealthImplementation({ [ENGINE_SERVICE]: 'NOT_SERVING' });
  implementation.addToServer(server);
  const tell = (): void => implementation.setStatus(ENGINE_SERVICE, health.overall().status);
  const stop = health.listen(tell);
  tell();
  return () => {
    stop();
    implementation.setStatus(ENGINE_SERVICE, 'NOT_SERVING');
  };
}

function definition(): ReturnType<typeof linkServiceDefinition> {
  const service = linkServiceDefinition();
  const { responseSerialize } = service.Link;
  const serialize = (value: LinkResponse__Input | Uint8Array): Buffer =>
    value instanceof Uint8Array
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      : responseSerialize(value);
  // The library would answer garbage with INTERNAL; what it cannot read goes to the handler as it is (PROTOCOL §1.1).
  const { SignalTurn } = service;
  const requestDeserialize = (bytes: Buffer): SignalRequest =>
    strictDecode<SignalTurnRequest>('reticle.engine.v1.SignalTurnRequest', bytes);
  return {
    ...service,
    Link: { ...service.Link, responseSerialize: serialize },
    SignalTurn: {
      ...SignalTurn,
      requestDeserialize: requestDeserialize as unknown as typeof SignalTurn.requestDeserialize,
    },
  };
}

type SignalRequest = StrictResult<SignalTurnRequest>;
type SignalCall = { readonly request: SignalRequest };
type SignalCallback = sendUnaryData<SignalTurnResponse__Input>;

/** One signal by gRPC: the bytes that the bus carries, and the host says for which subject they hold (PROTOCOL S2). */
function signalTurn(signals: HostSignals | undefined): (call: SignalCall, callback: SignalCallback) => void {
  if (signals === undefined)
    return (_call, callback) =>
      callback({ code: status.UNIMPLEMENTED, details: 'signals by gRPC are not implemented by this engine' });
  const answer = async (signed: Uint8Array, callback: SignalCallback): Promise<void> => {
    const ack = await signals.signal(signed);
    if (ack === undefined) callback({ code: status.UNAVAILABLE, details: 'engine_lost' });
    else callback(null, { ack });
  };
  return ({ request }, callback) => {
    const { ok, refusal } = request;
    if (ok === undefined) {
      callback({ code: GrpcStatus[errorRegistry[refusal.code].grpc], details: refusal.code });
      return;
    }
    void answer(ok.signed, callback);
  };
}

function serve(host: EngineHost, call: LinkCall): void {
  let waiting = false;
  let open = true;
  const link: HostLink = {
    get writable() {
      return open && !waiting;
    },
    control(message) {
      if (open) call.write(message);
    },
    step(bytes) {
      if (!open) return;
      waiting = true;
      call.write(bytes, () => {
        waiting = false;
        if (open) peer.writable();
      });
    },
    close() {
      end();
    },
  };
  const peer = host.connect(link);
  const end = (): void => {
    if (!open) return;
    open = false;
    call.end();
  };
  const gone = (): void => {
    end();
    peer.closed();
  };
  call.on('data', (request: LinkRequest) => peer.message(request));
  call.on('end', gone);
  call.on('cancelled', gone);
  call.on('error', gone);
}
