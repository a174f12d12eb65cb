/** What is known of a certificate and its key before a server uses them (PROTOCOL §4.1a). */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { TlsPair } from '@reticle/core/domain';

/** Why a pair cannot be served, and in parentheses what to do. Never a part of the key. */
export type TlsFault = { readonly part: keyof TlsPair; readonly reason: string };

/** A certificate that fits its key. Times are Unix milliseconds. */
export type TlsFacts = {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** The two for people: `Nov 22 00:38:56 2027 GMT`. */
  readonly notBefore: string;
  readonly notAfter: string;
  /** It is its own issuer: no client trusts it by itself. */
  readonly isSelfSigned: boolean;
  /** It may vouch for others; rustls takes such a one for no server's (`CaUsedAsEndEntity`). */
  readonly isAuthority: boolean;
  /** Whether clients take it for the certificate of this name or IP address. */
  readonly isFor: (host: string) => boolean;
};

export type TlsJudgement =
  | { readonly ok: TlsFacts; readonly fault?: never }
  | { readonly ok?: never; readonly fault: TlsFault };

/**
 * Whether a server can serve a pair: both parts PEM, the server's own certificate first, its private key without a
 * passphrase, and strong enough for OpenSSL's defaults. An expired certificate can be served; `TlsFacts` says when it ends.
 */
export function judgeTlsPair(pair: TlsPair): TlsJudgement {
  const certificate = readCertificate(pair.certificate);
  if (typeof certificate === 'string') return { fault: { part: 'certificate', reason: certificate } };
  const fault = faultOfKey(pair.key, certificate);
  if (fault !== undefined) return { fault: { part: 'key', reason: fault } };
  try {
    createSecureContext({ cert: pair.certificate, key: pair.key });
  } catch (error) {
    const reason = `is refused by OpenSSL: ${codeOf(error)} (use a key of 2,048 bits or more, or an elliptic curve)`;
    return { fault: { part: 'certificate', reason } };
  }
  return {
    ok: {
      notBeforeMs: certificate.validFromDate.getTime(),
      notAfterMs: certificate.validToDate.getTime(),
      notBefore: certificate.validFrom,
      notAfter: certificate.validTo,
      isSelfSigned: certificate.checkIssued(certificate),
      isAuthority: certificate.ca,
      isFor: (host) => isFor(certificate, host),
    },
  };
}

/** A subject's common name counts for nothing: clients look at the alternative names alone (RFC 9525 §2). */
function isFor(certificate: X509Certificate, host: string): boolean {
  const found = isIP(host) === 0 ? certificate.checkHost(host, { subject: 'never' }) : certificate.checkIP(host);
  return found !== undefined;
}

function readCertificate(text: string): X509Certificate | string {
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    const hint = text.includes('PRIVATE KEY-----') ? 'it holds a key: exchange the two files' : PEM;
    return `is not a certificate in PEM form (${hint})`;
  }
  try {
    return new X509Certificate(text);
  } catch {
    return `is not a certificate in PEM form (${PEM})`;
  }
}

const PEM =
  'the file begins with -----BEGIN CERTIFICATE-----, the certificate of the server before those of its issuers';

function faultOfKey(text: string, certificate: X509Certificate): string | undefined {
  if (/ENCRYPTED/.test(text)) return 'is encrypted (store it without a passphrase, mode 0600: openssl pkey)';
  try {
    const key = createPrivateKey(text);
    if (certificate.checkPrivateKey(key)) return undefined;
    return 'does not belong to the certificate (name the key that it was made for)';
  } catch {
    return 'is not a private key in PEM form (the file begins with -----BEGIN PRIVATE KEY-----)';
  }
}

/** `ERR_…` of Node; a text of OpenSSL could be anything. */
function codeOf(error: unknown): string {
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'no reason given';
}
