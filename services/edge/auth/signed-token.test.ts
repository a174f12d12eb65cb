import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { JwtAlgorithm } from '@reticle/core/domain';
import { hasTokenForm, isSigned, parseToken } from './signed-token.ts';
import { encoded, signed, signingKey, type SignedWith } from './token-kit.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const publicKey = (jwk: object): KeyObject => createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'base64url');

/** Signatures that others made: RFC 7515 §A.3, RFC 8037 §A.4 (whose payload is no JSON). */
const published: readonly { name: string; algorithm: JwtAlgorithm; jwk: object; text: string }[] = [
  {
    name: 'ES256',
    algorithm: 'ES256',
    jwk: {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    },
    text:
      'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ' +
      '.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q',
  },
  {
    name: 'EdDSA',
    algorithm: 'EdDSA',
    jwk: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
    text:
      'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc' +
      '.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
  },
];

describe('signatures', () => {
  test.each(published)('$name of the RFC holds, and not with one bit changed', ({ algorithm, jwk, text }) => {
    const [head, body, tail = ''] = text.split('.');
    const key = publicKey(jwk);
    const signature = bytesOf(tail);
    const token = { header: {}, payload: {}, signed: utf8(`${head}.${body}`), signature };
    expect(isSigned(token, algorithm, key)).toBe(true);
    for (let bit = 0; bit < signature.length * 8; bit += 37) {
      const changed = Uint8Array.from(signature);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(isSigned({ ...token, signature: changed }, algorithm, key)).toBe(false);
    }
    expect(isSigned({ ...token, signed: utf8(`${head}.${body}A`) }, algorithm, key)).toBe(false);
    for (const length of [0, 1, 63, 65, 70, 72]) {
      expect(isSigned({ ...token, signature: new Uint8Array(length) }, algorithm, key)).toBe(false);
    }
  });

  test.each<SignedWith>(['RS256', 'PS384', 'ES256', 'ES512', 'EdDSA'])(
    '%s holds with its own key alone',
    (algorithm) => {
      const [key, other] = [signingKey(algorithm, 'a'), signingKey(algorithm, 'a')];
      const token = parseToken(signed(key, { alg: algorithm }, { a: 1 }));
      expect(token).toMatchObject({ header: { alg: algorithm }, payload: { a: 1 } });
      const holds = ({ jwk }: typeof key): boolean => token !== undefined && isSigned(token, algorithm, publicKey(jwk));
      expect([holds(key), holds(other)]).toEqual([true, false]);
    },
  );

  test('one padding of RSA is not the other', () => {
    const key = signingKey('RS256', 'a');
    const token = parseToken(signed(key, {}, {}));
    const open = publicKey(key.jwk);
    expect(token && ['RS256', 'PS256', 'RS512'].map((each) => isSigned(token, each as JwtAlgorithm, open))).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('the form of a token', () => {
  const good = `${encoded({ alg: 'x' })}.${encoded({ iss: 'y' })}.AAAA`;
  test.each([
    { name: 'two parts', text: good.slice(0, good.lastIndexOf('.')), wantForm: false },
    { name: 'five parts, as an encrypted one has', text: `${good}.AAAA.AAAA`, wantForm: false },
    { name: 'padding', text: `${good}==`, wantForm: false },
    { name: 'the other alphabet', text: good.replace('AAAA', 'AA+/'), wantForm: false },
    { name: 'spare bits', text: good.replace('AAAA', 'AAB'), wantForm: true },
    { name: 'a header that is no object', text: `${encoded([])}.${encoded({})}.AAAA`, wantForm: true },
    {
      name: 'a payload that is null',
      text: `${encoded({})}.${Buffer.from('null').toString('base64url')}.AAAA`,
      wantForm: true,
    },
    { name: 'a header that is no JSON', text: `AAAA.${encoded({})}.AAAA`, wantForm: true },
    {
      name: 'a header that is not UTF-8',
      text: `${Buffer.from('7b22ff227d', 'hex').toString('base64url')}.e30.AAAA`,
      wantForm: true,
    },
    { name: 'an API key', text: 'rtk_local_a_b_c', wantForm: false },
  ])('$name is none', ({ text, wantForm }) => {
    expect([hasTokenForm(text), parseToken(text)]).toEqual([wantForm, undefined]);
  });

  test('no signature is a form, and depth is no harm', () => {
    expect(parseToken(`${encoded({ alg: 'none' })}.${encoded({})}.`)?.signature).toHaveLength(0);
    const deep = Buffer.from(`{"a":${'['.repeat(3_000)}${']'.repeat(3_000)}}`).toString('base64url');
    expect(parseToken(`${encoded({})}.${deep}.AAAA`)?.payload).toHaveProperty('a');
  });
});
