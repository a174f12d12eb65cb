/** `/v1/responses` over HTTP: JSON, SSE, replay, cancel (PROTOCOL §4.1). */
import type { ServerResponse } from 'node:http';
import { isReticleError, ReticleError } from '@reticle/core/domain';
import { decodeResponse } from '../openai/decode-response.ts';
import { parseBody, requestParam } from '../openai/json-fields.ts';
import { responseObject, terminalStatus } from '../openai/response-object.ts';
import { ResponseReader } from '../openai/response-reader.ts';
import type { Responses, ServedResponse } from '../openai/responses.ts';
import { offsetOfSequence } from '../openai/sequence-number.ts';
import { StatusError } from './error-answer.ts';
import { readBody } from './read-body.ts';
import type { Exchange, Route } from './routes.ts';
import { SseOutput } from './sse-output.ts';

/** What a client that leaves wants of its running turn. */
const ON_DISCONNECT = 'x-reticle-on-disconnect';

export function responseRoutes({ responses }: { readonly responses: Responses }): readonly Route[] {
  return [
    { method: 'POST', path: '/v1/responses', handler: (exchange) => create(responses, exchange) },
    { method: 'GET', path: '/v1/responses/:id', handler: (exchange) => retrieve(responses, exchange) },
    { method: 'POST', path: '/v1/responses/:id/cancel', handler: (exchange) => cancel(responses, exchange) },
  ];
}

async function create(responses: Responses, exchange: Exchange): Promise<void> {
  const { request, response, caller } = exchange;
  const asked = decodeResponse(parseBody(await readBody(request)));
  const served = await responses.create(caller, asked);
  const continues = asked.background || request.headers[ON_DISCONNECT] === 'continue';
  if (!continues) {
    response.once('close', () => {
      if (served.record.ended === undefined) void responses.cut(served, 'keep-generated');
    });
  }
  if (asked.background && !asked.stream) {
    acknowledgeAll(served);
    sendJson(response, served);
  } else if (asked.stream) stream(response, served, { owns: true });
  else await answer(response, served);
}

/** Waits for the end; a refused turn is a status, since nothing was sent yet. */
async function answer(response: ServerResponse, served: ServedResponse): Promise<void> {
  acknowledgeAll(served);
  await ended(served);
  if (response.destroyed) return;
  refuseUnstarted(served);
  sendJson(response, served);
}

function sendJson(response: ServerResponse, { profile, record }: ServedResponse): void {
  const running = record.started === undefined ? 'queued' : 'in_progress';
  const status = record.ended === undefined ? running : terminalStatus(record.ended);
  const text = JSON.stringify(responseObject(profile, record, status));
  response.writeHead(200, { 'content-type': 'application/json' }).end(text);
}

/** @throws ReticleError what refused a turn that never started */
function refuseUnstarted({ record }: ServedResponse): void {
  const error = record.ended?.error;
  if (error === undefined || record.started !== undefined) return;
  const { code, message, param, retryDelayMs, details } = error;
  throw new ReticleError(code, message, {
    param: requestParam(param),
    ...(details === undefined ? {} : { details }),
    ...(retryDelayMs === undefined ? {} : { retryAfterMs: retryDelayMs }),
  });
}

type Streaming = {
  /** The turn's credit follows this reader's socket. */
  readonly owns: boolean;
  readonly after?: number;
};

function stream(response: ServerResponse, served: ServedResponse, { owns, after }: Streaming): void {
  const { record, profile, conversation, turnId } = served;
  const flushed = owns ? (position: number): void => conversation.flushed(turnId, position) : (): void => {};
  const output = new SseOutput(response, { position: () => reader.position, flushed });
  const reader = new ResponseReader({
    record,
    profile,
    output,
    ...(after === undefined ? {} : { after }),
    tokenwise: !owns && after === undefined,
    onEnd: () => output.end(),
  });
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
  response.once('close', () => {
    reader.close();
    output.abandon();
    if (owns) acknowledgeAll(served);
  });
  reader.pump();
}

/** Nobody's socket holds the turn back: what the record has taken is acknowledged. */
function acknowledgeAll({ record, conversation, turnId }: ServedResponse): void {
  const stop = record.listen(() => {
    conversation.flushed(turnId, record.end);
    if (record.ended !== undefined) stop();
  });
}

function ended({ record }: ServedResponse): Promise<void> {
  return new Promise((resolve) => {
    const look = (): boolean => {
      if (record.ended === undefined) return false;
      stop();
      resolve();
      return true;
    };
    const stop = record.listen(look);
    look();
  });
}

function retrieve(responses: Responses, { caller, parts, query, request, response }: Exchange): void {
  const served = named(responses, { caller, parts });
  if (query.get('stream') !== 'true') {
    sendJson(response, served);
    return;
  }
  const after = query.get('starting_after') ?? request.headers['last-event-id'];
  stream(response, served, { owns: false, ...cursor(served, after) });
}

/** A path that names nothing is not found; a body that does is a bad request (§4.1). */
function named(responses: Responses, { caller, parts }: Pick<Exchange, 'caller' | 'parts'>): ServedResponse {
  try {
    return responses.find(caller, parts[0] ?? '');
  } catch (error) {
    throw isReticleError(error) ? new StatusError(404, error) : error;
  }
}

/** @throws ReticleError for what is no number, or one that was not told yet */
function cursor({ record }: ServedResponse, text: string | string[] | undefined): { after?: number } {
  if (text === undefined) return {};
  if (typeof text !== 'string' || !/^\d{1,15}$/.test(text)) {
    throw new ReticleError('invalid_request', 'the cursor is a sequence number', { param: 'starting_after' });
  }
  const after = Number(text);
  if (offsetOfSequence(after) > record.end) {
    const details = { limit: String(record.end), requested: String(offsetOfSequence(after)) };
    throw new ReticleError('value_out_of_range', 'the cursor lies ahead of what was told', {
      param: 'starting_after',
      details,
    });
  }
  return { after };
}

async function cancel(responses: Responses, { caller, parts, response }: Exchange): Promise<void> {
  const served = named(responses, { caller, parts });
  await responses.cut(served, 'keep-generated');
  await ended(served);
  sendJson(response, served);
}
