/** For tests: the gRPC edge on a real socket over a scripted session layer, and a client without our codecs. */
import { EventEmitter, once } from 'node:events';
import {
  Client,
  credentials,
  Metadata,
  type ClientDuplexStream,
  type ClientOptions,
  type StatusObject,
} from '@grpc/grpc-js';
import { ReticleError } from '@reticle/core/domain';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import { Health, memoryLogger, type MemoryLogger } from '@reticle/core/process';
import { decodeStatusDetails, messageCodec, type StatusDetails } from '@reticle/proto/load';
import type { Attach, ClientCommand, ControlAck, SessionView } from '@reticle/services/session';
import type { Attachment, Caller, ClientSink, SessionFront, TokenRun } from '@reticle/services/stream';
import { apiKeyAuthenticator, createAuthenticator, hmacOfSecret, KeyStore, mintApiKey } from '../auth/index.ts';
import { startGrpcEdge, type GrpcEdge, type GrpcEdgeOptions } from './server.ts';

export const SESSION_ID = 'abcdefghijklmnopqrstuvwxya';
export const SERVICE_PATH = '/reticle.session.v1.SessionService';

export const sessionView: SessionView = {
  sessionId: SESSION_ID,
  model: 'spark-ref',
  modelDigest: 'sha256:00',
  region: 'eu-1',
  allowedRegions: ['eu-1'],
  tier: 'fast',
  epoch: 1,
  contextTokens: 7,
  contextLimit: 131_072,
  expireTimeMs: 1_800_000_000_250,
};

export const controlAck: ControlAck = {
  kind: 'control-ack',
  seq: 0,
  signalId: SESSION_ID,
  turnId: 't1',
  outcome: 'applied',
  effectiveOffset: 405,
  generatedOffset: 421,
  deliveredOffset: 418,
  wastedTokens: 16,
  kvAction: 'cut-in-place',
  kvKeptTokens: 1_905,
};

/** Emits `command`, `drained`, `halfClose`, `disconnected` and `refuse` as they arrive. */
export class ScriptedAttachment extends EventEmitter implements Attachment {
  readonly request: Attach;
  readonly sink: ClientSink;
  /** Everything that was said, in order, but for `drained`, which follows most frames. */
  readonly said: string[] = [];
  /** Thrown by the next command. */
  failNext: unknown;

  constructor(request: Attach, sink: ClientSink) {
    super();
    this.request = request;
    this.sink = sink;
  }

  command(command: ClientCommand): void {
    const failure = this.failNext;
    this.failNext = undefined;
    if (failure !== undefined) throw failure as Error;
    this.#say('command', command);
  }

  drained(): void {
    this.emit('drained');
  }

  halfClose(): void {
    this.#say('halfClose');
  }

  disconnected(): void {
    this.#say('disconnected');
  }

  refuse(error: ReticleError): void {
    this.#say('refuse', error);
  }

  #say(word: string, value?: unknown): void {
    this.said.push(word);
    this.emit(word, value);
  }
}

/** A session layer that records what it is asked and answers from fixed values. Emits `attach`, `replay`, `close`. */
export class ScriptedFront extends EventEmitter implements SessionFront {
  readonly calls: { method: string; caller: Caller; request: unknown }[] = [];
  /** Thrown by the next call. */
  failNext: unknown;
  /** Held by `attach` until it settles. */
  hold: Promise<void> | undefined;

  #enter(method: string, caller: Caller, request: unknown): void {
    this.calls.push({ method, caller, request });
    const failure = this.failNext;
    this.failNext = undefined;
    if (failure !== undefined) throw failure as Error;
  }

  async createSession(...[caller, request]: Parameters<SessionFront['createSession']>) {
    this.#enter('createSession', caller, request);
    return { session: sessionView, resumeToken: 'rtr1.token' };
  }

  async warmSession(...[caller, request]: Parameters<SessionFront['warmSession']>) {
    this.#enter('warmSession', caller, request);
    return { turnId: 'w1', prefilledTokens: 20, cachedTokens: 128 };
  }

  async attach(...[caller, request, sink]: Parameters<SessionFront['attach']>) {
    const attachment = new ScriptedAttachment(request, sink);
    this.emit('attaching', attachment);
    await this.hold;
    this.#enter('attach', caller, request);
    sink.event({ kind: 'attached', session: sessionView, resumeToken: 'rtr1.t', replay: [], lastAppliedSeq: 4 });
    this.emit('attach', attachment);
    return attachment;
  }

  async replayTurn(...[caller, request, sink]: Parameters<SessionFront['replayTurn']>) {
    this.#enter('replayTurn', caller, request);
    this.emit('replay', sink);
    return { drained: () => void this.emit('drained'), close: () => void this.emit('close') };
  }

  async signalTurn(...[caller, request]: Parameters<SessionFront['signalTurn']>) {
    this.#enter('signalTurn', caller, request);
    return controlAck;
  }

  async getSession(...[caller, request]: Parameters<SessionFront['getSession']>) {
    this.#enter('getSession', caller, request);
    return { session: sessionView, liveTurns: [{ turnId: 't1', nextOffset: 3, creditTokens: 512 }] };
  }

  async closeSession(...[caller, request]: Parameters<SessionFront['closeSession']>) {
    this.#enter('closeSession', caller, request);
  }
}

/** How a call ended, with the typed details that came along. */
export type Outcome = { readonly status: StatusObject; readonly details: StatusDetails | undefined };

export type RawStream = ClientDuplexStream<Uint8Array, Uint8Array>;

/** A serialiser and deserialiser that change nothing. */
export const identity = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

