import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { base32, RANDOM_ID_BYTES } from '@reticle/core/domain';
import { within, type Secret } from '@reticle/core/process';
import { BusError, type Bus, type BusHandler, type BusResponder } from './bus.ts';
import { NatsLink, type NatsLinkOptions } from './nats-link.ts';
import { inboxPrefix, isComponentInbox } from './nats-subjects.ts';
import { nkeySigner } from './nkey.ts';
import { PendingRequests } from './pending-requests.ts';
import { Responders } from './responders.ts';
import { checkPattern, checkPublish, checkRequest } from './subject-rules.ts';

export type NatsBusOptions = Omit<NatsLinkOptions, 'key'> & {
  /** The component's key, `SU…`. */
  readonly seed: Secret;
  /** Told of every change of {@link NatsBus.connected}. */
  readonly onConnected?: (connected: boolean) => void;
  /** How long a start waits for the server before it goes on without, in ms. Default 1,000. */
  readonly firstConnectMs?: number;
};

/** Events since the start, for metrics and alarms. */
export type NatsBusCounters = {
  readonly connects: number;
  readonly authorizationFailures: number;
  readonly permissionViolations: number;
  /** Publishes that were not even handed to the server. */
  readonly publishesDropped: number;
  /** Requests whose reply subject is no component's inbox; neither run nor answered (PROMISES N3). */
  readonly foreignReplies: number;
  /** Responders that threw or answered too much. */
  readonly responderFailures: number;
};

/** A subject that this process wants to hear, with what came of it at the server. */
type Interest = {
  readonly pattern: string;
  readonly receive: (message: Msg) => void;
  connection?: NatsConnection;
  subscription?: Subscription;
};

const FIRST_CONNECT_MS = 1_000;
/** The server's answer to a request that nobody hears. */
const NO_RESPONDERS = 503;

/**
 * The bus over a NATS server.
 *
 * Invariants
 * 1. Nothing is kept for later: what is published or asked while the server is away is dropped or refused at once.
 * 2. A subscription outlives every outage; one that the server refused is tried again with each connection.
 * 3. Headers of a message are never read, but for the server's own "no responders".
 */
export class NatsBus implements Bus, AsyncDisposable {
  readonly #link: NatsLink;
  readonly #responders = new Responders();
  readonly #pending: PendingRequests;
  readonly #interests = new Set<Interest>();
  /** Unguessable, so that no one else's answer fits. */
  readonly #inbox: string;
  readonly #onConnected: NatsBusOptions['onConnected'];
  #hearsAnswers = false;
  #connection: NatsConnection | undefined;
  #publishesDropped = 0;
  #foreignReplies = 0;

  constructor(options: NatsBusOptions) {
    this.#onConnected = options.onConnected;
    this.#pending = new PendingRequests(options.clock);
    const token = base32(options.random.bytes(RANDOM_ID_BYTES));
    const key = nkeySigner(options.seed.reveal());
    this.#inbox = `${inboxPrefix(key.publicKey)}.${token}`;
    this.#link = new NatsLink(
      { ...options, key },
      { online: (connection) => this.#online(connection), offline: () => this.#offline() },
    );
  }

  /** False while the server is away; what is published then is lost. */
  get connected(): boolean {
    return this.#connection !== undefined;
  }

  get counters(): NatsBusCounters {
    return {
      ...this.#link.counters,
      publishesDropped: this.#publishesDropped,
      foreignReplies: this.#foreignReplies,
      responderFailures: this.#responders.failures,
    };
  }

  /** Resolves with the first connection. */
  get firstConnected(): Promise<void> {
    return this.#link.first;
  }

  publish(subject: string, payload: Uint8Array): void {
    checkPublish(subject, payload);
    this.#send(subject, payload);
  }

