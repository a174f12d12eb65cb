/**
 * The HTTP server of the OpenAI surfaces (PROTOCOL §4): `node:http` and an own route table. What a request goes through,
 * in this order: header limits, public paths, authentication on the raw path, the route, its handler.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { assert, base32, RANDOM_ID_BYTES, ReticleError, type ModelDefaults, type TlsPair } from '@reticle/core/domain';
import type { Clock, Random } from '@reticle/core/flow';
import { judgeTlsPair, within, type Health, type Logger } from '@reticle/core/process';
import { limits, type ErrorCode } from '@reticle/proto/contract';
import type { Caller, SessionFront } from '@reticle/services/stream';
import { MISPLACED_KEY_HEADERS, type Authenticator } from '../auth/index.ts';
import type { ServedModel } from '../openai/catalog.ts';
import { ResponseIds } from '../openai/response-id.ts';
import { Responses } from '../openai/responses.ts';
import type { TicketDesk } from '../tickets/index.ts';
import { notValid, Tickets, ticketOf } from '../tickets/tickets.ts';
import { SocketEdge, type SocketEdgeOptions } from '../websocket/socket-edge.ts';
import { chatRoutes } from './chat-routes.ts';
import { errorAnswerer, StatusError, type ErrorAnswerer } from './error-answer.ts';
import { Idempotency } from './idempotency.ts';
import { LiveAnswers } from './live-answers.ts';
import { endAfterBody, endRaw } from './last-answer.ts';
import { modelRoutes } from './models.ts';
import { responseRoutes } from './responses-routes.ts';
import { RouteTable } from './routes.ts';
import { StaticPages } from './static-pages.ts';
import { answerTicket, TICKETS_PATH } from './ticket-route.ts';
import { defaultTimeouts, type HttpTimeouts } from './timeouts.ts';
import { createTransport, PLAIN_REQUEST, type Transport } from './transport.ts';

type SocketRules = 'allowedOrigins' | 'webSockets' | 'socketsPerKeyMax' | 'partialOnInterrupt';

export type HttpEdgeOptions = Pick<SocketEdgeOptions, SocketRules> & {
  readonly host: string;
  /** 0: one that the system chooses. */
  readonly port: number;
  readonly front: SessionFront;
  readonly auth: Authenticator;
  readonly health: Health;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: Random;
  /** Secrets shared by the gateways of the cell; the first mints response ids. */
  readonly cellKeys: readonly Uint8Array[];
  /** Models with a ready engine. */
  readonly models: () => readonly ServedModel[];
  /** What a model gives to requests that leave it open. */
  readonly defaultsOf: (model: string) => ModelDefaults | undefined;
  /** What differs from {@link defaultTimeouts}. */
  readonly timeouts?: Partial<HttpTimeouts>;
  /** Told the code of everything that is refused with a status. */
  readonly refused?: (code: ErrorCode) => void;
  /** Certificate and key; absent: plain HTTP. */
  readonly tls?: TlsPair;
  /** True: other workers listen on the port as well. */
  readonly sharesPort?: boolean;
  /** Id of this gateway. */
  readonly gateway: string;
  /** Counts the uses of tickets, for all workers of the port. */
  readonly desk: TicketDesk;
  /** Folder of the playground's build; absent: none is served. */
  readonly playground?: string;
};

