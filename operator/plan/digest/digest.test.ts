import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson } from './canonical-json.ts';
import { sha256 } from './sha256.ts';

describe('digest', () => {
  const reference = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

  test.each(['', 'abc', 'é😀', 'a'.repeat(55), 'a'.repeat(56), 'a'.repeat(64), 'a'.repeat(1_000)])(
    'SHA-256 of %j',
    (text) => {
      expect(sha256(text)).toBe(reference(text));
    },
  );

  test('SHA-256 agrees with the library', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) =>
        expect(sha256(text)).toBe(reference(text)),
      ),
    );
  });

  test('equal values give equal JSON, whatever the order of their keys', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: undefined, A: true })).toBe(
      '{"A":true,"b":[1,{"c":"x","d":null}]}',
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).toReversed());
        expect(canonicalJson(turned)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