  subscribe(pattern: string, handler: BusHandler): () => void {
    checkPattern(pattern);
    return this.#hear(pattern, (message) => {
      if (message.reply === undefined || message.reply === '') handler(message.data, message.subject);
    });
  }

  async request(subject: string, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    checkRequest(subject, payload);
    if (this.#connection === undefined) throw new BusError('disconnected');
    this.#hearAnswers();
    const { id, answer } = this.#pending.open(timeoutMs);
    if (!this.#send(subject, payload, `${this.#inbox}.${id}`)) this.#pending.fail(id, 'disconnected');
    return answer;
  }

  respond(pattern: string, responder: BusResponder): () => void {
    checkPattern(pattern);
    return this.#hear(pattern, ({ subject, data, reply }) => {
      if (reply === undefined || reply === '') return;
      if (!isComponentInbox(reply)) {
        this.#foreignReplies++;
        return;
      }
      void this.#responders.run(responder, { subject, payload: data }, (bytes) => void this.#send(reply, bytes));
    });
  }

  /** Resolves when the server has handled what was sent so far, subscriptions too. */
  async flush(): Promise<void> {
    try {
      if (this.#connection !== undefined) return await this.#connection.flush();
    } catch {
      // The connection went away under it.
    }
    throw new BusError('disconnected');
  }

  /** Ends the connection; requests in flight fail as `disconnected`. */
  async close(): Promise<void> {
    await this.#link.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** False when the message was not handed over: at a hint's level of care, that is a count and no error. */
  #send(subject: string, payload: Uint8Array, reply?: string): boolean {
    try {
      if (this.#connection !== undefined) {
        this.#connection.publish(subject, payload, reply === undefined ? {} : { reply });
        return true;
      }
    } catch {
      // The library throws for a connection that closed a moment ago and for a server with a smaller payload limit.
    }
    this.#publishesDropped++;
    return false;
  }

  /** One subscription for all answers, made when the first one is wanted: a host asks nothing and may hear none. */
  #hearAnswers(): void {
    if (this.#hearsAnswers) return;
    this.#hearsAnswers = true;
    this.#hear(`${this.#inbox}.*`, (message) => {
      const id = message.subject.slice(this.#inbox.length + 1);
      const nobody = message.data.length === 0 && message.headers?.code === NO_RESPONDERS;
      if (nobody) this.#pending.fail(id, 'no-responders');
      else this.#pending.answer(id, message.data);
    });
  }

  #hear(pattern: string, receive: (message: Msg) => void): () => void {
    const interest: Interest = { pattern, receive };
    this.#interests.add(interest);
    if (this.#connection !== undefined) listen(interest, this.#connection);
    return () => {
      this.#interests.delete(interest);
      if (interest.connection?.isClosed() === false) interest.subscription?.unsubscribe();
    };
  }

  #online(connection: NatsConnection): void {
    this.#connection = connection;
    for (const interest of this.#interests) listen(interest, connection);
    this.#onConnected?.(true);
  }

  #offline(): void {
    this.#connection = undefined;
    this.#pending.failAll('disconnected');
    this.#onConnected?.(false);
  }
}

/** The library carries a subscription over its own reconnects, but drops one that the server refused. */
function listen(interest: Interest, connection: NatsConnection): void {
  if (interest.connection === connection && interest.subscription?.isClosed() === false) return;
  interest.connection = connection;
  interest.subscription = connection.subscribe(interest.pattern, {
    callback: (error, message) => {
      // A refusal is counted from the connection's status. A handler that throws must not break the library's reader.
      if (error === null) queueMicrotask(() => interest.receive(message));
    },
  });
}

/**
 * Starts a bus over NATS. Resolves with the first connection, or after `firstConnectMs` without one: a process
 * starts where NATS is not there, and the bus goes on trying. Never rejects for a server or a key that refuses.
 */
export async function connectNatsBus(options: NatsBusOptions): Promise<NatsBus> {
  const bus = new NatsBus(options);
  await within(options.clock, bus.firstConnected, options.firstConnectMs ?? FIRST_CONNECT_MS);
  return bus;
}
