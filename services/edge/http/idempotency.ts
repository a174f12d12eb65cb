import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ReticleError } from '@reticle/core/domain';
import { KeyedDedup, type Clock } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';
import type { Caller } from '@reticle/services/stream';
import type { ServedResponse } from '../openai/responses.ts';
import { failureOf, settled } from './served-turn.ts';

/** Keys of one tenant that are remembered; the least recently used is forgotten first. */
const KEYS_MAX = 1_000;
const KEY = /^[\x21-\x7e]{1,255}$/;

type Turns = readonly ServedResponse[];
type Remembered = { readonly digest: string; readonly turns: Promise<Turns> };

/** A request that may be repeated. */
export type Repeatable = {
  readonly request: IncomingMessage;
  readonly caller: Caller;
  /** The body as it came: a repeat is equal to the byte. */
  readonly body: string;
};

/** The turns that answer a request; `forget` lets its key start others. */
export type Answering = { readonly turns: Turns; readonly isRepeat: boolean; readonly forget: () => void };

/**
 * `Idempotency-Key` (PROTOCOL §4.1): a request with a known key and the same body is answered by the turns that the
 * first one started. A key is remembered while its turns run and as long as the service replays them; one whose turns
 * failed, or were cut because their client left, is free again, so that a retry gets an answer and not a fragment.
 */
export class Idempotency {
  readonly #clock: Clock;
  readonly #tenants = new Map<string, KeyedDedup<string, Remembered>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws ReticleError `idempotency_conflict` for a known key with another body, and what `start` throws */
  async once({ request, caller, body }: Repeatable, start: () => Promise<Turns>): Promise<Answering> {
    const key = keyOf(request);
    if (key === undefined) return { turns: await start(), isRepeat: false, forget: () => {} };
    const digest = createHash('sha256').update(body).digest('base64url');
    const known = this.#tenants.get(caller.tenant)?.get(key);
    if (known === undefined) return this.#first({ tenant: caller.tenant, key, digest }, start);
    if (known.digest !== digest) {
      throw new ReticleError('idempotency_conflict', 'this key was used with another body', {
        param: 'Idempotency-Key',
      });
    }
    return { turns: await known.turns, isRepeat: true, forget: () => {} };
  }

  async #first(
    { tenant, key, digest }: { readonly tenant: string; readonly key: string; readonly digest: string },
    start: () => Promise<Turns>,
  ): Promise<Answering> {
    const keys = this.#keysOf(tenant);
    const remembered = { digest, turns: start() };
    const forget = (): void => {
      if (keys.get(key) !== remembered) return;
      keys.delete(key);
      if (keys.size === 0 && this.#tenants.get(tenant) === keys) this.#tenants.delete(tenant);
    };
    keys.set(key, remembered);
    try {
      const turns = await remembered.turns;
      void this.#forgetLater(turns, forget);
      return { turns, isRepeat: false, forget };
    } catch (error) {
      forget();
      throw error;
    }
  }

  #keysOf(tenant: string): KeyedDedup<string, Remembered> {
    let keys = this.#tenants.get(tenant);
    if (keys === undefined) this.#tenants.set(tenant, (keys = new KeyedDedup(KEYS_MAX)));
    return keys;
  }

  async #forgetLater(turns: Turns, forget: () => void): Promise<void> {
    const records = turns.map(({ record }) => record);
    await settled(records);
    if (failureOf(records) === undefined) this.#clock.after(limits.ringKeepMs, forget);
    else forget();
  }
}

/** @throws ReticleError `invalid_request` for a key that is doubled, empty, too long or no plain text */
function keyOf(request: IncomingMessage): string | undefined {
  const given = request.headersDistinct['idempotency-key'];
  if (given === undefined) return undefined;
  const [key] = given;
  if (given.length > 1 || key === undefined || !KEY.test(key)) {
    throw new ReticleError('invalid_request', 'the key is one text of 1 to 255 visible characters', {
      param: 'Idempotency-Key',
    });
  }
  return `${request.url ?? ''} ${key}`;
}
