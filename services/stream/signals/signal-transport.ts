/** The direct path of signals: `LinkService.SignalTurn` at an engine's address. */
import { Client, credentials, type ChannelOptions } from '@grpc/grpc-js';
import type { Clock } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';
import type { SignalTurnRequest__Input } from '@reticle/proto/gen/engine/v1/SignalTurnRequest';
import type { SignalTurnResponse } from '@reticle/proto/gen/engine/v1/SignalTurnResponse';
import { linkServiceDefinition, strictDecode } from '@reticle/proto/load';

/** Carries a serialised `Signed` there and a serialised `SignalAck` back. */
export interface SignalTransport {
  /** Rejects when no answer comes in time or the engine is away; nothing is known then of what it did. */
  call(address: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
}

/** A connection that no signal has used for this long is closed. */
const IDLE_MS = 60_000;

/**
 * Apart from the links' connections (PROTOCOL E1): a step frame must not stand before an interrupt. The repeat at
 * 50 ms is to find a listener that has just come back, so reconnecting begins at once.
 */
const CHANNEL: ChannelOptions = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.initial_reconnect_backoff_ms': 20,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.max_receive_message_length': limits.libraryMessageBytesMax,
};

type Connection = { readonly client: Client; calls: number; cancelIdle: () => void };

/** `SignalTurn` over grpc-js, one connection per address while there is use for it. */
export class GrpcSignalTransport implements SignalTransport {
  readonly #clock: Clock;
  readonly #connections = new Map<string, Connection>();
  readonly #method = linkServiceDefinition().SignalTurn;
  #closed = false;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  call(address: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (this.#closed) return Promise.reject(new Error('the transport is closed'));
    const connection = this.#connection(address);
    connection.calls += 1;
    return new Promise<Uint8Array>((resolve, reject) => {
      const { path, requestSerialize } = this.#method;
      const request: SignalTurnRequest__Input = { signed: bytes };
      const deadline = this.#clock.wallMs() + timeoutMs;
      connection.client.makeUnaryRequest(path, requestSerialize, ackOf, request, { deadline }, (error, ack) => {
        this.#settled(address, connection);
        if (error === null && ack !== undefined) resolve(ack);
        else reject(error ?? new Error('the engine sent no ack'));
      });
    });
  }

  /** Open connections; for tests and gauges. */
  get size(): number {
    return this.#connections.size;
  }

  /** Ends every connection; calls under way are rejected. */
  close(): void {
    this.#closed = true;
    for (const { client, cancelIdle } of this.#connections.values()) {
      cancelIdle();
      client.close();
    }
    this.#connections.clear();
  }

  #connection(address: string): Connection {
    const known = this.#connections.get(address);
    if (known !== undefined) {
      known.cancelIdle();
      return known;
    }
    const client = new Client(address, credentials.createInsecure(), CHANNEL);
    const connection: Connection = { client, calls: 0, cancelIdle: () => {} };
    this.#connections.set(address, connection);
    return connection;
  }

  #settled(address: string, connection: Connection): void {
    connection.calls -= 1;
    if (connection.calls > 0 || this.#closed) return;
    connection.cancelIdle = this.#clock.after(IDLE_MS, () => {
      this.#connections.delete(address);
      connection.client.close();
    });
  }
}

/** An answer that is none has no ack; the library would throw for garbage. */
function ackOf(bytes: Buffer): Uint8Array | undefined {
  return strictDecode<SignalTurnResponse>('reticle.engine.v1.SignalTurnResponse', bytes).ok?.ack;
}
