/** Answers after which a connection is closed. */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';
import type { ErrorAnswer } from './error-answer.ts';

/** Of a body that nobody reads; a sender that has more is cut off. */
const UNREAD_BYTES_MAX = 2 * limits.messageBytesMax;

/**
 * Ends an answer that was written in full once the request's body is over, or after `ms`: a socket that is closed with
 * bytes unread is reset, and a reset takes the answer from a client that still sends.
 */
export function endAfterBody(
  request: IncomingMessage,
  response: ServerResponse,
  { clock, ms }: { readonly clock: Clock; readonly ms: number },
): void {
  const cancel = clock.after(ms, () => response.end());
  const end = (): void => {
    cancel();
    response.end();
  };
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > UNREAD_BYTES_MAX) end();
  });
  request.once('end', end);
  request.once('error', end);
  response.once('close', cancel);
}

/** Answers by hand on a socket that has no `ServerResponse`: a request that was never taken, an upgrade. `sent`: all of it is out. */
export function endRaw(socket: Duplex, { status, headers, body }: ErrorAnswer, sent?: () => void): void {
  const text = JSON.stringify(body);
  const fields = {
    ...headers,
    connection: 'close',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${text}`, sent);
}
