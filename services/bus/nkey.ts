import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { base32, fromBase32 } from '@reticle/core/domain';

/** Bytes of randomness in a component's key. */
export const NKEY_SEED_BYTES = 32;

/** A component's key to NATS. The seed is a secret: files and pipes only, never an argument or a log. */
export type ComponentNkey = {
  /** `U…`: what the server's configuration names. */
  readonly publicKey: string;
  /** `SU…`: what the component signs the server's challenge with. */
  readonly seed: string;
};

/** A seed that was read. */
export type NkeySigner = {
  readonly publicKey: string;
  /** Ed25519. */
  sign(challenge: Uint8Array): Uint8Array;
};

const PREFIX_SEED = 144;
const PREFIX_USER = 160;
/** The two bytes before a user's seed: both prefixes, five bits into the second byte. */
const SEED_HEAD = [PREFIX_SEED | (PREFIX_USER >> 5), (PREFIX_USER & 31) << 3] as const;
const CRC_BYTES = 2;
/** PKCS #8 of an Ed25519 key without its seed (RFC 8410 §7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The user key made of 32 random bytes. */
export function componentNkey(random: Uint8Array): ComponentNkey {
  if (random.length !== NKEY_SEED_BYTES) throw new RangeError(`a key is made of ${NKEY_SEED_BYTES} bytes`);
  return { publicKey: publicText(privateKey(random)), seed: encoded(SEED_HEAD, random) };
}

/**
 * Reads a seed. Node's own Ed25519 and not the client module's: a signature in JavaScript holds the loop of a
 * gateway for some 10 ms at each reconnect.
 *
 * Throws `RangeError` for a text that is no user seed; the message repeats nothing of it.
 */
export function nkeySigner(seed: string): NkeySigner {
  const bytes = fromBase32(seed.toLowerCase());
  const raw = bytes?.subarray(SEED_HEAD.length, SEED_HEAD.length + NKEY_SEED_BYTES);
  if (raw?.length !== NKEY_SEED_BYTES || encoded(SEED_HEAD, raw) !== seed)
    throw new RangeError('not an nkey user seed');
  const key = privateKey(raw);
  return { publicKey: publicText(key), sign: (challenge) => sign(null, challenge, key) };
}

function privateKey(raw: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, raw]), format: 'der', type: 'pkcs8' });
}

/** The raw public key is the end of its SPKI. */
function publicText(key: KeyObject): string {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return encoded([PREFIX_USER], spki.subarray(-NKEY_SEED_BYTES));
}

/** Prefix, content, CRC-16 low byte first; base32 in capitals. */
function encoded(head: readonly number[], content: Uint8Array): string {
  const body = new Uint8Array(head.length + content.length + CRC_BYTES);
  body.set(head);
  body.set(content, head.length);
  const crc = crc16(body.subarray(0, -CRC_BYTES));
  body.set([crc & 255, crc >> 8], body.length - CRC_BYTES);
  return base32(body).toUpperCase();
}

/** CRC-16/XMODEM: polynomial 0x1021, start 0. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc;
}
