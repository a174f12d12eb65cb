/**
 * The WebSocket side of the HTTP server: who may upgrade, and the sockets that did (PROTOCOL §4.3). The `ws` object is a
 * thin edge around {@link SocketSession}, which knows nothing of it.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { base32, isReticleError, RANDOM_ID_BYTES, ReticleError } from '@reticle/core/domain';
import type { Clock, Random } from '@reticle/core/flow';
import { errorFields, type Logger } from '@reticle/core/process';
import { limits } from '@reticle/proto/contract';
import type { Caller } from '@reticle/services/stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { watchCredentials, type Authenticator } from '../auth/index.ts';
import { StatusError, type ErrorAnswer, type ErrorAnswerer } from '../http/error-answer.ts';
import { endRaw } from '../http/last-answer.ts';
import { traceOf } from '../http/trace-of.ts';
import { dialectOf, threadIdOf } from '../openai/dialect.ts';
import type { Responses } from '../openai/responses.ts';
import type { PartialOnInterrupt } from './controls.ts';
import { checkOrigin } from './origins.ts';
import { SocketSession } from './socket-session.ts';
import { LAST_MINUTE_MS } from './socket-life.ts';
import { WebSocketPort } from './websocket-port.ts';

export type SocketEdgeOptions = {
  readonly auth: Authenticator;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly responses: Responses;
  readonly answerOf: ErrorAnswerer;
  /**
   * Judges a request before any routing: limits, credentials.
   *
   * Rejects with what refuses it.
   */
  readonly authenticated: (request: IncomingMessage) => Promise<Authenticated>;
  /** Origins that may connect beside the server's own. */
  readonly allowedOrigins?: readonly string[];
  /** False: whoever asks for a socket is told to do without, by the one status that Codex takes for good (§5.2 row 16). */
  readonly webSockets?: boolean;
  /** Sockets of one key at a time. */
  readonly socketsPerKeyMax?: number;
  /** What becomes of an interrupted message, by tenant (§5.3). */
  readonly partialOnInterrupt?: (caller: Caller) => PartialOnInterrupt;
};

type Authenticated = { readonly caller: Caller; readonly path: string };

const PATH = '/v1/responses';
const UPGRADE_REQUIRED = 426;
const SOCKETS_PER_KEY_MAX = 1_000;
/** Asked for by browsers, which cannot send headers (§4.1a). */
const SUBPROTOCOL = 'reticle.v1';

export class SocketEdge {
  readonly #options: SocketEdgeOptions;
  readonly #server: WebSocketServer;
  readonly #sessions = new Set<SocketSession>();
  readonly #socketsOf = new Map<string, number>();
  readonly #requestIds = new WeakMap<IncomingMessage, string>();
  readonly #stopChecks: () => void;
  #isDraining = false;

