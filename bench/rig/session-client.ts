/** A client of `SessionService` for the rig: one session with its Converse stream. */
import { messageCodec, sessionServiceDefinition } from '@reticle/proto/load';
import type { ControlAck } from '@reticle/proto/gen/session/v1/ControlAck';
import type { ConverseRequest, ConverseRequest__Input } from '@reticle/proto/gen/session/v1/ConverseRequest';
import type { ConverseResponse, ConverseResponse__Input } from '@reticle/proto/gen/session/v1/ConverseResponse';
import type { CreateSessionRequest__Input } from '@reticle/proto/gen/session/v1/CreateSessionRequest';
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

export type AttachOptions = {
  readonly connection: GrpcConnection;
  readonly creditTokens: number;
  readonly events: SessionClientEvents;
};

export type SessionClientOptions = AttachOptions & {
  /** Makes the creation idempotent, so it differs per session. */
  readonly requestId: string;
  /** Served name; that of the profile by default. */
  readonly model?: string;
};

/** A session that can be attached to: by its id, or by a token on any gateway. */
export type SessionName = { readonly sessionId: string } | { readonly resumeToken: string };

/** What a turn differs in; by default the bench's input and as long as it may run. */
export type TurnShape = { readonly inputIds?: readonly number[]; readonly maxOutputTokens?: number };

/** One decoder serves all sessions of a process: it is used up before the next message. */
const reader = new TokenFrameReader();

export class SessionClient {
  /** Names the session to other gateways, from the answer to Attach on. */
  resumeToken = '';
  readonly #stream: GrpcStream;
  readonly #attached = Promise.withResolvers<void>();
  #seq = 0;

  private constructor(name: SessionName, { connection, creditTokens, events }: AttachOptions) {
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
    this.#stream.send(requests.encode({ attach: { ...name, defaultCreditTokens: creditTokens } }));
    // Who sends at once does not wait for it.
    this.#attached.promise.catch(() => {});
  }

  /** Creates a session and attaches to it. */
  static async open(options: SessionClientOptions): Promise<SessionClient> {
    const { requestId, model = BENCH_MODEL, connection } = options;
    const { sessionId } = await createSession(connection, { requestId, model });
    const client = SessionClient.attach({ sessionId }, options);
    await client.#attached.promise;
    return client;
  }

  /** Attaches without waiting for the answer: what is sent next goes with it. */
  static attach(name: SessionName, options: AttachOptions): SessionClient {
    return new SessionClient(name, options);
  }

  /** Resolves when the server has answered Attach. */
  get attached(): Promise<void> {
    return this.#attached.promise;
  }

  /** Starts a turn at the session's root; its key follows from the seed and what it continues. */
  startTurn(turnId: string, seed: number, turn: TurnShape = {}): void {
    const { inputIds = BENCH_INPUT_IDS, maxOutputTokens = benchFlatChain(1).maxOutputTokens } = turn;
    this.#send({
      startTurn: {
        turnId,
        input: [{ tokens: { tokenIds: [...inputIds] } }],
        params: { temperature: 1, seed },
        maxOutputTokens,
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

  /** Nothing is read until `resume`. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  #send(message: ConverseRequest__Input): void {
    this.#seq += 1;
    this.#stream.send(requests.encode({ ...message, seq: this.#seq }));
  }

  #control(message: ConverseResponse, events: SessionClientEvents): void {
    if (message.attached) {
      this.resumeToken = message.attached.resumeToken;
      this.#attached.resolve();
    }
    events.control(message);
  }
}

/** Creates a session; its prefix, if any, is evaluated before the answer. */
export async function createSession(
  connection: GrpcConnection,
  request: CreateSessionRequest__Input,
): Promise<{ readonly sessionId: string; readonly resumeToken: string }> {
  const { CreateSession } = methods;
  const answer = await connection.unary(CreateSession.path, CreateSession.requestSerialize(request));
  const { session, resumeToken } = CreateSession.responseDeserialize(Buffer.from(answer));
  return { sessionId: session?.sessionId ?? '', resumeToken };
}

/** Interrupts a turn from outside its stream, at any gateway of the cell. */
export async function signalInterrupt(
  connection: GrpcConnection,
  resumeToken: string,
  interrupt: Interrupt__Input,
): Promise<ControlAck | null> {
  const { SignalTurn } = methods;
  const answer = await connection.unary(SignalTurn.path, SignalTurn.requestSerialize({ resumeToken, interrupt }));
  return SignalTurn.responseDeserialize(Buffer.from(answer)).ack;
}
