/** Texts that only who has the key can read or make: base64url(nonce 12 ‖ AES-256-GCM(plain) ‖ tag 16). */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import type { Random } from '@reticle/core/flow';
import { hmacSha256 } from './hmac.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export type Sealing = {
  readonly plain: Uint8Array;
  readonly key: KeyObject;
  readonly random: Random;
  /** What stands before the sealed text in the clear; it opens behind no other one. */
  readonly prefix: string;
};

/** A key of its own for each purpose, so that one secret is never used for two. */
export function sealKey(secret: Uint8Array, purpose: string): KeyObject {
  return createSecretKey(hmacSha256(secret).update(purpose).digest());
}

/** The prefix and the sealed text. */
export function seal({ plain, key, random, prefix }: Sealing): string {
  const nonce = random.bytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(prefix));
  const sealed = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return prefix + sealed.toString('base64url');
}

/** What was sealed behind this prefix; undefined for anything else. */
export function unseal(sealed: string, key: KeyObject, prefix: string): Uint8Array | undefined {
  const bytes = Buffer.from(sealed, 'base64url');
  // The decoder ignores the spare bits of the last character; a sealed text has one spelling.
  if (bytes.length < NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== sealed) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(prefix));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  const plain = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    return Buffer.concat([plain, decipher.final()]);
  } catch {
    // A wrong key, a wrong prefix and a changed byte are one to the caller.
    return undefined;
  }
}
