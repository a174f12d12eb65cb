/** Refusals in the form at which Codex stops at once, with clean text (PROTOCOL §5.2 row 12). */
import { isReticleError } from '@reticle/core/domain';
import { stopCode, type Dialect } from '../openai/dialect.ts';
import { refusedResponseEvent } from '../openai/refused-response.ts';
import { StatusError, type ErrorAnswerer } from './error-answer.ts';
import type { Exchange } from './routes.ts';
import { EVENT_STREAM } from './sse-output.ts';

const BAD_REQUEST = 400;

/**
 * Reads what stands before a request's own fields. Codex comes again after every status of refusal but 400.
 *
 * @throws what `read` throws; in Codex's dialect as a 400 where no retry helps
 */
export async function readFor<T>(dialect: Dialect, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const refusal = error instanceof StatusError ? error.refusal : error;
    if (!isReticleError(refusal) || stopCode(dialect, refusal.code) === undefined) throw error;
    throw new StatusError(BAD_REQUEST, refusal);
  }
}

/** A request that streams, and who answers its errors. */
export type Refusing = {
  readonly exchange: Pick<Exchange, 'response' | 'requestId'>;
  readonly answerOf: ErrorAnswerer;
  readonly dialect: Dialect;
};

/**
 * Answers a refusal by a stream of one event.
 *
 * @throws the error itself where its status says what the client needs, or where an answer has begun
 */
export function refuseInStream(error: unknown, { exchange, answerOf, dialect }: Refusing): void {
  const { response, requestId } = exchange;
  const code = isReticleError(error) ? stopCode(dialect, error.code) : undefined;
  if (code === undefined || response.headersSent) throw error;
  const event = refusedResponseEvent(code, answerOf(error, requestId).body.error);
  response.writeHead(200, EVENT_STREAM).end(`event: response.failed\nid: 0\ndata: ${event}\n\n`);
}
