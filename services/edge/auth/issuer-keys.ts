import { assert, JWKS_URL, type IssuerSpec } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { errorFields, type Logger, type Net } from '@reticle/core/process';
import { readKeySet, type KeySet, type SetKey } from './key-set.ts';

export type IssuerKeysOptions = {
  readonly spec: Pick<IssuerSpec, 'issuer' | 'jwksUrl' | 'algorithm'>;
  readonly net: Pick<Net, 'getText'>;
  readonly clock: Clock;
  readonly log: Logger;
};

const DOCUMENT = { bytesMax: 256 * 1_024, timeoutMs: 5_000 } as const;
export const REFRESH_MS = 5 * 60_000;
/** After a failure; also the least time between two reads, whatever tokens ask for. */
export const RETRY_MS = 30_000;
/** PROMISES §5.1: an issuer that is out of reach is believed for so long. */
export const BELIEVED_MS = 24 * 3_600_000;
/** A token whose key is looked for waits for so long: a rotation then refuses nobody. */
export const WAIT_MS = 2_000;
const WAITING_MAX = 1_000;
const ABSENT_MAX = 256;
/** Another `kid` can be found, but asks nobody: paths and the like. */
const PLAIN_KID = /^[A-Za-z0-9_.:=+@-]{1,128}$/;

/**
 * Signing keys of one issuer, read in the background.
 *
 * Invariants
 * 1. One read at a time, and none sooner than `RETRY_MS` after the last one began.
 * 2. A `kid` that a read did not find asks for no other read before the next regular one (negative cache).
 * 3. Keys older than `BELIEVED_MS` prove nothing.
 */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  readonly #listeners = new Set<() => void>();
  /** When the next read may ask for a `kid` that was not there. */
  readonly #absent = new Map<string, number>();
  #keys: KeySet = new Map();
  #readMs: number | undefined;
  #beganMs: number | undefined;
  #reading: Promise<void> | undefined;
  #cancel = (): void => {};
  #waiting = 0;
  #isStopped = false;

  constructor(options: IssuerKeysOptions) {
    assert(JWKS_URL.test(options.spec.jwksUrl), 'keys are read over HTTPS, or from this machine');
    this.#options = options;
  }

  /** Reads for the first time; resolves whether that works or not, within the time of one read. */
  start(): Promise<void> {
    return this.#read();
  }

  /** Resolves when no read is under way. */
  async settled(): Promise<void> {
    await this.#reading;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** The key of a `kid` that a token names. One that is unknown is looked for in the background. */
  find(kid: string): SetKey | undefined {
    const key = this.#believed().get(kid);
    if (key === undefined) this.#lookFor(kid);
    return key;
  }

  /**
   * While a read is under way that may bring an unknown `kid`: resolves when that is over, and at the latest after
   * `WAIT_MS`. Undefined: nothing is to be waited for.
   */
  wait(kid: string): Promise<void> | undefined {
    const isOpen = this.find(kid) === undefined && this.#mayCome(kid) && this.#waiting < WAITING_MAX;
    if (!isOpen || this.#reading === undefined) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(WAIT_MS, resolve);
    this.#waiting += 1;
    void this.#reading.then(resolve);
    return promise.finally(() => {
      cancel();
      this.#waiting -= 1;
    });
  }

  /** Whether a `kid` still stands for the key with this print. */
  holds(kid: string, print: string): boolean {
    return this.#believed().get(kid)?.print === print;
  }

  /** Tells every change of the keys until the returned function is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #believed(): KeySet {
    const isBelieved = this.#readMs !== undefined && this.#options.clock.nowMs() - this.#readMs < BELIEVED_MS;
    return isBelieved ? this.#keys : NO_KEYS;
  }

  #lookFor(kid: string): void {
    const nowMs = this.#options.clock.nowMs();
    const isAllowed = this.#beganMs === undefined || nowMs - this.#beganMs >= RETRY_MS;
    if (isAllowed && this.#mayCome(kid)) void this.#read(kid);
  }

  #mayCome(kid: string): boolean {
    const nowMs = this.#options.clock.nowMs();
    return PLAIN_KID.test(kid) && nowMs >= (this.#absent.get(kid) ?? nowMs);
  }

  #read(wanted?: string): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    this.#reading ??= this.#readOnce(wanted).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOnce(wanted: string | undefined): Promise<void> {
    const { spec, net, clock, log } = this.#options;
    this.#cancel();
    this.#beganMs = clock.nowMs();
    let nextMs = RETRY_MS;
    try {
      this.#take(readKeySet(await net.getText(spec.jwksUrl, DOCUMENT), spec.algorithm));
      if (wanted !== undefined && !this.#keys.has(wanted)) this.#noteAbsent(wanted);
      nextMs = REFRESH_MS;
    } catch (error) {
      log.warn('the signing keys of an issuer could not be read', { object: spec.issuer, ...errorFields(error) });
    }
    if (!this.#isStopped) this.#cancel = clock.after(nextMs, () => void this.#read());
  }

  #take(keys: KeySet): void {
    const before = this.#keys;
    const isSame = before.size === keys.size && [...keys].every(([kid, { print }]) => before.get(kid)?.print === print);
    this.#keys = keys;
    this.#readMs = this.#options.clock.nowMs();
    for (const kid of keys.keys()) this.#absent.delete(kid);
    if (isSame) return;
    if (keys.size === 0) this.#options.log.warn('an issuer has no usable key', { object: this.#options.spec.issuer });
    for (const listener of this.#listeners) listener();
  }

  #noteAbsent(kid: string): void {
    const [oldest] = this.#absent.keys();
    if (this.#absent.size >= ABSENT_MAX && oldest !== undefined) this.#absent.delete(oldest);
    this.#absent.set(kid, this.#options.clock.nowMs() + REFRESH_MS);
  }
}

const NO_KEYS: KeySet = new Map();
