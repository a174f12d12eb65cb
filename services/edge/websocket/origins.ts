import type { IncomingMessage } from 'node:http';
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
  const { origin: all = [], host: hosts = [] } = request.headersDistinct;
  if (all.length === 0) return;
  const [origin = ''] = all;
  const [host = ''] = hosts;
  const own = host === '' ? [] : [`http://${host}`, `https://${host}`];
  if (all.length === 1 && hosts.length <= 1 && [...own, ...allowed].includes(origin)) return;
  throw new StatusError(
    403,
    new ReticleError('invalid_request', 'pages of this origin may not connect', { param: 'origin' }),
  );
}
