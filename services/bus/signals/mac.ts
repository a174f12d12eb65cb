import { timingSafeEqual } from 'node:crypto';
import { hmacSha256 } from '@reticle/core/process';

/** Bytes of an HMAC-SHA-256 that travel (PROTOCOL §3). */
export const MAC_BYTES = 16;

/** What the authenticated bytes are, so that one never passes for another. */
export const MacKind = { signal: 0, ack: 1 } as const;

/** First 16 bytes of HMAC-SHA-256(key, subject ‖ kind ‖ bytes). */
export function macOf(key: Uint8Array, subject: string, kind: 0 | 1, bytes: Uint8Array): Uint8Array {
  const digest = hmacSha256(key).update(subject).update(Uint8Array.of(kind)).update(bytes).digest();
  return digest.subarray(0, MAC_BYTES);
}

/** First 16 bytes of HMAC-SHA-256(key, label ‖ text). */
export function tagOf(key: Uint8Array, label: string, text: string): Uint8Array {
  return hmacSha256(key).update(label).update(text).digest().subarray(0, MAC_BYTES);
}

/** Equality in constant time for equal lengths. */
export function sameMac(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
