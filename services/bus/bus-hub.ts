import type { Clock } from '@reticle/core/flow';
import { subjectMatches } from './bus.ts';
import { ChannelBus, type Channel } from './channel-bus.ts';
import { channelMessage, type ChannelMessage } from './channel-messages.ts';

type Member = {
  readonly channel: Channel;
  /** Pattern → responders that the child has on it. */
  readonly responds: Map<string, number>;
  /** The child's number of a request of its own → the hub's. */
  readonly asks: Map<string, string>;
};

/** A request that was handed on. */
type Handed = { readonly from: Member; readonly id: string };

/**
 * The supervisor's side: carries every child's messages to every child, requests to those that respond.
 *
 * Invariants
 * 1. A request is answered at most once; the first answer wins and later ones are dropped.
 * 2. A request is kept until it is answered, forgotten by the one who asked, or that one leaves; the time limit
 *    is the requester's.
 */
export class BusHub {
  readonly #members = new Set<Member>();
  readonly #handed = new Map<string, Handed>();
  #requests = 0;

  /** Requests without an answer so far. */
  get pending(): number {
    return this.#handed.size;
  }

  /** Adds a child; the returned function removes it when it is gone. */
  join(channel: Channel): () => void {
    const member: Member = { channel, responds: new Map(), asks: new Map() };
    this.#members.add(member);
    const stop = channel.onMessage((message) => {
      const known = channelMessage(message);
      if (known !== undefined) this.#receive(member, known);
    });
    return () => {
      stop();
      this.#members.delete(member);
      for (const id of member.asks.values()) this.#handed.delete(id);
    };
  }

  /** A bus for the supervisor's own use. */
  bus(clock: Clock): ChannelBus {
    const [child, parent] = channelPair();
    this.join(parent);
    return new ChannelBus(child, clock);
  }

  #receive(from: Member, message: ChannelMessage): void {
    switch (message.kind) {
      case 'bus':
        for (const { channel } of this.#members) channel.send(message);
        break;
      case 'bus-request':
        this.#handOn(from, message);
        break;
      case 'bus-answer':
        this.#answer(message.id, message.payload);
        break;
      case 'bus-forget':
        forget(from, message.id, this.#handed);
        break;
      case 'bus-responds':
        countResponders(from, message);
        break;
      // Only the hub says so.
      case 'bus-unanswered':
        break;
    }
  }

  #handOn(from: Member, request: Extract<ChannelMessage, { kind: 'bus-request' }>): void {
    const { subject, payload } = request;
    const asked = [...this.#members].filter(({ responds }) =>
      [...responds.keys()].some((pattern) => subjectMatches(pattern, subject)),
    );
    if (asked.length === 0) {
      send(from, { kind: 'bus-unanswered', id: request.id });
      return;
    }
    const id = (this.#requests++).toString(36);
    this.#handed.set(id, { from, id: request.id });
    from.asks.set(request.id, id);
    for (const member of asked) send(member, { kind: 'bus-request', id, subject, payload });
  }

  #answer(id: string, payload: Uint8Array): void {
    const handed = this.#handed.get(id);
    if (handed === undefined) return;
    this.#handed.delete(id);
    handed.from.asks.delete(handed.id);
    send(handed.from, { kind: 'bus-answer', id: handed.id, payload });
  }
}

function forget(from: Member, id: string, handed: Map<string, Handed>): void {
  const own = from.asks.get(id);
  if (own !== undefined) handed.delete(own);
  from.asks.delete(id);
}

function countResponders(from: Member, { pattern, change }: Extract<ChannelMessage, { kind: 'bus-responds' }>): void {
  const count = (from.responds.get(pattern) ?? 0) + change;
  if (count > 0) from.responds.set(pattern, count);
  else from.responds.delete(pattern);
}

function send(member: Member, message: ChannelMessage): void {
  member.channel.send(message);
}

/** Two ends inside one process; a message arrives outside its sender's stack, as over IPC. */
function channelPair(): readonly [Channel, Channel] {
  const ends = [new Set<(message: unknown) => void>(), new Set<(message: unknown) => void>()] as const;
  const end = (own: Set<(message: unknown) => void>, other: Set<(message: unknown) => void>): Channel => ({
    send: (message) => queueMicrotask(() => other.forEach((handler) => handler(message))),
    onMessage: (handler) => {
      own.add(handler);
      return () => own.delete(handler);
    },
  });
  return [end(ends[0], ends[1]), end(ends[1], ends[0])];
}
