/**
 * API keys `rtk_<env>_<id8>_<secret43>_<crc6>` (PROMISES §5.1). The id finds the record, the secret proves
 * it, and the checksum lets a mistyped or truncated key be refused before any lookup.
 */
import { crc32 } from 'node:zlib';
import { assert } from '@reticle/core/domain';
import type { Random } from '@reticle/core/flow';
import { hmacSha256 } from '@reticle/core/process';
import { base62 } from './base62.ts';

export type ApiKeyParts = { readonly env: string; readonly id: string; readonly secret: string };

const FORM = /^rtk_([a-z0-9]{1,16})_([0-9A-Za-z]{8})_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})$/;
const ENV = /^[a-z0-9]{1,16}$/;
const ID_CHARACTERS = 8;
const ID_BYTES = 5;
const SECRET_CHARACTERS = 43;
const SECRET_BYTES = 32;
const CHECKSUM_CHARACTERS = 6;

/** A fresh key. The text is shown once; what is stored is {@link hmacOfSecret}. */
export function mintApiKey(random: Random, env: string): ApiKeyParts & { readonly key: string } {
  assert(ENV.test(env), 'the environment of a key is lower case');
  const id = base62(random.bytes(ID_BYTES), ID_CHARACTERS);
  return { ...mintSecret(random, env, id), env, id };
}

/** A second secret for a key id, for rotation. */
export function mintSecret(random: Random, env: string, id: string): { readonly key: string; readonly secret: string } {
  const secret = base62(random.bytes(SECRET_BYTES), SECRET_CHARACTERS);
  const body = `rtk_${env}_${id}_${secret}`;
  return { key: `${body}_${checksum(body)}`, secret };
}

/** The parts of a key whose form and checksum hold; undefined for anything else. Says nothing of its validity. */
export function parseApiKey(text: string): ApiKeyParts | undefined {
  const [, env, id, secret, crc] = FORM.exec(text) ?? [];
  if (env === undefined || id === undefined || secret === undefined) return undefined;
  return crc === checksum(text.slice(0, text.lastIndexOf('_'))) ? { env, id, secret } : undefined;
}

/** HMAC-SHA-256(pepper, secret): what a store holds instead of the secret. */
export function hmacOfSecret(pepper: Uint8Array, secret: string): Uint8Array {
  return hmacSha256(pepper).update(secret).digest();
}

function checksum(body: string): string {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, crc32(body));
  return base62(bytes, CHECKSUM_CHARACTERS);
}
