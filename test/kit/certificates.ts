/** Certificates for tests: X.509 v3 by hand (RFC 5280 §4.1), signed by their own key. */
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import type { TlsPair } from '@reticle/core/domain';

export type CertificateOptions = {
  /** DNS names and IPv4 addresses; default: this machine's. */
  readonly names?: readonly string[];
  /** Unix milliseconds; default: an hour ago, and a year from then. */
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  /** Whether it may vouch for others; default: it says nothing of that. */
  readonly isAuthority?: boolean;
  /** Default P-256; `rsa1024` is too weak for anybody. */
  readonly key?: 'p256' | 'rsa1024';
};

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

const tag = { integer: 2, bits: 3, octets: 4, text: 12, time: 23, sequence: 48, set: 49 } as const;
/** Whole DER of object identifiers, and of the algorithms that are named by them. */
const oid = {
  commonName: '0603550403',
  subjectAltName: '0603551d11',
  ecdsaWithSha256: '300a06082a8648ce3d040302',
  rsaWithSha256: '300d06092a864886f70d01010b0500',
} as const;
/** basicConstraints: critical, CA:TRUE. */
const AUTHORITY = Buffer.from('300f0603551d130101ff040530030101ff', 'hex');
const VERSION_3 = Buffer.of(0xa0, 3, tag.integer, 1, 2);

/** A fresh pair that is its own issuer, and no authority. */
export function certified(options: CertificateOptions = {}): TlsPair {
  const { names = ['localhost', '127.0.0.1'], key = 'p256', isAuthority = false } = options;
  const { notBeforeMs = Date.now() - HOUR_MS, notAfterMs = notBeforeMs + YEAR_MS } = options;
  const { publicKey, privateKey } = keysOf(key);
  const algorithm = Buffer.from(key === 'p256' ? oid.ecdsaWithSha256 : oid.rsaWithSha256, 'hex');
  const name = nameOf(names[0] ?? 'nobody');
  const body = der(
    tag.sequence,
    VERSION_3,
    // Positive, and other than any before it.
    der(tag.integer, Buffer.of(1), randomBytes(8)),
    algorithm,
    name,
    der(tag.sequence, time(notBeforeMs), time(notAfterMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(tag.sequence, namesExtension(names), ...(isAuthority ? [AUTHORITY] : []))),
  );
  const signature = sign('sha256', body, privateKey);
  const whole = der(tag.sequence, body, algorithm, der(tag.bits, Buffer.of(0), signature));
  return { certificate: pem(whole), key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

function keysOf(kind: 'p256' | 'rsa1024'): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  if (kind === 'p256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('rsa', { modulusLength: 1_024 });
}

function der(kind: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  // The shortest form of a length is the only one (X.690 §10.1); rustls holds it to that.
  if (length < 128) return Buffer.concat([Buffer.of(kind, length), content]);
  if (length < 256) return Buffer.concat([Buffer.of(kind, 0x81, length), content]);
  return Buffer.concat([Buffer.of(kind, 0x82, length >> 8, length & 255), content]);
}

function nameOf(common: string): Buffer {
  const attribute = der(tag.sequence, Buffer.from(oid.commonName, 'hex'), der(tag.text, Buffer.from(common)));
  return der(tag.sequence, der(tag.set, attribute));
}

/** UTCTime, which serves until 2049. */
function time(ms: number): Buffer {
  return der(
    tag.time,
    Buffer.from(
      `${new Date(ms)
        .toISOString()
        .slice(2)
        .replaceAll(/[-:T]|\..*/g, '')}Z`,
    ),
  );
}

function namesExtension(names: readonly string[]): Buffer {
  const each = names.map((name) =>
    isIP(name) === 4 ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name)),
  );
  const octets = der(tag.octets, der(tag.sequence, ...each));
  return der(tag.sequence, Buffer.from(oid.subjectAltName, 'hex'), octets);
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
