import { Client, credentials, Metadata, type ClientDuplexStream, type StatusObject } from '@grpc/grpc-js';
import { sessionServiceDefinition } from '@reticle/proto/load';
import { outcomeOf, type Outcome } from '../kit/outcome.ts';
import type { ConverseRequest__Input, ConverseResponse } from '../kit/wire.ts';

export type CallTarget = { readonly address: string; readonly key: string };

export type CallEvents = {
  readonly onMessage: (response: ConverseResponse) => void;
  /** Once, after the last message; never after {@link ConverseCall.leave}. */
  readonly onEnd: (outcome: Outcome) => void;
};

const OPTIONS = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  // One attempt per connection: what comes after a failure is the session's decision, not the library's.
  'grpc.initial_reconnect_backoff_ms': 60_000,
  'grpc.max_reconnect_backoff_ms': 60_000,
} as const;

function metadataOf(key: string): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${key}`);
  return metadata;
}

/** One Converse stream on a connection of its own. */
export class ConverseCall {
  readonly #client: Client;
  readonly #call: ClientDuplexStream<ConverseRequest__Input, ConverseResponse>;
  #events: CallEvents | undefined;

  constructor({ address, key }: CallTarget, events: CallEvents) {
    this.#events = events;
    this.#client = new Client(address, credentials.createInsecure(), OPTIONS);
    const { path, requestSerialize, responseDeserialize } = sessionServiceDefinition().Converse;
    this.#call = this.#client.makeBidiStreamRequest<ConverseRequest__Input, ConverseResponse>(
      path,
      requestSerialize as (message: ConverseRequest__Input) => Buffer,
      responseDeserialize as (bytes: Buffer) => ConverseResponse,
      metadataOf(key),
    );
    let status: StatusObject | undefined;
    let read = false;
    // The status may overtake messages that are still buffered here.
    const settle = (): void => {
      if (status === undefined || !read) return;
      const listener = this.#events;
      this.leave();
      listener?.onEnd(outcomeOf(status));
    };
    this.#call.on('data', (response: ConverseResponse) => this.#events?.onMessage(response));
    this.#call.on('status', (end: StatusObject) => {
      status = end;
      settle();
    });
    this.#call.on('end', () => {
      read = true;
      settle();
    });
    this.#call.on('error', () => {});
  }

  write(message: ConverseRequest__Input): void {
    if (this.#events !== undefined) this.#call.write(message);
  }

  /** Gone without a word; nothing more is heard of it. */
  leave(): void {
    if (this.#events === undefined) return;
    this.#events = undefined;
    this.#call.cancel();
    this.#client.close();
  }
}

/** A unary call on a connection of its own, bounded. */
export async function askOnce<Response>(
  { address, key }: CallTarget,
  name: 'CreateSession' | 'CloseSession' | 'SignalTurn' | 'GetSession',
  message: object,
  deadlineMs: number,
): Promise<{ readonly outcome: Outcome; readonly response: Response | undefined }> {
  const client = new Client(address, credentials.createInsecure(), OPTIONS);
  const { path, requestSerialize, responseDeserialize } = sessionServiceDefinition()[name];
  const { promise, resolve } = Promise.withResolvers<{ outcome: Outcome; response: Response | undefined }>();
  let response: Response | undefined;
  const call = client.makeUnaryRequest(
    path,
    requestSerialize as (value: object) => Buffer,
    responseDeserialize,
    message,
    metadataOf(key),
    { deadline: Date.now() + deadlineMs },
    (_, value) => (response = value as Response | undefined),
  );
  call.on('status', (status: StatusObject) => resolve({ outcome: outcomeOf(status), response }));
  return promise.finally(() => client.close());
}