export class EdgeKit implements AsyncDisposable {
  readonly edge: GrpcEdge;
  readonly front: ScriptedFront;
  readonly clock: VirtualClock;
  readonly keys: KeyStore;
  readonly health: Health;
  readonly log: MemoryLogger;
  readonly key: string;
  readonly #clients: Client[] = [];

  constructor(parts: Pick<EdgeKit, 'edge' | 'front' | 'clock' | 'keys' | 'health' | 'log' | 'key'>) {
    this.edge = parts.edge;
    this.front = parts.front;
    this.clock = parts.clock;
    this.keys = parts.keys;
    this.health = parts.health;
    this.log = parts.log;
    this.key = parts.key;
  }

  client(options: ClientOptions = {}, port = this.edge.port): Client {
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  /** Metadata with the good key, or with exactly what is given. */
  metadata(fields: Readonly<Record<string, string>> = { authorization: `Bearer ${this.key}` }): Metadata {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(fields)) metadata.set(name, value);
    return metadata;
  }

  unary(
    client: Client,
    path: string,
    message: Uint8Array,
    metadata = this.metadata(),
  ): Promise<Outcome & { bytes?: Buffer }> {
    return new Promise((resolve) => {
      let bytes: Buffer | undefined;
      const call = client.makeUnaryRequest(path, identity, identity, message, metadata, (_, response) => {
        bytes = response;
      });
      call.on('status', (status) => resolve({ ...outcomeOf(status), ...(bytes === undefined ? {} : { bytes }) }));
    });
  }

  converse(client: Client, metadata = this.metadata()): RawStream {
    const stream = client.makeBidiStreamRequest(`${SERVICE_PATH}/Converse`, identity, identity, metadata);
    stream.on('error', () => {});
    stream.resume();
    return stream;
  }

  /** A stream that is attached, with the session layer's side of it. */
  async attached(client: Client, attach: object = { sessionId: SESSION_ID }) {
    const stream = this.converse(client);
    const opened = once(this.front, 'attach') as Promise<[ScriptedAttachment]>;
    const first = once(stream, 'data');
    stream.write(request({ attach }));
    const [attachment] = await opened;
    await first;
    return { stream, attachment, ended: ended(stream) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.edge.close();
  }
}

export async function startKit(port = 0, over: Partial<GrpcEdgeOptions> = {}): Promise<EdgeKit> {
  const clock = new VirtualClock();
  const random = seededRandom(7);
  const pepper = random.bytes(16);
  const { key, id, secret } = mintApiKey(random, 'test');
  const hmacs = [Buffer.from(hmacOfSecret(pepper, secret)).toString('hex')];
  const keys = new KeyStore([{ id, hmacs, tenant: 'acme', models: [], tiers: ['fast'], defaultTier: 'fast' }]);
  const auth = createAuthenticator([apiKeyAuthenticator({ keys, pepper, clock })]);
  const front = new ScriptedFront();
  const health = new Health();
  const log = memoryLogger();
  const edge = await startGrpcEdge({
    host: '127.0.0.1',
    port,
    front,
    auth,
    health,
    log,
    clock,
    random,
    failpoint: () => {},
    ...over,
  });
  return new EdgeKit({ edge, front, clock, keys, health, log, key });
}

export function outcomeOf(status: StatusObject): Outcome {
  const [details] = status.metadata.get('grpc-status-details-bin');
  return { status, details: Buffer.isBuffer(details) ? decodeStatusDetails(details) : undefined };
}

/** Resolves with the status of a stream; what it still carries is read and dropped. */
export function ended(stream: EventEmitter): Promise<Outcome> {
  return new Promise((resolve) => {
    stream.on('error', () => {});
    stream.on('status', (status: StatusObject) => resolve(outcomeOf(status)));
  });
}

/** The bytes of a ConverseRequest. */
export function request(message: object): Uint8Array {
  return messageCodec('reticle.session.v1.ConverseRequest').encode(message);
}

/** The next ConverseResponse of a stream. */
export async function nextMessage(stream: RawStream): Promise<Record<string, unknown>> {
  const [bytes] = (await once(stream, 'data')) as [Buffer];
  return messageCodec<object, Record<string, unknown>>('reticle.session.v1.ConverseResponse').decode(bytes);
}

/** Consecutive one-byte tokens of a turn. */
export function runOf(turnId: string, firstOffset: number, text: string): TokenRun {
  const tokenCount = text.length;
  return {
    turnId,
    firstOffset,
    tokenCount,
    itemIndex: 0,
    engineMicros: 1,
    ids: Uint32Array.from({ length: tokenCount }, (_, index) => 1_000 + index),
    idsAt: 0,
    text: Buffer.from(text),
    textStart: 0,
    textEnds: Uint32Array.from({ length: tokenCount }, (_, index) => index + 1),
    textEndsAt: 0,
  };
}

export const MIB = 1024 * 1024;

/** The bytes of a message of the session API. */
export const encode = (name: string, message: object): Uint8Array =>
  messageCodec(`reticle.session.v1.${name}`).encode(message);
export const create = (change: object = {}): Uint8Array =>
  encode('CreateSessionRequest', { requestId: 'r1', model: 'spark-ref', ...change });
export const concat = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts);
/** Field 8 of CreateSessionRequest is unknown to it. */
export const unknownText = (length: number): Uint8Array =>
  concat(
    Uint8Array.of(
      0x42,
      (length & 0x7f) | 0x80,
      ((length >> 7) & 0x7f) | 0x80,
      ((length >> 14) & 0x7f) | 0x80,
      length >> 21,
    ),
    new Uint8Array(length),
  );

/** What a row of bad input asserts of an outcome. */
export const wanted = ({ status, details }: Outcome) => ({
  grpc: status.code,
  code: details?.code,
  param: details?.fieldViolations?.[0]?.field ?? '',
});
