import { timingSafeEqual } from 'node:crypto';
import { ReticleError, type KeyRecord } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import type { Caller } from '@reticle/services/stream';
import { hmacOfSecret, parseApiKey } from './api-key.ts';
import type { BearerAuthenticator } from './authenticator.ts';
import type { KeyStore } from './key-store.ts';
import { keepsRights } from './rights.ts';
import { servedElsewhere } from './tenant-store.ts';

export type ApiKeyOptions = {
  readonly keys: KeyStore;
  /** Secret of the deployment; a stolen store alone proves nothing. */
  readonly pepper: Uint8Array;
  readonly clock: Clock;
};

/** Compared when the id is unknown, so that an unknown id costs what a wrong secret costs. */
const NO_HMAC = new Uint8Array(32);

/** Bearers that begin with `rtk_`. */
export function apiKeyAuthenticator({ keys, pepper, clock }: ApiKeyOptions): BearerAuthenticator {
  const usable = (record: KeyRecord): boolean =>
    record.revoked !== true && (record.notAfterMs === undefined || clock.wallMs() < record.notAfterMs);
  return {
    recognises: (bearer) => bearer.startsWith('rtk_'),
    authenticate(bearer) {
      const parts = parseApiKey(bearer);
      if (parts === undefined) return undefined;
      const record = keys.find(parts.id);
      const proof = hmacOfSecret(pepper, parts.secret);
      if (!matches(proof, record) || record === undefined) return undefined;
      if (!usable(record)) throw revoked();
      if (record.elsewhere !== undefined) throw servedElsewhere(record.elsewhere, record.regions);
      return callerOf(record);
    },
    check(caller) {
      const record = keys.find(caller.keyId);
      const holds = record?.tenant === caller.tenant && usable(record) && keepsRights(caller, record);
      if (!holds) throw revoked();
    },
    owns: ({ keyId, tenant }) => keys.find(keyId)?.tenant === tenant,
    listen: (listener) => keys.listen(listener),
  };
}

/** Looks at every secret, whatever the first one says. */
function matches(proof: Uint8Array, record: KeyRecord | undefined): boolean {
  const known = record === undefined ? [NO_HMAC] : record.hmacs.map((hmac) => Buffer.from(hmac, 'hex'));
  return known.map((each) => timingSafeEqual(proof, each)).includes(true) && record !== undefined;
}

function revoked(): ReticleError {
  return new ReticleError('key_revoked', 'the API key was revoked or has expired');
}

/** Who speaks with a key. */
export function callerOf(record: KeyRecord): Caller {
  return {
    tenant: record.tenant,
    keyId: record.id,
    models: record.models,
    tiers: record.tiers,
    defaultTier: record.defaultTier,
    ...(record.tierModels === undefined ? {} : { tierModels: record.tierModels }),
  };
}
