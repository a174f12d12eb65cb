/** A scripted SessionService for tests: real sockets, no behaviour of its own. */
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceError,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { assert } from '@reticle/core/domain';
import { errorRegistry, GrpcStatus, headers, type ErrorCode } from '@reticle/proto/contract';
import type { ConverseRequest } from '@reticle/proto/gen/session/v1/ConverseRequest';
import type { ConverseResponse__Input } from '@reticle/proto/gen/session/v1/ConverseResponse';
import type { CreateSessionRequest } from '@reticle/proto/gen/session/v1/CreateSessionRequest';
import type { SessionServiceHandlers } from '@reticle/proto/gen/session/v1/SessionService';
import type { SignalTurnRequest } from '@reticle/proto/gen/session/v1/SignalTurnRequest';
import type { SignalTurnResponse__Input } from '@reticle/proto/gen/session/v1/SignalTurnResponse';
import { encodeStatusDetails, sessionServiceDefinition } from '@reticle/proto/load';

export const FAKE_MODEL = 'fake-model';

/** Values handed from producers to waiting consumers, both in order. */
export class Mailbox<T> {
  readonly #values: T[] = [];
  readonly #waiting: ((value: T) => void)[] = [];

  put(value: T): void {
    const taker = this.#waiting.shift();
    if (taker === undefined) this.#values.push(value);
    else taker(value);
  }

  take(): Promise<T> {
    const value = this.#values.shift();
    return value === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(value);
  }
}

/** A gRPC error as a gateway sends it: details when it is one of ours, none when a proxy speaks. */
export function refusal(code: ErrorCode, retryDelayMs?: number): Partial<ServiceError> & Error {
  const grpcCode = GrpcStatus[errorRegistry[code].grpc];
  const metadata = new Metadata();
  const delay = retryDelayMs === undefined ? {} : { retryDelayMs };
  const details = encodeStatusDetails({ grpcCode, message: `refused: ${code}`, code, metadata: {}, ...delay });
  metadata.set(headers.grpcStatusDetails, Buffer.from(details));
  return Object.assign(new Error(code), { code: grpcCode, details: code, metadata });
}

/** One Converse stream, seen from the service. */
export class FakeStream {
  readonly received = new Mailbox<ConverseRequest>();
  readonly halfClosed = Promise.withResolvers<void>();
  readonly #call: ServerDuplexStream<ConverseRequest, ConverseResponse__Input>;

  constructor(call: ServerDuplexStream<ConverseRequest, ConverseResponse__Input>) {
    this.#call = call;
    call.on('data', (request: ConverseRequest) => this.received.put(request));
    call.on('end', () => this.halfClosed.resolve());
    call.on('error', () => {});
  }

  get authorization(): unknown {
    return this.#call.metadata.get(headers.authorization)[0];
  }

  send(...messages: ConverseResponse__Input[]): void {
    for (const message of messages) this.#call.write(message);
  }

  /** Reads Attach and answers it. */
  async attach(answer: Partial<NonNullable<ConverseResponse__Input['attached']>> = {}): Promise<ConverseRequest> {
    const request = await this.received.take();
    assert(request.message === 'attach', 'the first message is Attach');
    const session = { sessionId: 's'.repeat(26), model: FAKE_MODEL, epoch: 1, contextLimit: 4_096 };
    this.send({ attached: { session, resumeToken: 'token-attached', ...answer } });
    return request;
  }

  /** Tokens `texts[0]`, `texts[1]`, … of a turn from an offset on, in one frame. */
  tokens(turnId: string, firstOffset: number, texts: readonly (string | Uint8Array)[]): void {
    const parts = texts.map((text) => Buffer.from(text));
    const textLengths = parts.length === 1 ? [] : parts.map((part) => part.length);
    const text = Buffer.concat(parts);
    this.send({ tokenFrame: { turnId, firstOffset, tokenCount: parts.length, text, textLengths } });
  }

  end(): void {
    this.#call.end();
  }

  fail(error: object): void {
    this.#call.emit('error', error);
  }
}

type Answer<Request, Response> = (request: Request) => Response | { readonly refuse: object };

export class FakeGateway implements AsyncDisposable {
  readonly streams = new Mailbox<FakeStream>();
  readonly created: CreateSessionRequest[] = [];
  readonly closed: string[] = [];
  signal: Answer<SignalTurnRequest, SignalTurnResponse__Input> = () => ({ refuse: refusal('turn_not_found') });
  create: Answer<CreateSessionRequest, object> = () => ({ session: {}, resumeToken: 'token-created' });
  readonly #server = new Server();
  #port = 0;

  /** On a port of its own, or on that of a gateway that died. */
  static async start(port = 0): Promise<FakeGateway> {
    const gateway = new FakeGateway();
    gateway.#server.addService(sessionServiceDefinition(), gateway.#handlers());
    gateway.#port = await new Promise((resolve, reject) => {
      gateway.#server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    return gateway;
  }

  get target(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** As SIGKILL: every connection is gone, the port is refused. */
  kill(): void {
    this.#server.forceShutdown();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    return Promise.resolve();
  }

  #handlers(): SessionServiceHandlers {
    return {
      CreateSession: unary((request) => {
        this.created.push(request);
        return this.create(request);
      }),
      CloseSession: unary(({ sessionId }) => {
        this.closed.push(sessionId);
        return {};
      }),
      SignalTurn: unary((request) => this.signal(request)),
      GetSession: unary(({ sessionId }) => ({ session: { sessionId, model: FAKE_MODEL, contextLimit: 4_096 } })),
      WarmSession: (_call, done) => done(refusal('unimplemented')),
      ReplayTurn: (call) => void call.end(),
      Converse: (call) => this.streams.put(new FakeStream(call)),
    };
  }
}

function unary<Request, Response>(answer: Answer<Request, Response>) {
  return (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>): void => {
    const given = answer(call.request);
    if (typeof given === 'object' && given !== null && 'refuse' in given) done(given.refuse as Error);
    else done(null, given as Response);
  };
}
