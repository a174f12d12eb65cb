/** Identifiers of PROTOCOL §0. Random ids are 128 bits in lower-case RFC 4648 base32; the bytes come in from a port. */
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const RANDOM_ID = /^[a-z2-7]{26}$/;
const CLIENT_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Bytes of randomness in a session, engine or signal id. */
export const RANDOM_ID_BYTES = 16;

/** Lower-case base32 without padding: 16 bytes → 26 characters. */
export function base32(bytes: Uint8Array): string {
  let text = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32[(buffer >>> bits) & 31];
    }
    buffer &= (1 << bits) - 1;
  }
  if (bits > 0) text += BASE32[(buffer << (5 - bits)) & 31];
  return text;
}

/** The bytes of a base32 text made by {@link base32}, or undefined for a character outside the alphabet. */
export function fromBase32(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let buffer = 0;
  let bits = 0;
  let at = 0;
  for (const character of text) {
    const value = BASE32.indexOf(character);
    if (value < 0) return undefined;
    buffer = ((buffer << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (buffer >>> bits) & 0xff;
    }
  }
  return bytes;
}

/** `session_id`, `engine_id`, `signal_id`: 26 base32 characters. */
export function isRandomId(text: string): boolean {
  return RANDOM_ID.test(text);
}

/** `turn_id`, `draft_id`, `request_id`: chosen by the client, `[A-Za-z0-9_-]{1,64}`. */
export function isClientId(text: string): boolean {
  return CLIENT_ID.test(text);
}
