import type { Clock } from '@reticle/core/flow';
import type { Bus, BusHandler, BusResponder } from './bus.ts';
import { channelMessage, type ChannelMessage } from './channel-messages.ts';
import { LocalBus } from './local-bus.ts';
import { PendingRequests } from './pending-requests.ts';
import { Responders } from './responders.ts';
import { checkPattern, checkPublish, checkRequest } from './subject-rules.ts';

/** A message channel between a supervisor and one child: Node's IPC with advanced serialisation. */
export interface Channel {
  /** Best effort: a message to a closed channel is dropped. */
  send(message: unknown): void;
  /** Returns the function that stops listening. */
  onMessage(handler: (message: unknown) => void): () => void;
}

/** The child's side: everything goes up to the hub, which hands it to all children (this one included). */
export class ChannelBus implements Bus {
  readonly #local: LocalBus;
  readonly #responders = new Responders();
  readonly #pending: PendingRequests;
  readonly #channel: Channel;

  constructor(channel: Channel, clock: Clock) {
    this.#local = new LocalBus(clock);
    this.#pending = new PendingRequests(clock);
    this.#channel = channel;
    channel.onMessage((message) => {
      const known = channelMessage(message);
      if (known !== undefined) this.#receive(known);
    });
  }

  /** Responders that threw or answered too much. */
  get responderFailures(): number {
    return this.#responders.failures;
  }

  publish(subject: string, payload: Uint8Array): void {
    checkPublish(subject, payload);
    this.#send({ kind: 'bus', subject, payload });
  }

  subscribe(pattern: string, handler: BusHandler): () => void {
    return this.#local.subscribe(pattern, handler);
  }

  async request(subject: string, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    checkRequest(subject, payload);
    const { id, answer } = this.#pending.open(timeoutMs, (late) => this.#send({ kind: 'bus-forget', id: late }));
    this.#send({ kind: 'bus-request', id, subject, payload });
    return answer;
  }

  respond(pattern: string, responder: BusResponder): () => void {
    checkPattern(pattern);
    const stop = this.#responders.add(pattern, responder);
    this.#send({ kind: 'bus-responds', pattern, change: 1 });
    let stopped = false;
    return () => {
      if (stopped) return;
      stopped = true;
      stop();
      this.#send({ kind: 'bus-responds', pattern, change: -1 });
    };
  }

  #send(message: ChannelMessage): void {
    this.#channel.send(message);
  }

  #receive(message: ChannelMessage): void {
    switch (message.kind) {
      case 'bus':
        this.#local.deliver(message.subject, message.payload);
        break;
      case 'bus-request': {
        const { id, subject, payload } = message;
        this.#responders.ask(subject, payload, (bytes) => this.#send({ kind: 'bus-answer', id, payload: bytes }));
        break;
      }
      case 'bus-answer':
        this.#pending.answer(message.id, message.payload);
        break;
      case 'bus-unanswered':
        this.#pending.fail(message.id, 'no-responders');
        break;
      // What only a child says means nothing to one.
      case 'bus-forget':
      case 'bus-responds':
        break;
    }
  }
}
