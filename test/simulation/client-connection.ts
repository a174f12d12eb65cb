import type { FromGateway, ToGateway } from './front-messages.ts';
import type { End, Network } from './network.ts';
import { nodeOf } from './link-wire.ts';
import type { SimProcess } from './sim-process.ts';

/** HTTP/2 keepalive of a client: a ping each second, dead after three without a word. */
const PING_MS = 1_000;
const DEAD_MS = 3_000;
const MESSAGE_BYTES = 150;

export type ClientConnectionOptions = {
  readonly network: Network;
  readonly process: SimProcess;
  readonly address: string;
  readonly message: (message: FromGateway) => void;
  /** Told once; not after `close`. */
  readonly closed: (reason: string) => void;
};

/** A client's connection to one gateway. */
export class ClientConnection {
  readonly #options: ClientConnectionOptions;
  readonly #end: End;
  #heardMs: number;
  #open = true;
  #cancelPing: () => void = () => {};

  constructor(options: ClientConnectionOptions) {
    this.#options = options;
    const { network, process, address } = options;
    this.#heardMs = process.clock.nowMs();
    this.#end = network.connect(
      process,
      { node: nodeOf(address), address },
      {
        data: (value) => {
          if (!this.#open) return;
          this.#heardMs = process.clock.nowMs();
          options.message(value as FromGateway);
        },
        closed: (reason) => this.#closed(reason),
      },
    );
    this.#ping();
  }

  get open(): boolean {
    return this.#open;
  }

  send(message: ToGateway): void {
    if (this.#open) this.#end.send({ bytes: MESSAGE_BYTES, value: structuredClone(message) });
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#cancelPing();
    this.#end.close();
  }

  #ping(): void {
    const { clock } = this.#options.process;
    this.#cancelPing = clock.after(PING_MS, () => {
      if (clock.nowMs() - this.#heardMs >= DEAD_MS) {
        this.#end.close();
        this.#closed('keepalive');
        return;
      }
      this.send({ kind: 'ping' });
      this.#ping();
    });
  }

  #closed(reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#cancelPing();
    this.#options.closed(reason);
  }
}

/** One call on a connection of its own: its answer, the refusal, or undefined when the connection broke. */
export type CallOutcome =
  | { readonly kind: 'answer'; readonly value: unknown }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'broken'; readonly reason: string };

export function call(
  options: Omit<ClientConnectionOptions, 'message' | 'closed'>,
  request: ToGateway,
  done: (outcome: CallOutcome) => void,
): void {
  let outcome: CallOutcome | undefined;
  const finish = (final: CallOutcome): void => {
    if (outcome !== undefined) return;
    outcome = final;
    connection.close();
    done(final);
  };
  const connection = new ClientConnection({
    ...options,
    closed: (reason) => finish({ kind: 'broken', reason }),
    message: (message) => {
      if (message.kind === 'answer') finish({ kind: 'answer', value: message.value });
      if (message.kind === 'end' && message.error !== undefined) finish({ kind: 'refused', ...message.error });
    },
  });
  connection.send(request);
}
