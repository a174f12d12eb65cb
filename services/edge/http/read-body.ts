import type { IncomingMessage } from 'node:http';
import { ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';

/**
 * The whole body as text.
 *
 * @throws ReticleError `request_too_large` at the limit, before the rest is read; `invalid_json` for bytes that are no
 *   UTF-8; `invalid_request` for a coding, or a body that ends early
 */
export async function readBody(request: IncomingMessage): Promise<string> {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > limits.messageBytesMax) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > limits.messageBytesMax) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof ReticleError) throw error;
    throw new ReticleError('invalid_request', 'the body ended early', { cause: error });
  }
  return decoded(Buffer.concat(chunks));
}

function decoded(bytes: Buffer): string {
  try {
    // A byte order mark is no JSON; the decoder must not swallow it.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new ReticleError('invalid_json', 'the body is not UTF-8', { cause });
  }
}

function tooLarge(): ReticleError {
  const details = { limit: String(limits.messageBytesMax) };
  return new ReticleError('request_too_large', 'the body is too large, in bytes', { details });
}
