import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { readKeySet } from './key-set.ts';
import { signingKey } from './token-kit.ts';

const rsa = signingKey('RS256', 'r1');
const ec = signingKey('ES256', 'e1');
const ed = signingKey('EdDSA', 'd1');
const text = (...keys: unknown[]): string => JSON.stringify({ keys });
const kids = (document: string, algorithm: Parameters<typeof readKeySet>[1]): string[] => [
  ...readKeySet(document, algorithm).keys(),
];

describe('readKeySet', () => {
  test('keeps the keys of the algorithm, whatever stands beside them', () => {
    const all = text(rsa.jwk, ec.jwk, ed.jwk, null, 'x', { kty: 'oct', kid: 'h', k: 'AAAA' });
    expect(kids(all, 'RS256')).toEqual(['r1']);
    expect(kids(all, 'ES256')).toEqual(['e1']);
    expect(kids(all, 'EdDSA')).toEqual(['d1']);
    expect(kids(all, 'ES384')).toEqual([]);
  });

  test('holds public keys, also of an issuer that tells its private ones', () => {
    const [key] = readKeySet(text({ ...rsa.privateKey.export({ format: 'jwk' }), kid: 'r1' }), 'RS256').values();
    expect(key?.key.type).toBe('public');
    expect(key?.print).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  test.each<{ name: string; change: object }>([
    { name: 'for encryption', change: { use: 'enc' } },
    { name: 'of another algorithm', change: { alg: 'PS256' } },
    { name: 'that may only sign', change: { key_ops: ['sign'] } },
    { name: 'whose operations are no list', change: { key_ops: 'verify' } },
    { name: 'without a name', change: { kid: undefined } },
    { name: 'whose name is a number', change: { kid: 1 } },
    { name: 'whose modulus is no number', change: { n: '!' } },
    { name: 'without a modulus', change: { n: undefined } },
    { name: 'with exponent 1', change: { e: 'AQ' } },
    { name: 'with an exponent of 5 bytes', change: { e: 'AQAAAAE' } },
    {
      name: 'with a short modulus',
      change: { n: generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey.export({ format: 'jwk' }).n },
    },
    { name: 'with a modulus of 16,384 bits', change: { n: Buffer.alloc(2_048, 0xff).toString('base64url') } },
  ])('leaves out a key $name', ({ change }) => {
    expect(kids(text({ ...rsa.jwk, ...change }), 'RS256')).toEqual([]);
  });

  test('leaves out a point that is not on its curve, and another curve', () => {
    expect(kids(text({ ...ec.jwk, x: 'A'.repeat(43) }), 'ES256')).toEqual([]);
    expect(kids(text({ ...ed.jwk, crv: 'Ed448' }), 'EdDSA')).toEqual([]);
  });

  test('of a name that stands twice neither counts', () => {
    expect(kids(text(rsa.jwk, signingKey('RS256', 'r1').jwk, signingKey('RS256', 'r2').jwk), 'RS256')).toEqual(['r2']);
  });

  test.each(['', 'null', '[]', '{}', '{"keys":{}}', '<html>', text(...Array.from({ length: 101 }, () => rsa.jwk))])(
    'refuses what is no key set: %.20s',
    (document) => {
      expect(() => readKeySet(document, 'RS256')).toThrow();
    },
  );
});
