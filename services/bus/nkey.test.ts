import { fromPublic, fromSeed } from '@nats-io/nkeys';
import { describe, expect, test } from '@jest/globals';
import { componentNkey, NKEY_SEED_BYTES, nkeySigner } from './nkey.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const random = Uint8Array.from({ length: NKEY_SEED_BYTES }, (_, index) => (index * 37 + 11) & 255);

describe('component keys', () => {
  test('are what the nkeys package makes of the same seed, and their signatures hold there', () => {
    const made = componentNkey(random);
    const theirs = fromSeed(utf8(made.seed));
    expect(made.publicKey).toBe(theirs.getPublicKey());
    expect(new TextDecoder().decode(theirs.getSeed())).toBe(made.seed);
    const signer = nkeySigner(made.seed);
    expect(signer.publicKey).toBe(made.publicKey);
    const challenge = utf8('nonce');
    expect(fromPublic(made.publicKey).verify(challenge, signer.sign(challenge))).toBe(true);
    expect(fromPublic(made.publicKey).verify(utf8('other'), signer.sign(challenge))).toBe(false);
  });

  test('differ with their randomness', () => {
    expect(componentNkey(random.with(31, 0)).publicKey).not.toBe(componentNkey(random).publicKey);
  });

  const { seed, publicKey } = componentNkey(random);
  test.each([
    { name: 'nothing', text: '' },
    { name: 'a public key', text: publicKey },
    { name: 'one character less', text: seed.slice(0, -1) },
    { name: 'one character more', text: `${seed}A` },
    { name: 'another character', text: `${seed.slice(0, 20)}${seed[20] === 'A' ? 'B' : 'A'}${seed.slice(21)}` },
    { name: 'a broken checksum', text: `${seed.slice(0, -3)}${seed.endsWith('AAA') ? 'BBB' : 'AAA'}` },
    { name: 'an account’s seed', text: `SA${seed.slice(2)}` },
    { name: 'lower case', text: seed.toLowerCase() },
    { name: 'characters outside base32', text: `${seed.slice(0, -1)}1` },
  ])('a seed with $name is refused and not repeated', ({ text }) => {
    expect(() => nkeySigner(text)).toThrow(new RangeError('not an nkey user seed'));
  });

  test('randomness of another length is refused', () => {
    expect(() => componentNkey(random.subarray(1))).toThrow(RangeError);
  });
});
