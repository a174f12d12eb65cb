import type { IncomingMessage } from 'node:http';
import { ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import { loopTurn, STEP_CHARACTERS } from '../loop-turns.ts';
import { StatusError } from './error-answer.ts';

/**
 * The whole body as text. A refused request stays open, so that its sender can be answered.
 *
 * @throws ReticleError `request_too_large` at the limit, before the rest is read; `invalid_json` for bytes that are no
 *   UTF-8; `invalid_request` for a body that ends early; a 415 for a coded one, which is never expanded (PROTOCOL §0)
 */
export async function readBody(request: IncomingMessage, bytesMax: number = limits.messageBytesMax): Promise<string> {
  const { 'content-encoding': coding = 'identity', 'content-length': length = '0' } = request.headers;
  if (coding.toLowerCase() !== 'identity') {
    throw new StatusError(415, new ReticleError('invalid_request', 'bodies are sent without a content coding'));
  }
  if (Number(length) > bytesMax) throw tooLarge(bytesMax);
  const bytes = await allBytes(request, bytesMax);
  if (bytes.length > STEP_CHARACTERS) await loopTurn();
  return decoded(bytes);
}

function allBytes(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const take = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > bytesMax) reject(tooLarge(bytesMax));
    else chunks.push(chunk);
  };
  const early = (cause?: Error): void => {
    reject(new ReticleError('invalid_request', 'the body ended early', { cause }));
  };
  request.on('data', take);
  request.once('end', () => resolve(Buffer.concat(chunks)));
  request.once('error', early);
  request.once('close', () => {
    if (!request.readableEnded) early();
  });
  return promise.finally(() => request.off('data', take));
}

function decoded(bytes: Buffer): string {
  try {
    // A byte order mark is no JSON; the decoder must not swallow it.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new ReticleError('invalid_json', 'the body is not UTF-8', { cause });
  }
}

function tooLarge(bytesMax: number): ReticleError {
  const details = { limit: String(bytesMax) };
  return new ReticleError('request_too_large', 'the body is too large, in bytes', { details });
}