  constructor(options: SocketEdgeOptions) {
    this.#options = options;
    const bounds = { maxPayload: limits.messageBytesMax, maxFragments: 64, maxBufferedChunks: 1_024 };
    this.#server = new WebSocketServer({
      ...bounds,
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      autoPong: false,
      handleProtocols: (protocols) => (protocols.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    this.#server.on('headers', (lines, request) => lines.push(`x-request-id: ${this.#requestIds.get(request) ?? ''}`));
    this.#stopChecks = this.#recheck();
  }

  /** Sockets that are open. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Upgrades a connection, or answers why not in plain HTTP. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const requestId = base32(this.#options.random.bytes(RANDOM_ID_BYTES));
    this.#requestIds.set(request, requestId);
    try {
      // Between the judgement and the count of the socket nothing waits, or a key could open more than its cap.
      const caller = this.#admit(request, await this.#options.authenticated(request));
      this.#server.handleUpgrade(request, socket, head, (webSocket) => {
        this.#open(webSocket, request, { caller, requestId, socket });
      });
    } catch (error) {
      // Nothing watches an upgraded connection: a peer that keeps its half open must not keep ours.
      endRaw(socket, withProtocol(this.#options.answerOf(error, requestId)), () => void socket.destroy());
    }
  }

  /** Every socket ends as soon as no response runs on it; nobody connects. */
  drain(timeLeftMs: number): void {
    this.#isDraining = true;
    for (const session of this.#sessions) session.leave(Math.min(timeLeftMs, LAST_MINUTE_MS));
  }

  /** Ends every socket. */
  close(): void {
    this.#isDraining = true;
    this.#stopChecks();
    for (const session of this.#sessions) session.close();
  }

  #admit(request: IncomingMessage, { caller, path }: Authenticated): Caller {
    const { auth, allowedOrigins = [], webSockets = true } = this.#options;
    const { socketsPerKeyMax = SOCKETS_PER_KEY_MAX } = this.#options;
    if (path !== PATH) throw new ReticleError('unimplemented', 'there is nothing at this path');
    if (!webSockets)
      throw new StatusError(UPGRADE_REQUIRED, new ReticleError('unimplemented', 'WebSocket is switched off here'));
    checkOrigin(request, allowedOrigins);
    auth.check(caller);
    if (this.#isDraining) throw new ReticleError('draining', 'the gateway is draining');
    if ((this.#socketsOf.get(caller.keyId) ?? 0) >= socketsPerKeyMax) {
      const details = { limit: String(socketsPerKeyMax) };
      throw new ReticleError('concurrency_exceeded', 'too many sockets of this key are open', { details });
    }
    return caller;
  }

  #open(
    webSocket: WebSocket,
    request: IncomingMessage,
    { caller, requestId, socket }: { readonly caller: Caller; readonly requestId: string; readonly socket: Duplex },
  ): void {
    const { partialOnInterrupt = () => 'discard' as const } = this.#options;
    const { headers } = request;
    const dialect = dialectOf(headers);
    const isBrowser = webSocket.protocol === SUBPROTOCOL;
    const session = new SocketSession({
      ...this.#options,
      port: new WebSocketPort(webSocket, socket),
      caller,
      requestId,
      dialect,
      threadId: threadIdOf({}, headers),
      wantsReticleEvents: dialect === 'codex' || isBrowser || headers['x-reticle-events'] === '1',
      continues: isBrowser || headers['x-reticle-on-disconnect'] === 'continue',
      partialOnInterrupt: partialOnInterrupt(caller),
      trace: traceOf(request),
      // Behind all reads of this turn: a tick would write once for each frame of the link (PERFORMANCE H7).
      defer: (callback) => void setImmediate(callback),
    });
    this.#count(caller, 1);
    this.#sessions.add(session);
    webSocket.on('message', (data: Buffer, isBinary) => {
      if (!this.#holds(session)) return;
      if (isBinary) session.binary();
      else session.message(data.toString());
    });
    webSocket.on('ping', (data) => session.pinged(data));
    webSocket.on('pong', () => session.alive());
    // The library tells a broken frame here, and closes by itself with the code that the fault has.
    webSocket.on('error', () => {});
    webSocket.once('close', () => {
      this.#sessions.delete(session);
      this.#count(caller, -1);
      session.gone();
    });
  }

  #count({ keyId }: Caller, by: number): void {
    const count = (this.#socketsOf.get(keyId) ?? 0) + by;
    if (count === 0) this.#socketsOf.delete(keyId);
    else this.#socketsOf.set(keyId, count);
  }

  /** Whether the session's credential still holds; one whose does not is ended. */
  #holds(session: SocketSession): boolean {
    const { auth, log } = this.#options;
    try {
      auth.check(session.caller);
      return true;
    } catch (error) {
      if (!isReticleError(error)) throw error;
      log.info('socket ended: its credential no longer holds', errorFields(error));
      session.fail(error);
      return false;
    }
  }

  #recheck(): () => void {
    return watchCredentials(this.#options, () => {
      for (const session of this.#sessions) this.#holds(session);
    });
  }
}

/** A 426 says which protocol is spoken instead (RFC 9110 §15.5.22). */
function withProtocol(answer: ErrorAnswer): ErrorAnswer {
  if (answer.status !== UPGRADE_REQUIRED) return answer;
  return { ...answer, headers: { ...answer.headers, upgrade: 'HTTP/1.1' } };
}
