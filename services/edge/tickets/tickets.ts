/**
 * Credentials of pages, which must not hold a key (PROTOCOL §4.1a):
 *
 *     ticket  60 s, used once, opens one WebSocket
 *     pass    12 h, gets further tickets and nothing else
 *
 * Both are sealed with the cell's key, so that no store is needed; both are bound to the page's origin, to the key behind
 * them, and end with it. Invariant: whatever is wrong with one, the answer is the same.
 */
import type { KeyObject } from 'node:crypto';
import { assert, base32, isReticleError, RANDOM_ID_BYTES, ReticleError } from '@reticle/core/domain';
import type { Clock, Random } from '@reticle/core/flow';
import { seal, sealKey, unseal } from '@reticle/core/process';
import type { Caller } from '@reticle/services/stream';
import type { Authenticator } from '../auth/index.ts';
import type { TicketDesk } from './ticket-desk.ts';

export const TICKET_MS = 60_000;
export const PASS_MS = 12 * 60 * 60_000;
/** Of the sealed text; a caller with many models still fits. */
const CHARACTERS_MAX = 4_096;

const PREFIX = { ticket: 'rtt1.', pass: 'rtp1.' } as const;
type Kind = keyof typeof PREFIX;

/** What is sealed. It was checked when it was made, and nobody else can make one. */
type Claims = {
  readonly caller: Caller;
  readonly origin: string;
  readonly gateway: string;
  readonly id: string;
  readonly expiresMs: number;
};

export type TicketsOptions = {
  readonly auth: Pick<Authenticator, 'adopt'>;
  readonly desk: TicketDesk;
  readonly clock: Clock;
  readonly random: Random;
  /** Secrets shared by the gateways of the cell; the first seals. */
  readonly cellKeys: readonly Uint8Array[];
  /** Id of this gateway. */
  readonly gateway: string;
};

export class Tickets {
  readonly #options: TicketsOptions;
  readonly #keys: readonly KeyObject[];

  constructor(options: TicketsOptions) {
    this.#options = options;
    this.#keys = options.cellKeys.map((key) => sealKey(key, 'reticle page credential'));
  }

  /** A ticket for a page of this origin. */
  mint(caller: Caller, origin: string): string {
    return this.#seal('ticket', { caller, origin });
  }

  /** A pass for a page of this origin. */
  mintPass(caller: Caller, origin: string): string {
    return this.#seal('pass', { caller, origin });
  }

  /**
   * Who a ticket speaks for; it is used up.
   *
   * @throws ReticleError `invalid_api_key` for one that is not good, whatever the reason; `key_revoked` when its key is
   */
  async redeem(ticket: string, origin: string): Promise<Caller> {
    const claims = this.#open('ticket', ticket, origin);
    if (!(await this.#options.desk.spend(claims))) throw notValid();
    return this.#adopt(claims.caller);
  }

  /**
   * Who a pass speaks for.
   *
   * @throws ReticleError as {@link redeem}
   */
  admit(pass: string, origin: string): Caller {
    return this.#adopt(this.#open('pass', pass, origin).caller);
  }

  /**
   * Who a one-time code speaks for; it is used up.
   *
   * @throws ReticleError as {@link redeem}
   */
  async exchange(code: string): Promise<Caller> {
    const caller = await this.#options.desk.exchange(code);
    if (caller === undefined) throw notValid();
    return this.#adopt(caller);
  }

  /** A one-time code for whoever has a key. */
  mintCode(caller: Caller): Promise<string> {
    return this.#options.desk.mintCode(caller);
  }

  #seal(kind: Kind, { caller, origin }: Pick<Claims, 'caller' | 'origin'>): string {
    const { clock, random, gateway } = this.#options;
    const [key] = this.#keys;
    assert(key !== undefined, 'a gateway has a cell key');
    const claims: Claims = {
      caller,
      origin,
      gateway,
      id: base32(random.bytes(RANDOM_ID_BYTES)),
      expiresMs: clock.wallMs() + (kind === 'ticket' ? TICKET_MS : PASS_MS),
    };
    const sealed = seal({ plain: Buffer.from(JSON.stringify(claims)), key, random, prefix: PREFIX[kind] });
    if (sealed.length <= CHARACTERS_MAX) return sealed;
    throw new ReticleError('request_too_large', 'the key names too many models for a page');
  }

  #open(kind: Kind, text: string, origin: string): Claims {
    const prefix = PREFIX[kind];
    if (text.length > CHARACTERS_MAX || !text.startsWith(prefix)) throw notValid();
    const sealed = text.slice(prefix.length);
    const plain = this.#keys.map((key) => unseal(sealed, key, prefix)).find((each) => each !== undefined);
    if (plain === undefined) throw notValid();
    const claims = JSON.parse(Buffer.from(plain).toString()) as Claims;
    if (claims.origin !== origin || this.#options.clock.wallMs() >= claims.expiresMs) throw notValid();
    return claims;
  }

  #adopt(caller: Caller): Caller {
    try {
      this.#options.auth.adopt(caller);
    } catch (error) {
      if (isReticleError(error) && error.code === 'invalid_api_key') throw notValid();
      throw error;
    }
    return caller;
  }
}

/** One answer for what is expired, used, foreign, forged or malformed. */
export function notValid(): ReticleError {
  return new ReticleError('invalid_api_key', 'no valid ticket, pass or code was given');
}

/** Sub-protocol under which a browser carries its ticket: it cannot send headers (PROTOCOL §4.3). */
const SUBPROTOCOL = 'reticle-ticket.';

/** The ticket among the sub-protocols that a request offers; undefined when there is none, '' when there are several. */
export function ticketOf(subprotocols: string | undefined): string | undefined {
  const offered = (subprotocols ?? '').split(',').map((each) => each.trim());
  const tickets = offered.filter((each) => each.startsWith(SUBPROTOCOL));
  if (tickets.length === 0) return undefined;
  return tickets.length === 1 ? tickets[0]?.slice(SUBPROTOCOL.length) : '';
}
