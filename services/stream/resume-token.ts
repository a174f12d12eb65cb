/**
 * Resume tokens (PROTOCOL §7): `rtr1.<region>.<kid>.` + base64url(nonce 12 ‖ AES-256-GCM(ResumeToken) ‖ tag 16)
 * with the clear prefix as additional data. Self-contained, so that resume needs no store.
 *
 * Check order of {@link ResumeTokens.open}: size and form, region, key id, decryption, tenant, expiry.
 */
import { timingSafeEqual, type KeyObject } from 'node:crypto';
import {
  assert,
  base32,
  fromBase32,
  isRandomId,
  isRegion,
  ReticleError,
  tierNumber,
  tierOfNumber,
} from '@reticle/core/domain';
import { KeyedDedup, type Clock, type Random } from '@reticle/core/flow';
import { hmacSha256, seal, sealKey, unseal } from '@reticle/core/process';
import { limits } from '@reticle/proto/contract';
import type { ResumeToken, ResumeToken__Input } from '@reticle/proto/gen/engine/v1/ResumeToken';
import { messageCodec } from '@reticle/proto/load';
import type { ResumeClaims, ResumeTokens } from './resume-claims.ts';

export type ResumeKey = {
  /** `[a-z0-9]{1,16}`; travels in the clear. */
  readonly kid: string;
  /** 32 bytes, shared by the gateways of a cell. */
  readonly key: Uint8Array;
};

export type ResumeTokenOptions = {
  readonly region: string;
  /** The first mints; all of them open. Two overlap while a key is rotated. */
  readonly keys: readonly [ResumeKey, ...ResumeKey[]];
  readonly clock: Clock;
  readonly random: Random;
};

const KID = /^[a-z0-9]{1,16}$/;
const FORM = /^rtr1\.([^.]+)\.([^.]+)\.([A-Za-z0-9_-]+)$/;
const KEY_BYTES = 32;
const TENANT_TAG_BYTES = 16;
const HOLDER_BYTES = 8;
/** Tenants whose tags are kept; a tag is made again for a few microseconds. */
const TAGS_MAX = 1_024;

/** The one answer for a session that does not exist and for one of another tenant. */
export function unknownSession(): ReticleError {
  return new ReticleError('session_not_found', 'the session is not known');
}

type CellKey = {
  readonly kid: string;
  readonly cipher: KeyObject;
  readonly tenant: Uint8Array;
  readonly tags: KeyedDedup<string, Uint8Array>;
};

/** Mints and opens the tokens of one cell. Keys and region are checked here; a bad one is a defect. */
export function createResumeTokens(options: ResumeTokenOptions): ResumeTokens {
  const { region, clock, random } = options;
  assert(isRegion(region), 'a resume token names a region');
  const codec = messageCodec<ResumeToken__Input, ResumeToken>('reticle.engine.v1.ResumeToken');
  const keys = new Map(options.keys.map((each) => [each.kid, cellKey(each)]));
  const minting = cellKey(options.keys[0]);
  return {
    mint(claims) {
      const prefix = `rtr1.${region}.${minting.kid}.`;
      const plain = codec.encode(toMessage(claims, minting));
      const token = seal({ plain, key: minting.cipher, random, prefix });
      assert(token.length <= limits.resumeTokenBytesMax, 'a resume token fits its limit');
      return token;
    },
    open(token, tenant) {
      const { home, kid, sealed } = split(token);
      if (home !== region) {
        throw new ReticleError('residency_violation', 'the session lives in another region', {
          details: { allowed_regions: home },
        });
      }
      const key = keys.get(kid);
      if (key === undefined) throw invalid();
      const plain = unseal(sealed, key.cipher, `rtr1.${home}.${kid}.`);
      if (plain === undefined) throw invalid();
      const message = codec.decode(plain);
      if (!sameBytes(message.tenantTag, tenantTag(key, tenant))) throw unknownSession();
      if (clock.wallMs() >= message.expiresS * 1_000) {
        throw new ReticleError('resume_expired', 'the resume token has expired');
      }
      return toClaims(message, tenant);
    },
  };
}

