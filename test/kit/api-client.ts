import { Client, credentials, Metadata, type StatusObject } from '@grpc/grpc-js';
import { sessionServiceDefinition } from '@reticle/proto/load';
import { bounded } from './bounded.ts';
import { randomId } from './commands.ts';
import { ConverseClient, type ConverseOptions, type Outgoing } from './converse-client.ts';
import { CallFailed, outcomeOf, type Outcome } from './outcome.ts';
import { ResponseLog, type ResponseOf } from './response-log.ts';
import type {
  Attach__Input,
  ConverseResponse,
  CreateSessionRequest__Input,
  CreateSessionResponse,
  ReplayTurnRequest__Input,
} from './wire.ts';

export type UnaryName = 'CreateSession' | 'WarmSession' | 'SignalTurn' | 'GetSession' | 'CloseSession';

export type Answer<Response> = Outcome & { readonly response: Response | undefined };

export type ApiClientOptions = {
  /** `host:port`. */
  readonly address: string;
  readonly key: string;
  /** Served name that sessions ask for. */
  readonly model: string;
};

/** One connection to a gateway, with a key. Messages may be objects of the contract, or bytes that go out as they are. */
export class ApiClient {
  readonly #options: ApiClientOptions;
  readonly #client: Client;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.#client = new Client(options.address, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    });
  }

  /** Metadata with the good key, or with exactly these fields. */
  metadata(
    fields: readonly (readonly [string, string])[] = [['authorization', `Bearer ${this.#options.key}`]],
  ): Metadata {
    const metadata = new Metadata();
    for (const [name, value] of fields) metadata.add(name, value);
    return metadata;
  }

  /** A unary call, whatever becomes of it. */
  call<Response>(name: UnaryName, message: object, metadata = this.metadata()): Promise<Answer<Response>> {
    const { path, requestSerialize, responseDeserialize } = sessionServiceDefinition()[name];
    const answered = new Promise<Answer<Response>>((resolve) => {
      let response: Response | undefined;
      const call = this.#client.makeUnaryRequest(
        path,
        serialiser(requestSerialize),
        responseDeserialize,
        message,
        metadata,
        (_, value) => (response = value as Response | undefined),
      );
      call.on('status', (status: StatusObject) => resolve({ ...outcomeOf(status), response }));
    });
    return bounded(answered, `the answer of ${name}`);
  }

  /** A unary call that must succeed. */
  async ask<Response>(name: UnaryName, message: object): Promise<Response> {
    const { response, ...outcome } = await this.call<Response>(name, message);
    if (response === undefined) throw new CallFailed(name, outcome);
    return response;
  }

  /** A fresh session: its id, its token, and what it is. */
  async createSession(more: CreateSessionRequest__Input = {}): Promise<{ sessionId: string; resumeToken: string }> {
    const request = { requestId: randomId(), model: this.#options.model, ...more };
    const { session, resumeToken } = await this.ask<CreateSessionResponse>('CreateSession', request);
    return { sessionId: session?.sessionId ?? '', resumeToken };
  }

  /** A Converse stream that has sent nothing yet. */
  converse(options: ConverseOptions = {}, metadata = this.metadata()): ConverseClient {
    const { path, requestSerialize, responseDeserialize } = sessionServiceDefinition().Converse;
    const call = this.#client.makeBidiStreamRequest<Outgoing, ConverseResponse>(
      path,
      serialiser(requestSerialize),
      responseDeserialize,
      metadata,
    );
    return new ConverseClient(call, options);
  }

  /** An attached stream. */
  async attach(
    attach: Attach__Input,
    options: ConverseOptions = {},
  ): Promise<{ stream: ConverseClient; attached: ResponseOf<'attached'> }> {
    const stream = this.converse(options);
    return { stream, attached: await stream.attach(attach) };
  }

  /** A fresh session with an attached stream. */
  async open(
    attach: Attach__Input = {},
    options: ConverseOptions & { readonly create?: CreateSessionRequest__Input } = {},
  ): Promise<{ stream: ConverseClient; sessionId: string; resumeToken: string }> {
    const { sessionId } = await this.createSession(options.create);
    const { stream, attached } = await this.attach({ sessionId, ...attach }, options);
    return { stream, sessionId, resumeToken: attached.resumeToken };
  }

  /** A ReplayTurn stream as its log; its messages have the kinds that Converse has. */
  replay(request: ReplayTurnRequest__Input): ResponseLog {
    const { path, requestSerialize, responseDeserialize } = sessionServiceDefinition().ReplayTurn;
    const log = new ResponseLog();
    const call = this.#client.makeServerStreamRequest(
      path,
      serialiser(requestSerialize),
      responseDeserialize,
      request,
      this.metadata(),
    );
    call.on('data', (response: ConverseResponse) => log.push(response));
    call.on('error', () => {});
    call.on('status', (status: StatusObject) => log.end(outcomeOf(status)));
    return log;
  }

  close(): void {
    this.#client.close();
  }
}

function serialiser(encode: (message: never) => Buffer): (message: object) => Buffer {
  return (message) => (message instanceof Uint8Array ? Buffer.from(message) : encode(message as never));
}
