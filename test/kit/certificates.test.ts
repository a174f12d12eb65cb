import { describe, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import type { TlsPair } from '@reticle/core/domain';
import { judgeTlsPair } from '@reticle/core/process';
import { certified } from './certificates.ts';

const pair = certified();
const encrypted = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

describe('judgeTlsPair', () => {
  test('tells of a pair that fits when it counts, for whom, and who vouches for it', () => {
    const [notBeforeMs, notAfterMs] = [Date.UTC(2026, 0, 2, 3, 4, 5), Date.UTC(2027, 0, 2, 3, 4, 5)];
    const { ok } = judgeTlsPair(certified({ names: ['a.example', '10.0.0.1'], notBeforeMs, notAfterMs }));
    expect(ok).toMatchObject({ notBeforeMs, notAfterMs, isSelfSigned: true, isAuthority: false });
    expect(judgeTlsPair(certified({ isAuthority: true })).ok?.isAuthority).toBe(true);
    const asked = ['a.example', 'A.Example', '10.0.0.1', 'b.example', '10.0.0.2', 'localhost', '::1', ''];
    expect(asked.map((host) => ok?.isFor(host))).toEqual([true, true, true, false, false, false, false, false]);
  });

  test('takes one that is over, and what stands around the blocks', () => {
    const over = certified({ notBeforeMs: Date.UTC(2020, 0), notAfterMs: Date.UTC(2021, 0) });
    expect(judgeTlsPair(over).ok?.notAfterMs).toBe(Date.UTC(2021, 0));
    const talkative = {
      certificate: `subject=/CN=a\r\n${pair.certificate}\n${over.certificate}`,
      key: `\n${pair.key}\n`,
    };
    expect(judgeTlsPair(talkative).ok?.isFor('127.0.0.1')).toBe(true);
  });

  test.each<{ name: string; given: Partial<TlsPair>; want: RegExp }>([
    { name: 'an empty file', given: { certificate: '' }, want: /^certificate is not a certificate in PEM form/ },
    { name: 'half a certificate', given: { certificate: pair.certificate.slice(0, 300) }, want: /^certificate is not/ },
    {
      name: 'a certificate of noise',
      given: { certificate: pair.certificate.replaceAll(/^\w.*$/gm, 'AAAA') },
      want: /^certificate is not a certificate in PEM form/,
    },
    {
      name: 'two files exchanged',
      given: { certificate: pair.key, key: pair.certificate },
      want: /^certificate is not .*exchange the two files/,
    },
    { name: 'no key', given: { key: '' }, want: /^key is not a private key in PEM form/ },
    { name: 'a public key', given: { key: encrypted.publicKey }, want: /^key is not a private key in PEM form/ },
    { name: 'a key behind a passphrase', given: { key: encrypted.privateKey }, want: /^key is encrypted/ },
    { name: 'the key of another', given: { key: certified().key }, want: /^key does not belong to the certificate/ },
    {
      name: 'the issuer before the server',
      given: { certificate: `${certified().certificate}${pair.certificate}` },
      want: /^key does not belong to the certificate/,
    },
    {
      name: 'an issuer of noise',
      given: { certificate: `${pair.certificate}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n` },
      want: /^certificate is refused by OpenSSL: ERR_/,
    },
    { name: 'a weak key', given: certified({ key: 'rsa1024' }), want: /^certificate .*ERR_SSL_EE_KEY_TOO_SMALL/ },
  ])('refuses $name', ({ given, want }) => {
    const { fault } = judgeTlsPair({ ...pair, ...given });
    expect(`${fault?.part} ${fault?.reason}`).toMatch(want);
    expect(fault?.reason).toMatch(/\(.+\)$/);
  });
});
