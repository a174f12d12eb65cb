/** What is said to a client besides a response's own events (PROTOCOL §4.3). */
import type { ReticleError } from '@reticle/core/domain';
import type { ErrorAnswer } from '../http/error-answer.ts';

/** Words of this surface for controls, beside the registry's. */
export type ControlWord =
  | 'response_not_found'
  | 'invalid_input'
  | 'steering_not_supported'
  | 'successor_creation_failed';

export type ControlError = { readonly code: string; readonly message: string; readonly param?: string };

/** Types whose `.failed` is an event of a response. */
const TAKEN = new Set(['response']);
const TYPE = /^[a-z][a-z0-9_.]{0,63}$/;

/** A request is over; the socket stays. */
export function errorFrame({ status, headers, body }: ErrorAnswer, streamId: string | undefined): string {
  const hints = Object.entries(headers).filter(([name]) => name.startsWith('retry-after'));
  return JSON.stringify({
    type: 'error',
    status,
    error: body.error,
    headers: Object.fromEntries(hints),
    ...streamOf(streamId),
  });
}

/** A control was refused, and nothing changed. `type` is the client's own word for what it asked. */
export function failedFrame(type: string | undefined, error: ControlError, more: object = {}): string {
  const known = type !== undefined && TYPE.test(type) && !TAKEN.has(type) ? type : 'request';
  return JSON.stringify({ type: `${known}.failed`, ...more, error });
}

export function controlError(error: ReticleError): ControlError {
  const { message, param, code, row } = error;
  return { code: row.alias ?? code, message, ...(param === undefined ? {} : { param }) };
}

export function controlWord(code: ControlWord, message: string): ControlError {
  return { code, message };
}

/** The connection has reached its end, which clients know by this word and answer with another one. */
export function limitReachedFrame(answer: ErrorAnswer, streamId: string | undefined): string {
  const message = 'this WebSocket connection has reached its end: open another one';
  const error = { ...answer.body.error, code: 'websocket_connection_limit_reached', message };
  return errorFrame({ ...answer, body: { error } }, streamId);
}

export function streamOf(streamId: string | undefined): { readonly stream_id?: string } {
  return streamId === undefined ? {} : { stream_id: streamId };
}

/** An event of a lane. */
export function withStream(event: string, streamId: string | undefined): string {
  return streamId === undefined ? event : `${event.slice(0, -1)},"stream_id":${JSON.stringify(streamId)}}`;
}
