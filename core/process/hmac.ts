import { createHmac, createSecretKey, type Hmac } from 'node:crypto';

/**
 * HMAC-SHA-256 under a key of raw bytes. Node 24 probes raw bytes for being a key object by throwing, which costs five
 * times the HMAC itself; a key object that is made for one call costs 2 µs.
 */
export function hmacSha256(key: Uint8Array): Hmac {
  return createHmac('sha256', createSecretKey(key));
}
