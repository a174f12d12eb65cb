import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { ReticleError } from '@reticle/core/domain';
import { StatusError } from '../http/error-answer.ts';

/**
 * A page of another origin must not speak with a key that it made a browser send (PROTOCOL §4.3). Clients that are no
 * browsers send no origin.
 *
 * @param allowed origins beside the server's own, as `scheme://host[:port]`
 * @throws StatusError 403 for an origin that is neither
 */
export function checkOrigin(request: IncomingMessage, allowed: readonly string[]): void {
  const { origin: all = [] } = request.headersDistinct;
  const [origin] = all;
  if (origin === undefined) return;
  if (all.length > 1 || !isServedOrigin(request, origin, allowed)) throw foreignOrigin();
}

/**
 * Whether pages of an origin may speak with this server: its own, and those that were allowed. A server without a
 * certificate may stand behind a proxy that has one, and is then at home under both schemes.
 */
export function isServedOrigin(request: IncomingMessage, origin: string, allowed: readonly string[]): boolean {
  const { host: hosts = [] } = request.headersDistinct;
  const [host = ''] = hosts;
  const schemes = request.socket instanceof TLSSocket ? ['https'] : ['http', 'https'];
  const own = host === '' ? [] : schemes.map((scheme) => `${scheme}://${host}`);
  return hosts.length <= 1 && [...own, ...allowed].includes(origin);
}

export function foreignOrigin(): StatusError {
  const refusal = new ReticleError('invalid_request', 'pages of this origin may not connect', { param: 'origin' });
  return new StatusError(403, refusal);
}
