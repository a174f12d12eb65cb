import { assert, type KeyRecord } from '@reticle/core/domain';

const HMAC = /^[0-9a-f]{64}$/;
const SECRETS_MAX = 2;

/** Key records by id, in memory. A record that breaks its contract is a defect of who wrote it. */
export class KeyStore {
  #records: ReadonlyMap<string, KeyRecord> = new Map();
  readonly #listeners = new Set<() => void>();

  constructor(records: Iterable<KeyRecord> = []) {
    this.replace(records);
  }

  find(id: string): KeyRecord | undefined {
    return this.#records.get(id);
  }

  /** Puts a new set in force at once, and tells the listeners: running streams check their keys again. */
  replace(records: Iterable<KeyRecord>): void {
    const next = new Map<string, KeyRecord>();
    for (const record of records) {
      check(record);
      assert(!next.has(record.id), 'a key id stands once');
      next.set(record.id, record);
    }
    this.#records = next;
    for (const listener of this.#listeners) listener();
  }

  /** Tells every change until the returned function is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function check(record: KeyRecord): void {
  assert(record.hmacs.length > 0 && record.hmacs.length <= SECRETS_MAX, 'a key has one or two secrets');
  assert(
    record.hmacs.every((hmac) => HMAC.test(hmac)),
    'an HMAC is 64 hex digits',
  );
  assert(record.tenant !== '', 'a key belongs to a tenant');
  const { tiers, defaultTier, elsewhere } = record;
  assert(elsewhere !== undefined || tiers.includes(defaultTier), 'the default tier is one of the tiers');
}
