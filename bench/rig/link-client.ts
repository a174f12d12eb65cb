/** The gateway's end of a link without a gateway (PROTOCOL §2): raw grpc-js, rows read by hand, every token checked. */
import { Client, credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { linkServiceDefinition } from '@reticle/proto/load';
import type { LinkRequest__Input } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { LinkResponse } from '@reticle/proto/gen/engine/v1/LinkResponse';
import { StepFrameReader } from '@reticle/proto/wire';
import { monotonicMicros } from './calls.ts';
import { creditRequest, helloRequest, openRequest, startRequest } from './link-requests.ts';
import type { TokenCheck } from './token-check.ts';

export type LinkClientOptions = {
  /** `host:port` of the engine. */
  readonly address: string;
  /** Of stream n at n; a stream for each. */
  readonly checks: readonly TokenCheck[];
  /** Told of each row behind its check. */
  readonly row?: (stream: number, end: number, count: number) => void;
  /** Told of each message that carries tokens, behind its rows. */
  readonly frame?: (reader: StepFrameReader, bytes: number) => void;
};

const CREDIT_EVERY_MS = 100;
const LINK_WINDOW_BYTES = 4 * 1024 * 1024;
const identity = (bytes: Buffer): Buffer => bytes;

/** Of turns one after the other, in this process. */
let sessions = 0;

type Call = ClientDuplexStream<LinkRequest__Input, Buffer>;

/** A grpc-js client that takes messages of any size, with a window for a whole link. */
export function rawClient(address: string): Client {
  return new Client(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc-node.flow_control_window': LINK_WINDOW_BYTES,
  });
}

export class LinkClient {
  readonly #options: LinkClientOptions;
  readonly #reader = new StepFrameReader();
  readonly #allStarted = Promise.withResolvers<void>();
  readonly #call: Call;
  #told = (): void => {};
  #opened = 0;
  #started = 0;

  private constructor(options: LinkClientOptions) {
    this.#options = options;
    const { Link } = linkServiceDefinition();
    const serialize = Link.requestSerialize as (request: LinkRequest__Input) => Buffer;
    this.#call = rawClient(options.address).makeBidiStreamRequest(Link.path, serialize, identity);
    // Whoever waits for something else is told by that.
    this.#allStarted.promise.catch(() => {});
    this.#call.on('error', (error: Error) => this.#allStarted.reject(error));
    this.#call.on('data', (message: Buffer) => {
      if (!this.#reader.read(message)) this.#control(Link.responseDeserialize(message));
      else if (this.#reader.tokens > 0) this.#frame(message.length);
    });
  }

  /** A session with one turn after the other, sent together; µs from the send to the first token of each. */
  static async firstTokens(address: string, turns: number, outputTokens: number): Promise<number[]> {
    let told = (): void => {};
    const client = new LinkClient({ address, checks: [], row: () => told() });
    client.#call.write(helloRequest());
    const micros: number[] = [];
    for (let turn = 0; turn < turns; turn += 1) {
      // The engine keeps sessions of links that have gone.
      const stream = (sessions += 1);
      const first = Promise.withResolvers<number>();
      client.#allStarted.promise.catch((error: unknown) => first.reject(error));
      told = () => first.resolve(monotonicMicros());
      const ended = client.#nextEnd();
      const sentMicros = monotonicMicros();
      client.#call.write(openRequest(stream));
      client.#call.write(startRequest(stream, outputTokens));
      micros.push((await first.promise) - sentMicros);
      // The next one begins when this one is over, as it does behind a gateway.
      await ended;
    }
    client.#call.cancel();
    return micros;
  }

  /** Opens the link and a session with a turn for each check; resolves when all turns have started. */
  static async run(options: LinkClientOptions): Promise<void> {
    const client = new LinkClient(options);
    client.#call.write(helloRequest());
    for (const stream of options.checks.keys()) client.#call.write(openRequest(stream));
    await client.#allStarted.promise;
    setInterval(() => {
      client.#call.write(creditRequest(options.checks.map((check) => check.next)));
    }, CREDIT_EVERY_MS);
  }

  #nextEnd(): Promise<void> {
    return new Promise((resolve) => (this.#told = resolve));
  }

  #control(response: LinkResponse): void {
    const { checks } = this.#options;
    if (response.ended) this.#told();
    if (response.fault) this.#allStarted.reject(new Error(`fault: ${JSON.stringify(response.fault)}`));
    if (response.opened) this.#opened += 1;
    if (response.started) this.#started += 1;
    if (response.opened && this.#opened === checks.length) {
      for (const stream of checks.keys()) this.#call.write(startRequest(stream));
    }
    if (response.started && this.#started === checks.length) this.#allStarted.resolve();
  }

  #frame(bytes: number): void {
    const { checks, row, frame } = this.#options;
    checkRows(this.#reader, checks, row);
    frame?.(this.#reader, bytes);
  }
}

/** The rows of one step frame, each against its lane's check. */
export function checkRows(
  reader: StepFrameReader,
  checks: readonly TokenCheck[],
  told?: LinkClientOptions['row'],
): void {
  let at = reader.textStart;
  let token = 0;
  for (let row = 0; row < reader.rows; row += 1) {
    const stream = (reader.lane[row] as number) - 1;
    const first = reader.firstOffset[row] as number;
    const count = reader.tokenCount[row] as number;
    checks[stream]?.take(first, count, reader.text, at);
    for (const end = token + count; token < end; token += 1) at += reader.textLengths[token] as number;
    told?.(stream, first + count, count);
  }
}
