import { Client, credentials, makeClientConstructor, Metadata, type ServiceError } from '@grpc/grpc-js';
import { ReticleError } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { headers, limits } from '@reticle/proto/contract';
import type { CloseSessionRequest__Input } from '@reticle/proto/gen/session/v1/CloseSessionRequest';
import type { CloseSessionResponse } from '@reticle/proto/gen/session/v1/CloseSessionResponse';
import type { CreateSessionRequest__Input } from '@reticle/proto/gen/session/v1/CreateSessionRequest';
import type { CreateSessionResponse } from '@reticle/proto/gen/session/v1/CreateSessionResponse';
import type { GetSessionRequest__Input } from '@reticle/proto/gen/session/v1/GetSessionRequest';
import type { GetSessionResponse } from '@reticle/proto/gen/session/v1/GetSessionResponse';
import type { SessionServiceClient } from '@reticle/proto/gen/session/v1/SessionService';
import type { SignalTurnRequest__Input } from '@reticle/proto/gen/session/v1/SignalTurnRequest';
import type { SignalTurnResponse } from '@reticle/proto/gen/session/v1/SignalTurnResponse';
import { sessionServiceDefinition } from '@reticle/proto/load';
import type { ConverseStream } from './attachment.ts';
import { fromServiceError } from './errors.ts';
import type { Target } from './settings.ts';

/** Channel options of PROTOCOL §0; the window of PERFORMANCE's client. */
const CHANNEL_OPTIONS = {
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.enable_retries': 0,
  // A gateway that is started again is found within its first 250 ms. The library's own first pause is a second, and
  // a stream that is opened during a pause fails at once.
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 250,
  // A gateway that comes back under another address is found by its name; the library's default is 30 s.
  'grpc.dns_min_time_between_resolutions_ms': 1_000,
  'grpc-node.flow_control_window': 4 * 1024 * 1024,
  'grpc.max_receive_message_length': limits.libraryMessageBytesMax,
} as const;

/** A unary call waits this long; CreateSession may have a long prefix to evaluate. */
const UNARY_MS = 60_000;
const HEALTH_MS = 5_000;
const HEALTH_PATH = '/grpc.health.v1.Health/Check';

export type Health = 'unknown' | 'serving' | 'not-serving';

type Unary<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: { deadline: number },
  done: (error: ServiceError | null, response?: Response) => void,
) => unknown;

/** The calls of SessionService at one gateway, with the key on each and refusals as `ReticleError`. */
export class Channel {
  readonly #stub: SessionServiceClient;
  readonly #metadata = new Metadata();
  readonly #clock: Clock;

  constructor({ address, secure }: Target, apiKey: string, clock: Clock) {
    const Stub = makeClientConstructor(sessionServiceDefinition(), 'SessionService');
    const transport = secure ? credentials.createSsl() : credentials.createInsecure();
    this.#stub = new Stub(address, transport, CHANNEL_OPTIONS) as unknown as SessionServiceClient;
    this.#metadata.set(headers.authorization, `Bearer ${apiKey}`);
    this.#clock = clock;
  }

  /** A stream without a deadline (rule R10). */
  converse(): ConverseStream {
    return this.#stub.converse(this.#metadata);
  }

  createSession(request: CreateSessionRequest__Input): Promise<CreateSessionResponse> {
    return this.#unary((...call) => this.#stub.createSession(...call), request);
  }

  getSession(request: GetSessionRequest__Input): Promise<GetSessionResponse> {
    return this.#unary((...call) => this.#stub.getSession(...call), request);
  }

  closeSession(request: CloseSessionRequest__Input): Promise<CloseSessionResponse> {
    return this.#unary((...call) => this.#stub.closeSession(...call), request);
  }

  signalTurn(request: SignalTurnRequest__Input): Promise<SignalTurnResponse> {
    return this.#unary((...call) => this.#stub.signalTurn(...call), request);
  }

  /** `grpc.health.v1`: an empty request; the answer's only field is `status`, a one-byte varint. */
  async health(): Promise<Health> {
    const encode = (): Buffer => Buffer.alloc(0);
    const decode = (bytes: Buffer): number => (bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0);
    const client = this.#stub as unknown as Client;
    const status = await this.#unary<object, number>(
      (request, metadata, options, done) =>
        client.makeUnaryRequest(HEALTH_PATH, encode, decode, request, metadata, options, done),
      {},
      HEALTH_MS,
    );
    if (status === 1) return 'serving';
    return status === 2 ? 'not-serving' : 'unknown';
  }

  close(): void {
    this.#stub.close();
  }

  #unary<Request, Response>(
    call: Unary<Request, Response>,
    request: Request,
    waitMs: number = UNARY_MS,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const deadline = this.#clock.wallMs() + waitMs;
      call(request, this.#metadata, { deadline }, (error, response) => {
        if (error !== null) reject(fromServiceError(error));
        else if (response === undefined) reject(new ReticleError('upstream_protocol_error', 'the answer is empty'));
        else resolve(response);
      });
    });
  }
}
