import {
  AuthorizationError,
  connect,
  PermissionViolationError,
  type NatsConnection,
  type NodeConnectionOptions,
  type Status,
} from '@nats-io/transport-node';
import type { Clock, Random } from '@reticle/core/flow';
import type { Logger } from '@reticle/core/process';
import type { NkeySigner } from './nkey.ts';
import { inboxPrefix } from './nats-subjects.ts';

export type NatsLinkOptions = {
  /** `nats://host:port`, one or more. */
  readonly servers: readonly string[];
  readonly key: NkeySigner;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
};

/** What a link tells its owner; never from inside a call of the owner's. */
export interface NatsLinkOwner {
  /** Connected, for the first time or again; the connection may be a new object. */
  online(connection: NatsConnection): void;
  offline(): void;
}

/** Events since the start. */
export type NatsLinkCounters = {
  /** Connections made, the first one included. */
  connects: number;
  /** The server took the connection and refused the key. */
  authorizationFailures: number;
  /** The server refused a subject of this component: an alarm (PROMISES N4). */
  permissionViolations: number;
};

/** PROTOCOL S7. */
const RECONNECT_WAIT_MS = 250;
const RECONNECT_JITTER_MS = 100;
const PING_INTERVAL_MS = 1_000;
const PINGS_OUT_MAX = 2;
/** A frozen server takes the connection and says nothing; the library's own bound is 20 s. */
const HANDSHAKE_MS_MAX = 2_000;

/**
 * Keeps one connection to NATS for as long as the process lives.
 *
 *     dialling ── connected ──▶ online ⇄ away (the library redials) ── the library gives up ──▶ dialling
 *     any ── close ──▶ closed
 *
 * The first connection is dialled here and not by the library's `waitOnFirstConnect`, which keeps its failures
 * to itself: a refused key must be told, and a start without a server must be stoppable.
 *
 * Invariants
 * 1. `online` and `offline` alternate, beginning with `online`.
 * 2. No failure of the server or the key ends the process or the attempts.
 */
export class NatsLink {
  readonly counters: NatsLinkCounters = { connects: 0, authorizationFailures: 0, permissionViolations: 0 };
  readonly #options: NatsLinkOptions;
  readonly #owner: NatsLinkOwner;
  readonly #first = Promise.withResolvers<void>();
  /** What was logged since the link was last online, so that a long outage is one line. */
  readonly #told = new Set<string>();
  #connection: NatsConnection | undefined;
  #online = false;
  #closed = false;
  #wake: () => void = () => {};

  constructor(options: NatsLinkOptions, owner: NatsLinkOwner) {
    this.#options = options;
    this.#owner = owner;
    void this.#run();
  }

  /** Resolves with the first connection, or when the link is closed before there was one. */
  get first(): Promise<void> {
    return this.#first.promise;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    this.#first.resolve();
    this.#down();
    await this.#connection?.close();
  }

  async #run(): Promise<void> {
    const options = this.#connectOptions();
    while (!this.#closed) {
      const connection = await this.#dial(options);
      if (connection === undefined) await this.#pause();
      else await this.#follow(connection);
    }
  }

  #connectOptions(): NodeConnectionOptions {
    const { servers, key } = this.#options;
    return {
      servers: [...servers],
      authenticator: (nonce = '') => ({
        nkey: key.publicKey,
        sig: Buffer.from(key.sign(Buffer.from(nonce))).toString('base64'),
      }),
      inboxPrefix: inboxPrefix(key.publicKey),
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true,
      reconnectDelayHandler: () => this.#reconnectDelayMs(),
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: PINGS_OUT_MAX,
      timeout: HANDSHAKE_MS_MAX,
      noAsyncTraces: true,
    };
  }

  async #dial(options: NodeConnectionOptions): Promise<NatsConnection | undefined> {
    try {
      return await connect(options);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /** Lives with one connection until the library closes it, which it does only when it is told to. */
  async #follow(connection: NatsConnection): Promise<void> {
    if (this.#closed) {
      await connection.close();
      return;
    }
    this.#connection = connection;
    const statuses = connection.status();
    this.#up(connection);
    for await (const status of statuses) this.#status(connection, status);
    this.#down();
  }

  #status(connection: NatsConnection, status: Status): void {
    if (status.type === 'disconnect') {
      this.#down();
      this.#tell('away', () => this.#options.logger.warn('the bus is away', { component: 'bus' }));
    }
    if (status.type === 'reconnect') this.#up(connection);
    if (status.type === 'error') this.#failed(status.error);
  }

  #failed(error: unknown): void {
    const { logger } = this.#options;
    if (error instanceof PermissionViolationError) {
      this.counters.permissionViolations++;
      const { operation } = error;
      this.#tell(operation, () =>
        logger.error('the bus refused a subject of this component', { component: 'bus', kind: operation }),
      );
    } else if (error instanceof AuthorizationError) {
      this.counters.authorizationFailures++;
      this.#tell('key', () => logger.error('the bus refuses the key of this component', { component: 'bus' }));
    } else {
      this.#tell('away', () => logger.warn('the bus is away', { component: 'bus' }));
    }
  }

  #tell(what: string, log: () => void): void {
    if (this.#told.has(what) || this.#closed) return;
    this.#told.add(what);
    log();
  }

  #up(connection: NatsConnection): void {
    if (this.#online || this.#closed) return;
    this.#online = true;
    this.counters.connects++;
    if (this.#told.size > 0) this.#options.logger.info('the bus is there', { component: 'bus' });
    this.#told.clear();
    this.#owner.online(connection);
    this.#first.resolve();
  }

  #down(): void {
    if (!this.#online) return;
    this.#online = false;
    this.#owner.offline();
  }

  #reconnectDelayMs(): number {
    return RECONNECT_WAIT_MS + this.#options.random.unit() * RECONNECT_JITTER_MS;
  }

  #pause(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(this.#reconnectDelayMs(), resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
