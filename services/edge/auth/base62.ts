/** Base62 with digits first, as API keys use it (PROMISES §5.1). */
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The bytes as one big-endian number in base62, padded with `0` on the left to `width`; it must fit. */
export function base62(bytes: Uint8Array, width: number): string {
  const digits = Array.from(bytes);
  let text = '';
  while (text.length < width) text = (ALPHABET[divide(digits, ALPHABET.length)] ?? '') + text;
  if (digits.some((digit) => digit !== 0)) throw new RangeError('the bytes do not fit the width');
  return text;
}

/** Divides a big-endian base-256 number in place; returns the remainder. */
function divide(digits: number[], by: number): number {
  let rest = 0;
  for (const [at, digit] of digits.entries()) {
    const value = rest * 256 + digit;
    digits[at] = Math.floor(value / by);
    rest = value % by;
  }
  return rest;
}
