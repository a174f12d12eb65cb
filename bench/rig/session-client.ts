/** A client of `SessionService` for the rig: one session with its Converse stream. */
import { messageCodec, sessionServiceDefinition } from '@reticle/proto/load';
import type { ConverseRequest, ConverseRequest__Input } from '@reticle/proto/gen/session/v1/ConverseRequest';
import type { ConverseResponse, ConverseResponse__Input } from '@reticle/proto/gen/session/v1/ConverseResponse';
import type { Interrupt__Input } from '@reticle/proto/gen/session/v1/Interrupt';
import { BENCH_INPUT_IDS, BENCH_MODEL, benchFlatChain } from './bench-flat.ts';
import type { GrpcConnection, GrpcStream } from './grpc-connection.ts';
import { TokenFrameReader } from './token-frame-reader.ts';

const methods = sessionServiceDefinition();
const requests = messageCodec<ConverseRequest__Input, ConverseRequest>('reticle.session.v1.ConverseRequest');
const responses = messageCodec<ConverseResponse__Input, ConverseResponse>('reticle.session.v1.ConverseResponse');

const TURN_SECONDS_MAX = 3_600;

export type SessionClientEvents = {
  /** The reader and the bytes are valid until it returns. */
  readonly frame: (frame: TokenFrameReader, bytes: Uint8Array) => void;
  readonly control: (message: ConverseResponse) => void;
  /** The stream is over; undefined: status OK. */
  readonly ended: (problem: string | undefined) => void;
};

export type SessionClientOptions = {
  readonly connection: GrpcConnection;
  /** Makes the creation idempotent, so it differs per session. */
  readonly requestId: string;
  readonly creditTokens: number;
  readonly events: SessionClientEvents;
};

/** One decoder serves all sessions of a process: it is used up before the next message. */
const reader = new TokenFrameReader();

export class SessionClient {
  readonly #stream: GrpcStream;
  readonly #attached = Promise.withResolvers<void>();
  #seq = 0;

  private constructor(sessionId: string, { connection, creditTokens, events }: SessionClientOptions) {
    this.#stream = connection.stream(methods.Converse.path, {
      message: (bytes) => {
        if (reader.read(bytes)) events.frame(reader, bytes);
        else this.#control(responses.decode(bytes), events);
      },
      ended: (problem) => {
        this.#attached.reject(new Error(problem ?? 'the stream ended before it was attached'));
        events.ended(problem);
      },
    });
    this.#stream.send(requests.encode({ attach: { sessionId, defaultCreditTokens: creditTokens } }));
  }

  /** Creates a session and attaches to it. */
  static async open(options: SessionClientOptions): Promise<SessionClient> {
    const { CreateSession } = methods;
    const request = CreateSession.requestSerialize({ requestId: options.requestId, model: BENCH_MODEL });
    const answer = await options.connection.unary(CreateSession.path, request);
    const { session } = CreateSession.responseDeserialize(Buffer.from(answer));
    const client = new SessionClient(session?.sessionId ?? '', options);
    await client.#attached.promise;
    return client;
  }

  /** Starts a turn at the session's root; its key follows from the seed. */
  startTurn(turnId: string, seed: number): void {
    this.#send({
      startTurn: {
        turnId,
        input: [{ tokens: { tokenIds: [...BENCH_INPUT_IDS] } }],
        params: { temperature: 1, seed },
        maxOutputTokens: benchFlatChain(1).maxOutputTokens,
        maxDuration: { seconds: TURN_SECONDS_MAX },
      },
    });
  }

  flow(turnId: string, receivedThroughOffset: number, creditTokens: number): void {
    this.#send({ flow: { turnId, receivedThroughOffset, creditTokens } });
  }

  interrupt(interrupt: Interrupt__Input): void {
    this.#send({ interrupt });
  }

  end(): void {
    this.#stream.end();
  }

  #send(message: ConverseRequest__Input): void {
    this.#seq += 1;
    this.#stream.send(requests.encode({ ...message, seq: this.#seq }));
  }

  #control(message: ConverseResponse, events: SessionClientEvents): void {
    if (message.attached) this.#attached.resolve();
    events.control(message);
  }
}
