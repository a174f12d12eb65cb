/** `/v1/responses` over HTTP: JSON, SSE, replay, cancel (PROTOCOL §4.1). */
import type { ServerResponse } from 'node:http';
import { assert, isReticleError, ReticleError } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { within } from '@reticle/core/process';
import { lostTurn } from '../openai/conversation.ts';
import { counted } from '../openai/counted.ts';
import type { CreateResponse } from '../openai/create-response.ts';
import { checkCursor } from '../openai/cursor.ts';
import { offsetOfSequence } from '../openai/sequence-number.ts';
import { decodeResponse } from '../openai/decode-response.ts';
import { dialectOf, threadIdOf } from '../openai/dialect.ts';
import { parseLargeBody } from '../openai/json-fields.ts';
import { responseFields, type FieldName } from '../openai/response-fields.ts';
import { responseObject, terminalStatus } from '../openai/response-object.ts';
import { ResponseReader } from '../openai/response-reader.ts';
import type { Responses, ServedResponse } from '../openai/responses.ts';
import { readFor, refuseInStream } from './codex-refusal.ts';
import { StatusError, type ErrorAnswerer } from './error-answer.ts';
import type { Idempotency } from './idempotency.ts';
import type { Revocation } from './live-answers.ts';
import { readBody } from './read-body.ts';
import type { Exchange, Route } from './routes.ts';
import {
  acknowledgeAll,
  begun,
  cutOnLeave,
  isOver,
  named,
  refuseUnstarted,
  servedHeaders,
  settled,
} from './served-turn.ts';
import { EVENT_STREAM, SseOutput } from './sse-output.ts';
import { traceOf } from './trace-of.ts';
import type { HttpTimeouts } from './timeouts.ts';

/** What the routes of the surfaces share. */
export type SurfaceOptions = {
  readonly responses: Responses;
  readonly clock: Clock;
  readonly timeouts: HttpTimeouts;
  readonly idempotency: Idempotency;
  readonly answerOf: ErrorAnswerer;
};

export function responseRoutes(options: SurfaceOptions): readonly Route[] {
  return [
    { method: 'POST', path: '/v1/responses', handler: (exchange) => create(options, exchange) },
    { method: 'GET', path: '/v1/responses/:id', handler: (exchange) => retrieve(options, exchange) },
    { method: 'POST', path: '/v1/responses/:id/cancel', handler: (exchange) => cancel(options, exchange) },
  ];
}

async function create(options: SurfaceOptions, exchange: Exchange): Promise<void> {
  const { request } = exchange;
  const dialect = dialectOf(request.headers);
  const { body, fields } = await readFor(dialect, async () => {
    const text = await readBody(request);
    return { body: text, fields: await parseLargeBody(text) };
  });
  try {
    const threadId = threadIdOf(fields, request.headers);
    const asked = options.responses.complete({ ...decodeResponse(fields), dialect, threadId });
    await respond(options, exchange, { body, asked: await counted(asked) });
  } catch (error) {
    if (fields['stream'] !== true) throw error;
    refuseInStream(error, { exchange, answerOf: options.answerOf, dialect });
  }
}

type Asked = { readonly body: string; readonly asked: CreateResponse };

async function respond(options: SurfaceOptions, exchange: Exchange, { body, asked }: Asked): Promise<void> {
  const { responses, idempotency } = options;
  const { request, response, caller, revocation } = exchange;
  if (isOver(response)) return;
  const fieldName = responseFields(asked);
  const start = async (): Promise<[ServedResponse]> => [
    await responses.create(caller, { ...asked, trace: traceOf(request) }),
  ];
  const answering = await named(fieldName, () => idempotency.once({ request, caller, body }, start));
  const { turns, isRepeat, forget } = answering;
  const [served] = turns;
  assert(served !== undefined, 'a request has an answer');
  if (!asked.background && !isRepeat) cutOnLeave(turns, { responses, exchange, onCut: forget });
  if (asked.background && !asked.stream) {
    acknowledgeAll(served);
    // Named when it has begun: from then on every gateway of the cell finds it.
    await begun([served.record], { clock: options.clock, waitMs: options.timeouts.queuedMs });
    sendJson(response, served);
  } else if (asked.stream) await streamNew(options, response, { served, fieldName, owns: !isRepeat, revocation });
  else await answer(response, served, fieldName);
}

/** Waits for the end; a refused turn is a status, since nothing was sent yet. */
async function answer(response: ServerResponse, served: ServedResponse, fieldName: FieldName): Promise<void> {
  acknowledgeAll(served);
  await settled([served.record]);
  if (isOver(response)) return;
  refuseUnstarted(served.record, fieldName);
  sendJson(response, served);
}

