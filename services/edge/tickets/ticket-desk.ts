/** Where it is decided, once for all gateway workers of a port, what may be used one time only (PROTOCOL §4.1a). */
import { assert, base32, isRandomId, RANDOM_ID_BYTES, ReticleError } from '@reticle/core/domain';
import type { Clock, Random } from '@reticle/core/flow';
import type { Caller } from '@reticle/services/stream';

/** What a ticket says of itself to who counts its uses. */
export type TicketUse = {
  /** The gateway that minted it. */
  readonly gateway: string;
  /** 26 base32 characters. */
  readonly id: string;
  /** Unix milliseconds. */
  readonly expiresMs: number;
};

export interface TicketDesk {
  /** True the first time that a ticket of one of the desk's own gateways is used, before its end. */
  spend(use: TicketUse): Promise<boolean>;
  /** Who a one-time code speaks for, the first time; undefined for any other text. */
  exchange(code: string): Promise<Caller | undefined>;
  /** A one-time code that speaks for a caller, for {@link CODE_MS}: 128 random bits as 26 base32 characters. */
  mintCode(caller: Caller): Promise<string>;
}

/** A newcomer has read the screen by then. */
export const CODE_MS = 10 * 60_000;
/** More than a port takes in upgrades during a ticket's life. */
const SPENT_MAX = 100_000;
const CODES_MAX = 1_000;

export type LocalTicketDeskOptions = {
  readonly clock: Clock;
  readonly random: Random;
  /** Whether a gateway is one of the desk's own. */
  readonly serves: (gateway: string) => boolean;
};

/** The desk of one process: a supervisor, or a gateway that is alone. Ids are kept until they would be refused anyway. */
export class LocalTicketDesk implements TicketDesk {
  readonly #options: LocalTicketDeskOptions;
  /** In the order of their use; a ticket's life is short and the same for all, so the oldest end first. */
  readonly #spent = new Map<string, number>();
  readonly #codes = new Map<string, { readonly caller: Caller; readonly expiresMs: number }>();

  constructor(options: LocalTicketDeskOptions) {
    this.#options = options;
  }

  mintCode(caller: Caller): Promise<string> {
    const { clock, random } = this.#options;
    const nowMs = clock.wallMs();
    for (const [code, { expiresMs }] of this.#codes) if (nowMs >= expiresMs) this.#codes.delete(code);
    if (this.#codes.size >= CODES_MAX) {
      return Promise.reject(new ReticleError('overloaded', 'too many codes wait for their use'));
    }
    const code = base32(random.bytes(RANDOM_ID_BYTES));
    this.#codes.set(code, { caller, expiresMs: nowMs + CODE_MS });
    return Promise.resolve(code);
  }

  spend({ gateway, id, expiresMs }: TicketUse): Promise<boolean> {
    assert(isRandomId(id), 'a ticket has an id of its own');
    const nowMs = this.#options.clock.wallMs();
    this.#forget(nowMs);
    if (!this.#options.serves(gateway) || nowMs >= expiresMs || this.#spent.has(id)) return Promise.resolve(false);
    if (this.#spent.size >= SPENT_MAX) {
      return Promise.reject(new ReticleError('overloaded', 'too many tickets are used at once'));
    }
    this.#spent.set(id, expiresMs);
    return Promise.resolve(true);
  }

  exchange(code: string): Promise<Caller | undefined> {
    const found = this.#codes.get(code);
    this.#codes.delete(code);
    const isGood = found !== undefined && this.#options.clock.wallMs() < found.expiresMs;
    return Promise.resolve(isGood ? found.caller : undefined);
  }

  #forget(nowMs: number): void {
    for (const [id, expiresMs] of this.#spent) {
      if (nowMs < expiresMs) return;
      this.#spent.delete(id);
    }
  }
}
