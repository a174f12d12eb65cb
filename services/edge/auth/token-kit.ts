/** Signing keys and tokens of issuers that exist in tests alone. */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import type { IssuerSpec, JwtAlgorithm } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';

export type SigningKey = {
  readonly kid: string;
  readonly algorithm: SignedWith;
  readonly privateKey: KeyObject;
  readonly jwk: object;
};
export type SignedWith = Extract<JwtAlgorithm, 'RS256' | 'PS384' | 'ES256' | 'ES512' | 'EdDSA'>;

export function signingKey(algorithm: SignedWith, kid: string, modulusLength = 2_048): SigningKey {
  const { privateKey, publicKey } = pairOf(algorithm, modulusLength);
  return { kid, algorithm, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' } };
}

function pairOf(algorithm: SignedWith, modulusLength: number): { privateKey: KeyObject; publicKey: KeyObject } {
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519');
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  if (algorithm === 'ES512') return generateKeyPairSync('ec', { namedCurve: 'P-521' });
  return generateKeyPairSync('rsa', { modulusLength });
}

const hashes = { RS256: 'sha256', PS384: 'sha384', ES256: 'sha256', ES512: 'sha512', EdDSA: null } as const;
const RSA_PSS = 6;
/** As long as the digest. */
const PSS_SALT = -1;

/** Signs what stands there, whatever it says. */
export function signed({ algorithm, privateKey }: SigningKey, header: object, payload: object): string {
  const body = `${encoded(header)}.${encoded(payload)}`;
  const pss = algorithm === 'PS384' ? { padding: RSA_PSS, saltLength: PSS_SALT } : {};
  const input = { key: privateKey, dsaEncoding: 'ieee-p1363' as const, ...pss };
  return `${body}.${sign(hashes[algorithm], Buffer.from(body), input).toString('base64url')}`;
}

export function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

export type TokenParts = { readonly header: object; readonly payload: object };

/** Header and claims that are accepted, an hour long. */
export function goodParts(
  { kid }: Pick<SigningKey, 'kid'>,
  { algorithm, issuer, audience }: IssuerSpec,
  clock: Pick<Clock, 'wallMs'>,
): TokenParts {
  const nowS = Math.floor(clock.wallMs() / 1_000);
  return {
    header: { alg: algorithm, typ: 'JWT', kid },
    payload: { iss: issuer, aud: audience, sub: 'someone', nbf: nowS, exp: nowS + 3_600, tenant: 'acme' },
  };
}