function sendJson(response: ServerResponse, served: ServedResponse): void {
  if (isOver(response)) return;
  const { profile, record } = served;
  const running = record.started === undefined ? 'queued' : 'in_progress';
  const status = record.ended === undefined ? running : terminalStatus(record.ended);
  const text = JSON.stringify(responseObject(profile, record, status));
  response.writeHead(200, { ...servedHeaders(served), 'content-type': 'application/json' }).end(text);
}

type New = Pick<Streaming, 'served' | 'owns' | 'revocation'> & { readonly fieldName: FieldName };

/** Headers leave at the turn's start, or when it waits; a refusal before that is a status. */
async function streamNew(options: SurfaceOptions, response: ServerResponse, asked: New): Promise<void> {
  const { served, owns, fieldName, revocation } = asked;
  const waits = await begun([served.record], { clock: options.clock, waitMs: options.timeouts.queuedMs });
  if (isOver(response)) {
    if (owns) acknowledgeAll(served);
    return;
  }
  refuseUnstarted(served.record, fieldName);
  stream(options, response, { served, owns, waits, revocation });
}

type Streaming = {
  readonly served: ServedResponse;
  /** The turn's credit follows this reader's socket. */
  readonly owns: boolean;
  readonly revocation: Revocation;
  readonly after?: number;
  /** An event for each token: a reader that looks for its place by itself may not find it in a longer one (§4.1a). */
  readonly tokenwise?: boolean;
  /** The turn has not started yet, and the client is told. */
  readonly waits?: boolean;
};

function stream(options: SurfaceOptions, response: ServerResponse, streaming: Streaming): void {
  const { served, owns, revocation, after, tokenwise = !owns, waits = false } = streaming;
  const { record, profile, conversation, turnId } = served;
  const flushed = (position: number): void => {
    if (owns) conversation.flushed(turnId, position);
    reader.taken();
  };
  const { clock, timeouts } = options;
  const keepalive = (): void => {
    const sequence = Math.max(reader.sequence, after ?? 0);
    output.write('keepalive', sequence, JSON.stringify({ type: 'keepalive', sequence_number: sequence }));
  };
  const position = (): number => reader.position;
  const output = new SseOutput(response, { position, flushed, clock, silenceMs: timeouts.silenceMs, keepalive });
  const reader = new ResponseReader({
    record,
    profile,
    output,
    ...(after === undefined ? {} : { after }),
    tokenwise,
    onEnd: () => output.end(),
  });
  response.writeHead(200, { ...servedHeaders(served), ...EVENT_STREAM });
  response.once('close', () => {
    reader.close();
    output.abandon();
    if (owns) acknowledgeAll(served);
  });
  revocation.listen((error) => reader.fail(lostTurn(turnId, record, error)));
  if (waits) reader.waits();
  reader.pump();
}

async function retrieve(options: SurfaceOptions, exchange: Exchange): Promise<void> {
  const { query, request, response, revocation } = exchange;
  const streams = query.get('stream') === 'true';
  const after = streams ? cursor(query.get('starting_after') ?? request.headers['last-event-id']) : undefined;
  const { served, isTaken } = await found(options.responses, exchange, after);
  if (isOver(response)) return;
  if (streams) {
    const behind = after === undefined ? {} : { after: checkCursor(served.record, after) };
    stream(options, response, { served, owns: isTaken, revocation, tokenwise: after === undefined, ...behind });
    return;
  }
  if (isTaken) {
    acknowledgeAll(served);
    // One that was over comes to its end as fast as its tokens come; a running one is told as it is.
    await within(options.clock, served.record.whenEnded(), options.timeouts.queuedMs);
  }
  sendJson(response, served);
}

/**
 * A response by its id; one that another gateway served is taken over with its session (PROTOCOL §7). `isTaken`: it was,
 * and nobody reads it here yet. A path that names nothing is not found; a body that does is a bad request (§4.1).
 */
async function found(
  responses: Responses,
  { caller, parts }: Pick<Exchange, 'caller' | 'parts'>,
  after = 0,
): Promise<{ readonly served: ServedResponse; readonly isTaken: boolean }> {
  const [id = ''] = parts;
  const held = responses.held(caller, id);
  try {
    const served = await responses.recover(caller, id, { offset: offsetOfSequence(after), resumeToken: undefined });
    return { served, isTaken: served !== held };
  } catch (error) {
    throw isReticleError(error) && error.code === 'turn_not_found' ? new StatusError(404, error) : error;
  }
}

/** @throws ReticleError for what is no number */
function cursor(text: string | string[] | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (typeof text !== 'string' || !/^\d{1,15}$/.test(text)) {
    throw new ReticleError('invalid_request', 'the cursor is a sequence number', { param: 'starting_after' });
  }
  return Number(text);
}

async function cancel({ responses }: SurfaceOptions, exchange: Exchange): Promise<void> {
  const { served, isTaken } = await found(responses, exchange);
  if (isTaken) acknowledgeAll(served);
  await responses.cut(served, 'keep-generated');
  await settled([served.record]);
  sendJson(exchange.response, served);
}