export interface HttpEdge extends AsyncDisposable {
  readonly port: number;
  /**
   * Puts another certificate in force for the connections that come; those that are open go on under theirs. One that
   * cannot be served is logged, and the one before stays. Only where the server began with one.
   */
  replaceTls(pair: TlsPair): void;
  /** WebSockets end as soon as no response runs on them; new ones are refused. */
  goAway(timeLeftMs: number): void;
  /** No new connections or requests; waits for running ones, at most `ms`, then ends them. */
  drain(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** Names of query parameters that people put keys into. */
const KEY_PARAMETERS = ['key', 'api_key', 'api-key', 'apikey', 'access_token', 'token', 'authorization'];

/** Starts the surface. Rejects when the address cannot be bound. */
export async function startHttpEdge(options: HttpEdgeOptions): Promise<HttpEdge> {
  const { front, clock, random } = options;
  const responses = new Responses({
    front,
    clock,
    random,
    ids: new ResponseIds(options.cellKeys),
    defaultsOf: options.defaultsOf,
  });
  const edge = new HttpListener(options, responses);
  await edge.listen();
  return edge;
}

type Screened = { readonly path: string; readonly query: URLSearchParams };
type Authenticated = Screened & { readonly caller: Caller };

class HttpListener implements HttpEdge {
  readonly #options: HttpEdgeOptions;
  readonly #server: Server;
  readonly #replaceTls: Transport['replaceTls'];
  readonly #routes: RouteTable;
  readonly #responses: Responses;
  readonly #answerOf: ErrorAnswerer;
  readonly #timeouts: HttpTimeouts;
  /** What is open; of a TLS connection the TCP socket from its start, and the other one from the end of its handshake. */
  readonly #sockets = new Set<Socket>();
  /** The newest answer on each socket. */
  readonly #answers = new WeakMap<Socket, ServerResponse>();
  readonly #webSockets: SocketEdge;
  readonly #live: LiveAnswers;
  readonly #tickets: Tickets;
  readonly #pages: StaticPages | undefined;

  constructor(options: HttpEdgeOptions, responses: Responses) {
    this.#options = options;
    this.#responses = responses;
    this.#answerOf = errorAnswerer(options);
    const timeouts = { ...defaultTimeouts, ...options.timeouts };
    this.#timeouts = timeouts;
    const idempotency = new Idempotency(options.clock);
    const surface = { ...options, responses, timeouts, idempotency, answerOf: this.#answerOf };
    this.#routes = new RouteTable([...responseRoutes(surface), ...chatRoutes(surface), ...modelRoutes(options)]);
    const { server, replaceTls } = createTransport(timeouts, options.tls);
    this.#server = server;
    this.#replaceTls = replaceTls;
    this.#live = new LiveAnswers(options);
    this.#tickets = new Tickets(options);
    this.#pages = options.playground === undefined ? undefined : new StaticPages(options.playground);
    const authenticated = (request: IncomingMessage): Promise<Authenticated> => this.#upgrading(request);
    this.#webSockets = new SocketEdge({ ...options, responses, answerOf: this.#answerOf, authenticated });
    this.#server.on('upgrade', (request, socket, head) => void this.#webSockets.upgrade(request, socket, head));
    this.#server.on('request', (request, response) => void this.#serve(request, response));
    this.#server.on('connection', (socket: Socket) => this.#track(socket));
    this.#server.on('secureConnection', (socket: Socket) => this.#track(socket));
    this.#server.on('clientError', (error, socket) => this.#refuseUnread(error, socket as Socket));
    this.#server.on('connect', (_request, socket) => this.#refuseTunnel(socket as Socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  }

  listen(): Promise<void> {
    const { host, port, sharesPort = false } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, reusePort: sharesPort }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  replaceTls(pair: TlsPair): void {
    assert(this.#replaceTls !== undefined, 'a server that began with a certificate');
    const { fault } = judgeTlsPair(pair);
    if (fault === undefined) this.#replaceTls(pair);
    else {
      const { part: kind, reason } = fault;
      this.#options.log.error('certificate refused, the one before stays in force', { kind, reason });
    }
  }

  goAway(timeLeftMs: number): void {
    this.#webSockets.drain(timeLeftMs);
  }

  async drain(ms: number): Promise<void> {
    this.goAway(ms);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    await within(this.#options.clock, closed, ms);
    await this.close();
  }

  async close(): Promise<void> {
    this.#webSockets.close();
    this.#live.close();
    this.#responses.close();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = this.#requestId();
    this.#answers.set(request.socket, response);
    response.setHeader('x-request-id', requestId);
    try {
      await this.#route(request, response, requestId);
    } catch (error) {
      this.#refuse(request, response, { error, requestId });
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
    if (this.#health(request, response)) return;
    const prepared = this.#prepared(request);
    if (prepared !== undefined) await prepared;
    if (await this.#public(request, response)) return;
    const { caller, path, query } = this.#authenticated(request);
    const found = this.#routes.find(request.method ?? '', path);
    if ('allow' in found) {
      response.setHeader('allow', found.allow.join(', '));
      throw new StatusError(405, new ReticleError('unimplemented', 'this path has other methods'));
    }
    const refuse = (error: ReticleError): void => this.#refuse(request, response, { error, requestId });
    const revocation = this.#live.enter(caller, response, refuse);
    await found.handler({ request, response, caller, requestId, revocation, parts: found.parts, query });
  }

  /** Only a token whose key is looked for is waited for; nothing of its request is routed meanwhile. */
  #prepared({ headersDistinct: { authorization = [] } }: IncomingMessage): Promise<void> | undefined {
    return this.#options.auth.prepare(authorization);
  }

  /** Before any routing, and for every transport alike. */
  #authenticated(request: IncomingMessage): Authenticated {
    return { ...this.#screened(request), caller: this.#bearer(request) };
  }

  #bearer(request: IncomingMessage): Caller {
    const { authorization: all = [] } = request.headersDistinct;
    return this.#options.auth.authenticate(all, isMisplaced(request));
  }

  /** A browser's ticket stands in the place of a key. */
  async #upgrading(request: IncomingMessage): Promise<Authenticated> {
    const ticket = ticketOf(request.headers['sec-websocket-protocol']);
    if (ticket === undefined) {
      await this.#prepared(request);
      return this.#authenticated(request);
    }
    const screened = this.#screened(request);
    if (request.headers.authorization !== undefined) throw notValid();
    return { ...screened, caller: await this.#tickets.redeem(ticket, request.headers.origin ?? '') };
  }

  /** What no credential changes. */
  #screened(request: IncomingMessage): Screened {
    checkHeaders(request);
    const [path, search] = splitOnce(request.url ?? '', '?');
    const query = new URLSearchParams(search);
    if (KEY_PARAMETERS.some((name) => query.has(name))) {
      throw new ReticleError(
        'credential_in_url',
        'a key does not belong into a URL: change it, and send it as a header',
      );
    }
    return { path, query };
  }

  /** True when it was one of the paths that are open to pages without a key (PROTOCOL §4.1a). */
  async #public(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const [raw] = splitOnce(request.url ?? '', '?');
    if (raw !== TICKETS_PATH && !raw.startsWith('/playground')) return false;
    const { path } = this.#screened(request);
    if (path !== TICKETS_PATH) return (await this.#pages?.answer(request, response, path)) ?? false;
    const { allowedOrigins = [], models } = this.#options;
    const authenticate = (asked: IncomingMessage): Caller => this.#bearer(asked);
    await answerTicket({ tickets: this.#tickets, allowedOrigins, models, authenticate }, request, response);
    return true;
  }

  /** True when it was one of the paths that need no key. */
  #health(request: IncomingMessage, response: ServerResponse): boolean {
    const [path] = splitOnce(request.url ?? '', '?');
    if (path !== '/healthz' && path !== '/readyz') return false;
    const isReady = path === '/healthz' || this.#options.health.overall().status === 'SERVING';
    response.writeHead(isReady ? 200 : 503, { 'content-type': 'text/plain' }).end(isReady ? 'ok\n' : 'not ready\n');
    return true;
  }

  #refuse(
    request: IncomingMessage,
    response: ServerResponse,
    { error, requestId }: { readonly error: unknown; readonly requestId: string },
  ): void {
    const { status, headers, body } = this.#answerOf(error, requestId);
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const text = JSON.stringify(body);
    const entity = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    if (request.complete) {
      response.writeHead(status, { ...headers, ...entity }).end(text);
      return;
    }
    // What is left of a body that nobody reads would be taken for the next request.
    response.writeHead(status, { ...headers, ...entity, connection: 'close' }).write(text);
    endAfterBody(request, response, { clock: this.#options.clock, ms: this.#timeouts.lingerMs });
  }

  /** What the parser refused before there was a request. */
  #refuseUnread(error: NodeJS.ErrnoException, socket: Socket): void {
    if (!this.#sockets.has(socket)) {
      this.#refuseHandshake(error, socket);
      return;
    }
    // Into an answer that has begun nothing else may be written.
    if (error.code === 'ECONNRESET' || !socket.writable || this.#answers.get(socket)?.headersSent === true) {
      socket.destroy();
      return;
    }
    const [status, code, message] = UNREAD[error.code ?? ''] ?? [400, 'invalid_request', 'the request is not valid'];
    endRaw(socket, this.#answerOf(new StatusError(status, new ReticleError(code, message)), this.#requestId()));
  }

  /** A connection that never became a TLS one. Who speaks plain HTTP is told so in plain HTTP, by way of the TCP socket. */
  #refuseHandshake(error: NodeJS.ErrnoException, socket: Socket): void {
    const { remotePort, remoteAddress } = socket;
    const isUnder = (each: Socket): boolean => each.remotePort === remotePort && each.remoteAddress === remoteAddress;
    const under = error.code === PLAIN_REQUEST ? [...this.#sockets].find(isUnder) : undefined;
    if (under === undefined) {
      socket.destroy();
      return;
    }
    const refusal = new StatusError(400, new ReticleError('invalid_request', 'this port speaks HTTPS: use https://'));
    endRaw(under, this.#answerOf(refusal, this.#requestId()));
  }

  /** CONNECT has no place here, with a key or without one. */
  #refuseTunnel(socket: Socket): void {
    const error = new StatusError(405, new ReticleError('unimplemented', 'there is no tunnel'));
    endRaw(socket, this.#answerOf(error, this.#requestId()));
  }

  #requestId(): string {
    return base32(this.#options.random.bytes(RANDOM_ID_BYTES));
  }
}

const UNREAD: Readonly<Record<string, readonly [status: number, code: ErrorCode, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'request_too_large', 'the header fields are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'invalid_request', 'the request did not come in time'],
};

/** PROMISES H19: a longer credential is refused by its size. */
const AUTHORIZATION_CHARACTERS_MAX = 8_192;

const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/** @throws ReticleError for what would be read differently by whoever stands in front of this server */
function checkHeaders(request: IncomingMessage): void {
  if (request.rawHeaders.length / 2 > limits.headerFieldsMax) {
    const details = { limit: String(limits.headerFieldsMax) };
    throw new StatusError(431, new ReticleError('request_too_large', 'too many header fields', { details }));
  }
  const { host = [], authorization = [] } = request.headersDistinct;
  if (host.length !== 1 || !HOST.test(host[0] ?? '')) throw new ReticleError('invalid_request', 'the host is no name');
  if (new Set(authorization).size > 1) {
    throw new ReticleError('invalid_request', 'there are two authorization headers, and they differ');
  }
  if ((authorization[0] ?? '').length > AUTHORIZATION_CHARACTERS_MAX) {
    const details = { limit: String(AUTHORIZATION_CHARACTERS_MAX) };
    throw new StatusError(431, new ReticleError('request_too_large', 'the credential is too long', { details }));
  }
}

function isMisplaced(request: IncomingMessage): boolean {
  return MISPLACED_KEY_HEADERS.some((name) => request.headers[name] !== undefined);
}

function splitOnce(text: string, by: string): readonly [string, string] {
  const at = text.indexOf(by);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
