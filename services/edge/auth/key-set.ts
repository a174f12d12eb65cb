/** Public keys of an issuer as it publishes them (RFC 7517 §5). */
import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { JwtAlgorithm } from '@reticle/core/domain';
import { fieldOf, type JsonObject } from './signed-token.ts';

/** A key, and what stands for it where the key itself cannot go. */
export type SetKey = { readonly key: KeyObject; readonly print: string };
export type KeySet = ReadonlyMap<string, SetKey>;

const KEYS_MAX = 100;
const RSA_BITS_MIN = 2_048;
/** Checking a signature of a larger key would hold up every other connection. */
const RSA_BITS_MAX = 8_192;
const RSA_EXPONENT_MAX = 0xffff_ffffn;

type Family = {
  readonly kty: string;
  /** OpenSSL's name of the curve stands beside JOSE's, which a key object does not tell. */
  readonly crv?: string;
};

const families: Readonly<Record<JwtAlgorithm, Family>> = {
  RS256: { kty: 'RSA' },
  RS384: { kty: 'RSA' },
  RS512: { kty: 'RSA' },
  PS256: { kty: 'RSA' },
  PS384: { kty: 'RSA' },
  PS512: { kty: 'RSA' },
  ES256: { kty: 'EC', crv: 'P-256' },
  ES384: { kty: 'EC', crv: 'P-384' },
  ES512: { kty: 'EC', crv: 'P-521' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
};

/** Members that make a public key; `d` and its kind are never looked at, nor are addresses of other keys. */
const PUBLIC_MEMBERS = ['kty', 'crv', 'n', 'e', 'x', 'y'] as const;

/**
 * The keys of a document that can check one algorithm, by `kid`. Keys of other kinds and purposes, weak ones and those
 * whose `kid` stands twice are left out.
 *
 * @throws Error for what is no key set
 */
export function readKeySet(text: string, algorithm: JwtAlgorithm): KeySet {
  const document: unknown = JSON.parse(text);
  const keys = isObject(document) ? fieldOf(document, 'keys') : undefined;
  if (!Array.isArray(keys) || keys.length > KEYS_MAX) throw new Error('the document is no key set');
  const named = (keys as unknown[]).flatMap((each) => {
    const key = isObject(each) && isMeantFor(each, algorithm) ? importKey(each, algorithm) : undefined;
    return key === undefined ? [] : [[kidOf(each), { key, print: printOf(key) }] as const];
  });
  return onlyUnique(named);
}

function printOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}

function onlyUnique(named: readonly (readonly [kid: string | undefined, key: SetKey])[]): KeySet {
  const times = Map.groupBy(named, ([kid]) => kid);
  const found = new Map<string, SetKey>();
  for (const [kid, key] of named) if (kid !== undefined && times.get(kid)?.length === 1) found.set(kid, key);
  return found;
}

function kidOf(jwk: unknown): string | undefined {
  const kid = isObject(jwk) ? fieldOf(jwk, 'kid') : undefined;
  return typeof kid === 'string' ? kid : undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isMeantFor(jwk: JsonObject, algorithm: JwtAlgorithm): boolean {
  const { kty, crv } = families[algorithm];
  const operations = fieldOf(jwk, 'key_ops') ?? ['verify'];
  return (
    fieldOf(jwk, 'kty') === kty &&
    (crv === undefined || fieldOf(jwk, 'crv') === crv) &&
    (fieldOf(jwk, 'use') ?? 'sig') === 'sig' &&
    (fieldOf(jwk, 'alg') ?? algorithm) === algorithm &&
    Array.isArray(operations) &&
    operations.includes('verify')
  );
}

function importKey(jwk: JsonObject, algorithm: JwtAlgorithm): KeyObject | undefined {
  const members = PUBLIC_MEMBERS.map((name) => [name, fieldOf(jwk, name)] as const);
  const given = Object.fromEntries(members.filter(([, value]) => value !== undefined));
  let key: KeyObject;
  try {
    key = createPublicKey({ key: given as JsonWebKey, format: 'jwk' });
  } catch {
    // A point that is not on the curve, a member that is missing or no number.
    return undefined;
  }
  if (families[algorithm].kty !== 'RSA') return key;
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  const isFit = modulusLength >= RSA_BITS_MIN && modulusLength <= RSA_BITS_MAX && publicExponent <= RSA_EXPONENT_MAX;
  return isFit && publicExponent > 2n ? key : undefined;
}
