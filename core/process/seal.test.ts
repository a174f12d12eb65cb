import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '@reticle/core/flow';
import { seal, sealKey, unseal } from './seal.ts';

const random = seededRandom(3);
const secret = random.bytes(32);
const key = sealKey(secret, 'one');
const plain = Buffer.from('what is sealed');
const prefix = 'x1.';
const text = seal({ plain, key, random, prefix });
const sealed = text.slice(prefix.length);

describe('seal', () => {
  test('opens with its key behind its prefix, and shows nothing', () => {
    expect(text.startsWith(prefix)).toBe(true);
    expect(Buffer.from(unseal(sealed, key, prefix) ?? []).toString()).toBe('what is sealed');
    expect(Buffer.from(sealed, 'base64url').includes(plain)).toBe(false);
    expect(seal({ plain, key, random, prefix })).not.toBe(text);
  });

  test.each([
    ['a key for another purpose', sealed, sealKey(secret, 'two'), prefix],
    ['a key of another secret', sealed, sealKey(random.bytes(32), 'one'), prefix],
    ['another prefix', sealed, key, 'x2.'],
    ['a changed byte', `${sealed[0] === 'A' ? 'B' : 'A'}${sealed.slice(1)}`, key, prefix],
    ['a changed last byte', `${sealed.slice(0, -4)}AAAA`, key, prefix],
    ['a byte more', `${sealed}AA`, key, prefix],
    ['a byte less', sealed.slice(0, -2), key, prefix],
    ['another spelling', `${sealed}=`, key, prefix],
    ['too little', 'AAAA', key, prefix],
    ['nothing', '', key, prefix],
  ])('%s: undefined', (_name, given, withKey, behind) => {
    expect(unseal(given, withKey, behind)).toBeUndefined();
  });
});
