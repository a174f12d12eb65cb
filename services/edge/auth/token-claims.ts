/** What a token says and what its issuer may say (RFC 7519, RFC 8725). Nothing here is proved: the signature is. */
import { createHash } from 'node:crypto';
import { isTier, tiers, type IssuerSpec, type Tier } from '@reticle/core/domain';
import { fieldOf, type JsonObject, type SignedToken } from './signed-token.ts';

export type TokenClaims = {
  readonly kid: string;
  readonly expiresMs: number;
  readonly tenant: string;
  /** Stands for the subject, which may be a person's name. */
  readonly keyId: string;
  /** Fastest first; undefined: every one of the tenant's. */
  readonly tiers: readonly Tier[] | undefined;
  /** Empty: all. */
  readonly models: readonly string[];
};

/** Clocks of issuers may be ahead by so much. The end of a token is its end. */
const LEEWAY_MS = 30_000;

const TYPES = /^(application\/)?(at\+)?jwt$/i;
const NAMES_MAX = 64;
const NAME_CHARACTERS_MAX = 256;

/** Undefined for a token that this issuer's tokens may not look like, or whose time is not now. */
export function readClaims(
  { header, payload }: SignedToken,
  spec: IssuerSpec,
  wallMs: number,
): TokenClaims | undefined {
  const kid = kidOf(header, spec);
  const expiresMs = timeOf(payload, 'exp');
  const notBeforeMs = timeOf(payload, 'nbf');
  if (kid === undefined || expiresMs === undefined || notBeforeMs === undefined) return undefined;
  if (wallMs >= expiresMs || wallMs + LEEWAY_MS < notBeforeMs) return undefined;
  if (fieldOf(payload, 'iss') !== spec.issuer || !isFor(payload, spec.audience)) return undefined;
  const rights = rightsOf(payload, spec.claims);
  return rights && { kid, expiresMs, keyId: keyIdOf(payload, spec), ...rights };
}

/** `jku`, `jwk`, `x5u` and `x5c` are not looked at; an extension that must be understood is not (RFC 7515 §4.1.11). */
function kidOf(header: JsonObject, { algorithm }: IssuerSpec): string | undefined {
  const kid = fieldOf(header, 'kid');
  const type = fieldOf(header, 'typ');
  if (fieldOf(header, 'alg') !== algorithm || fieldOf(header, 'crit') !== undefined) return undefined;
  if (typeof type !== 'string' || !TYPES.test(type)) return undefined;
  return typeof kid === 'string' && kid !== '' ? kid : undefined;
}

function timeOf(payload: JsonObject, name: string): number | undefined {
  const seconds = fieldOf(payload, name);
  const ms = typeof seconds === 'number' ? seconds * 1_000 : Number.NaN;
  return ms >= 0 && ms <= Number.MAX_SAFE_INTEGER ? ms : undefined;
}

function isFor(payload: JsonObject, audience: string): boolean {
  const given = fieldOf(payload, 'aud');
  return Array.isArray(given) ? given.includes(audience) : given === audience;
}

type Rights = Pick<TokenClaims, 'tenant' | 'tiers' | 'models'>;

/** A claim that the issuer's configuration names must be there: a token without it has fewer rights, not more. */
function rightsOf(payload: JsonObject, names: IssuerSpec['claims']): Rights | undefined {
  const tenant = fieldOf(payload, names.tenant);
  const allowed = names.tiers === undefined ? undefined : tiersOf(fieldOf(payload, names.tiers));
  const models = names.models === undefined ? [] : someOf(wordsOf(fieldOf(payload, names.models)));
  if (typeof tenant !== 'string' || models === undefined) return undefined;
  return names.tiers !== undefined && allowed === undefined ? undefined : { tenant, tiers: allowed, models };
}

/** A list allows exactly its tiers; a word is the highest tier (ADMISSION §2) and allows those below it too. */
function tiersOf(claim: unknown): readonly Tier[] | undefined {
  if (typeof claim === 'string') return isTier(claim) ? tiers.slice(tiers.indexOf(claim)) : undefined;
  const words = wordsOf(claim);
  return words && someOf(tiers.filter((tier) => words.includes(tier)));
}

/** An empty list would mean all. */
function someOf<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list?.length === 0 ? undefined : list;
}

/** A list of words, or words with a space between them, as `scope` has. */
function wordsOf(claim: unknown): readonly string[] | undefined {
  const words: unknown = typeof claim === 'string' ? claim.split(' ').filter((word) => word !== '') : claim;
  if (!Array.isArray(words) || words.length > NAMES_MAX) return undefined;
  const isWord = (word: unknown): word is string =>
    typeof word === 'string' && word !== '' && word.length <= NAME_CHARACTERS_MAX;
  return words.every(isWord) ? words : undefined;
}

function keyIdOf(payload: JsonObject, { issuer }: IssuerSpec): string {
  const subject = fieldOf(payload, 'sub');
  const hash = createHash('sha256').update(JSON.stringify([issuer, subject ?? null]));
  return `jwt-${hash.digest('base64url').slice(0, 22)}`;
}
