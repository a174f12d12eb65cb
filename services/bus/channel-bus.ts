import { LocalBus } from './local-bus.ts';
import type { Bus, BusHandler } from './bus.ts';

/** A message channel between a supervisor and one child: Node's IPC with advanced serialisation. */
export interface Channel {
  /** Best effort: a message to a closed channel is dropped. */
  send(message: unknown): void;
  /** Returns the function that stops listening. */
  onMessage(handler: (message: unknown) => void): () => void;
}

type BusMessage = { readonly kind: 'bus'; readonly subject: string; readonly payload: Uint8Array };

function isBusMessage(message: unknown): message is BusMessage {
  if (typeof message !== 'object' || message === null) return false;
  const { kind, subject, payload } = message as Record<string, unknown>;
  return kind === 'bus' && typeof subject === 'string' && payload instanceof Uint8Array;
}

/** The child's side: publishes go up to the hub, which fans out to all children (this one included). */
export class ChannelBus implements Bus {
  readonly #local = new LocalBus();
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.onMessage((message) => {
      if (isBusMessage(message)) this.#local.deliver(message.subject, message.payload);
    });
  }

  publish(subject: string, payload: Uint8Array): void {
    this.#channel.send({ kind: 'bus', subject, payload } satisfies BusMessage);
  }

  subscribe(pattern: string, handler: BusHandler): () => void {
    return this.#local.subscribe(pattern, handler);
  }
}

/** The supervisor's side: carries every child's publishes to every child. */
export class BusHub {
  readonly #channels = new Set<Channel>();

  /** Adds a child; the returned function removes it when it is gone. */
  join(channel: Channel): () => void {
    this.#channels.add(channel);
    const stop = channel.onMessage((message) => {
      if (isBusMessage(message)) for (const each of this.#channels) each.send(message);
    });
    return () => {
      stop();
      this.#channels.delete(channel);
    };
  }
}
