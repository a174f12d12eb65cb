/**
 * HTTP over TCP, or over TLS where the gateway has a certificate: one kind of server, with the same limits on either.
 *
 * Each certificate that is put in force has session ticket keys of its own: a session that began under another one is
 * not resumed, so every new connection sees the new certificate. Workers of one port do not share these keys either; a
 * client that comes back to another worker makes a full handshake.
 */
import { constants } from 'node:crypto';
import { createServer as createPlain, type Server, type ServerOptions } from 'node:http';
import { createServer as createSecure, type Server as SecureServer } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { TlsPair } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { HttpTimeouts } from './timeouts.ts';

/** TLS 1.3, and of 1.2 what has forward secrecy and authenticated encryption (Mozilla's "intermediate"). */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** Of an HTTP request that came where a handshake should begin (OpenSSL, SSL_R_HTTP_REQUEST). */
export const PLAIN_REQUEST = 'ERR_SSL_HTTP_REQUEST';

/** A server that has not listened yet. */
export type Transport = {
  readonly server: Server;
  /** Puts another pair in force for the connections that come. Throws for one that cannot be; the one before stays. */
  readonly replaceTls?: (pair: TlsPair) => void;
};

/** @param tls absent: plain HTTP */
export function createTransport(timeouts: HttpTimeouts, tls: TlsPair | undefined): Transport {
  const options = serverOptions(timeouts);
  if (tls === undefined) return { server: createPlain(options) };
  const server: SecureServer = createSecure({
    ...options,
    ...securityOf(tls),
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: timeouts.handshakeMs,
  });
  // Everything is given again: what is left out would fall back to the defaults of the library.
  return { server, replaceTls: (pair) => server.setSecureContext(securityOf(pair)) };
}

function serverOptions({ headersMs, requestMs, keepAliveMs, checkMs }: HttpTimeouts): ServerOptions {
  return {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: checkMs,
    noDelay: true,
    // Other upgrades are requests like any.
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
  };
}

function securityOf({ certificate, key }: TlsPair): SecureContextOptions {
  return {
    cert: certificate,
    key,
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    honorCipherOrder: true,
    // A peer could make the server negotiate keys for ever (CVE-2011-1473).
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
}