/** The parts of a token of sane size and form, none of them proven yet. */
function split(token: string): { readonly home: string; readonly kid: string; readonly sealed: string } {
  if (token.length > limits.resumeTokenBytesMax) throw invalid();
  const [, home, kid, sealed] = FORM.exec(token) ?? [];
  if (home === undefined || kid === undefined || sealed === undefined || !isRegion(home)) throw invalid();
  return { home, kid, sealed };
}

function cellKey({ kid, key }: ResumeKey): CellKey {
  assert(KID.test(kid), 'a key id is short and lower case');
  assert(key.length === KEY_BYTES, 'a resume key has 32 bytes');
  // Keys of their own, so that one secret is never used for two purposes: the cell's keys sign signals as well.
  const tenant = hmacSha256(key).update('reticle resume token: tenant').digest();
  return { kid, cipher: sealKey(key, 'reticle resume token: cipher'), tenant, tags: new KeyedDedup(TAGS_MAX) };
}

/** The tenant's name stays out of the token; equal tenants have equal tags under one key. */
function tenantTag({ tenant: key, tags }: CellKey, tenant: string): Uint8Array {
  const known = tags.get(tenant);
  if (known !== undefined) return known;
  const tag = hmacSha256(key).update(tenant).digest().subarray(0, TENANT_TAG_BYTES);
  tags.set(tenant, tag);
  return tag;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function invalid(): ReticleError {
  return new ReticleError('invalid_resume_token', 'the resume token is not valid');
}

function toMessage(claims: ResumeClaims, key: CellKey): ResumeToken__Input {
  assert(isRandomId(claims.sessionId), 'a session id is 26 base32 characters');
  assert(claims.holder.length === HOLDER_BYTES, 'a holder has 8 bytes');
  return {
    tenantTag: tenantTag(key, claims.tenant),
    sessionId: fromBase32(claims.sessionId) ?? new Uint8Array(),
    holder: claims.holder,
    epoch: claims.epoch,
    engineId: claims.engineId,
    address: claims.address,
    replicaEpoch: claims.replicaEpoch,
    digestPrefix: digestBytes(claims.modelDigest),
    tier: tierNumber(claims.tier) as 1 | 2 | 3 | 4,
    expiresS: Math.ceil(claims.expiresMs / 1_000),
    gateway: claims.gateway,
  };
}

function toClaims(message: ResumeToken, tenant: string): ResumeClaims {
  const tier = tierOfNumber(message.tier);
  assert(tier !== undefined, 'a token of our own names a tier');
  return {
    tenant,
    sessionId: base32(message.sessionId),
    holder: new Uint8Array(message.holder),
    epoch: message.epoch,
    engineId: message.engineId,
    address: message.address,
    replicaEpoch: message.replicaEpoch,
    modelDigest: digestText(message.digestPrefix),
    tier,
    expiresMs: message.expiresS * 1_000,
    gateway: message.gateway,
  };
}

const SHA256_TEXT = /^sha256:[0-9a-f]{64}$/;
const SHA256_BYTES = 32;
/** Marks a digest that is not the usual form and stands as text. */
const TEXT_MARK = 0;

/** `sha256:<hex>` as its 32 bytes, any other text behind a zero byte and of a length that is not 32. */
function digestBytes(digest: string): Uint8Array {
  if (SHA256_TEXT.test(digest)) return Buffer.from(digest.slice('sha256:'.length), 'hex');
  const text = Buffer.from(digest, 'utf8');
  const padding = text.length + 1 === SHA256_BYTES ? 2 : 1;
  return Buffer.concat([Buffer.alloc(padding, TEXT_MARK), text]);
}

function digestText(bytes: Uint8Array): string {
  if (bytes.length === SHA256_BYTES) return `sha256:${Buffer.from(bytes).toString('hex')}`;
  const start = bytes.findIndex((byte) => byte !== TEXT_MARK);
  return start < 0 ? '' : Buffer.from(bytes.subarray(start)).toString('utf8');
}
