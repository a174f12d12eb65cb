/** `/v1/chat/completions`: JSON and SSE (PROTOCOL §4.4). */
import type { ServerResponse } from 'node:http';
import { assert, ReticleError } from '@reticle/core/domain';
import { chatCompletion } from '../openai/chat-object.ts';
import { ChatReader, type ChunkOutput } from '../openai/chat-reader.ts';
import { counted } from '../openai/counted.ts';
import { decodeChat, type CreateChat } from '../openai/decode-chat.ts';
import { parseLargeBody, requestParam } from '../openai/json-fields.ts';
import type { Responses, ServedResponse } from '../openai/responses.ts';
import type { FieldName } from '../openai/response-fields.ts';
import type { Revocation } from './live-answers.ts';
import { readBody } from './read-body.ts';
import type { SurfaceOptions } from './responses-routes.ts';
import type { Exchange, Route } from './routes.ts';
import {
  acknowledgeAll,
  begun,
  cutOnLeave,
  failureOf,
  isOver,
  named,
  refusalOf,
  refuseFailed,
  servedHeaders,
  settled,
} from './served-turn.ts';
import { EVENT_STREAM, SseOutput } from './sse-output.ts';
import { traceOf } from './trace-of.ts';

export function chatRoutes(options: SurfaceOptions): readonly Route[] {
  return [{ method: 'POST', path: '/v1/chat/completions', handler: (exchange) => create(options, exchange) }];
}

const RESUME_TOKEN = 'x-reticle-resume-token';

/** One request's turns on their way to its client. */
type Answering = {
  readonly turns: readonly ServedResponse[];
  readonly asked: CreateChat;
  readonly fieldName: FieldName;
  readonly requestId: string;
  readonly revocation: Revocation;
  /** The turns' credit follows this client's socket. */
  readonly owns: boolean;
  /** Offset that the client has. */
  readonly after?: number;
};

async function create(options: SurfaceOptions, exchange: Exchange): Promise<void> {
  const { responses, idempotency } = options;
  const { request, response, caller, requestId, revocation } = exchange;
  const body = await readBody(request);
  const asked = await completed(responses, decodeChat(await parseLargeBody(body)));
  if (isOver(response)) return;
  const fieldName = fieldNames(asked);
  const token = request.headers[RESUME_TOKEN];
  if (token !== undefined) {
    const resumed = resume(options, { asked, caller, request, token });
    await streamNew(options, response, { ...resumed, asked, fieldName, requestId, revocation, owns: false });
    return;
  }
  const start = (): Promise<readonly ServedResponse[]> =>
    responses.createChoices(caller, { ...asked.create, trace: traceOf(request) }, asked.choices);
  const answered = await named(fieldName, () => idempotency.once({ request, caller, body }, start));
  const { turns, isRepeat, forget } = answered;
  if (!isRepeat) cutOnLeave(turns, { responses, exchange, onCut: forget });
  const answering = { turns, asked, fieldName, requestId, revocation, owns: !isRepeat };
  if (asked.create.stream) await streamNew(options, response, answering);
  else await answer(options, response, answering);
}

/** With what its model gives, its tokens counted; an item that comes so stands before the first message's. */
async function completed(responses: Responses, asked: CreateChat): Promise<CreateChat> {
  const create = await counted(responses.complete(asked.create));
  const origins = create.items.length === asked.create.items.length ? asked.origins : [0, ...asked.origins];
  return { ...asked, create, origins };
}

type Resuming = Pick<Exchange, 'caller' | 'request'> & {
  readonly asked: CreateChat;
  readonly token: string | readonly string[];
};

/**
 * The running or finished turn that a token of this gateway names, and how far its client has it (§7).
 *
 * @throws ReticleError `turn_not_found` for any other token: the client sends its request anew
 */
function resume(
  { responses }: SurfaceOptions,
  { asked, caller, request, token }: Resuming,
): Pick<Answering, 'turns' | 'after'> {
  if (asked.choices !== 1 || !asked.create.stream || typeof token !== 'string') {
    throw new ReticleError('invalid_request', 'one choice that streams can be resumed', { param: RESUME_TOKEN });
  }
  const turn = responses.findByToken(caller, token);
  const cursor = request.headers['last-event-id'] ?? '0';
  if (typeof cursor !== 'string' || !/^\d{1,9}$/.test(cursor)) {
    throw new ReticleError('invalid_request', 'the cursor is an offset', { param: 'last-event-id' });
  }
  const after = Number(cursor);
  if (after > turn.record.end) {
    const details = { limit: String(turn.record.end), requested: cursor };
    throw new ReticleError('value_out_of_range', 'the cursor lies ahead of what was told', {
      param: 'last-event-id',
      details,
    });
  }
  return { turns: [turn], ...(after === 0 ? {} : { after }) };
}

/** The session layer's names → those of the Chat body. */
function fieldNames({ outputField, origins }: CreateChat): FieldName {
  const names: Readonly<Record<string, string | undefined>> = {
    max_output_tokens: outputField,
    text_format: 'response_format',
    choice: 'n',
    tier: 'service_tier',
  };
  return (param) => {
    const plain = requestParam(param);
    const message = (_: string, item: string): string => `messages[${origins[Number(item)] ?? item}]`;
    return names[plain] ?? plain.replace(/^input\[(\d+)\]/, message).replace(/^input$/, 'messages');
  };
}

/** Waits for every end; a turn that failed is a status, since nothing was sent yet. */
async function answer(options: SurfaceOptions, response: ServerResponse, answering: Answering): Promise<void> {
  const { turns } = answering;
  for (const turn of turns) acknowledgeAll(turn);
  const records = turns.map(({ record }) => record);
  await settled(records);
  if (isOver(response)) return;
  refuse(options, answering);
  const text = JSON.stringify(chatCompletion({ profile: firstOf(turns).profile, records }));
  response.writeHead(200, { ...servedHeaders(firstOf(turns)), 'content-type': 'application/json' }).end(text);
}

/** One choice that fails before the first byte fails the request. */
function refuse({ responses }: SurfaceOptions, { turns, fieldName }: Answering): void {
  const records = turns.map(({ record }) => record);
  if (failureOf(records) === undefined) return;
  for (const turn of turns) responses.leave(turn);
  refuseFailed(records, fieldName);
}

function firstOf(turns: readonly ServedResponse[]): ServedResponse {
  const [first] = turns;
  assert(first !== undefined, 'a request has a choice');
  return first;
}

/** Headers leave at the turns' start, or when one waits; a refusal before that is a status. */
async function streamNew(options: SurfaceOptions, response: ServerResponse, answering: Answering): Promise<void> {
  const { turns } = answering;
  const records = turns.map(({ record }) => record);
  await begun(records, { clock: options.clock, waitMs: options.timeouts.queuedMs });
  if (isOver(response)) {
    if (answering.owns) for (const turn of turns) acknowledgeAll(turn);
    return;
  }
  refuse(options, answering);
  stream(options, response, answering);
}

function stream(options: SurfaceOptions, response: ServerResponse, answering: Answering): void {
  const { turns, asked, owns, revocation, after } = answering;
  const { clock, timeouts } = options;
  const flushed = (positions: readonly number[]): void =>
    turns.forEach(({ conversation, turnId }, choice) => conversation.flushed(turnId, positions[choice] ?? 0));
  const output = new SseOutput<readonly number[]>(response, {
    position: () => reader.positions,
    flushed: owns ? flushed : () => {},
    clock,
    silenceMs: timeouts.silenceMs,
    keepalive: () => output.frame(': keepalive\n\n'),
  });
  const chunks = chunkOutput(options, output, answering);
  const reader = new ChatReader({
    profile: firstOf(turns).profile,
    records: turns.map(({ record }) => record),
    output: chunks,
    includeUsage: asked.includeUsage,
    ...(after === undefined ? {} : { after }),
  });
  response.writeHead(200, { ...servedHeaders(firstOf(turns)), ...EVENT_STREAM });
  response.flushHeaders();
  response.once('close', () => {
    reader.close();
    output.abandon();
    if (owns) for (const turn of turns) acknowledgeAll(turn);
  });
  revocation.listen(({ code, message }) => {
    reader.close();
    chunks.failed({ code, message, param: '' });
  });
  reader.pump();
}

/** Chunks as events; `id` is an offset only where there is one answer. */
function chunkOutput(
  { answerOf, responses }: SurfaceOptions,
  output: SseOutput<readonly number[]>,
  { turns, requestId, fieldName }: Answering,
): ChunkOutput {
  return {
    chunk: (json, offset) => output.frame(`${offset === undefined ? '' : `id: ${offset}\n`}data: ${json}\n\n`),
    done: () => {
      output.frame('data: [DONE]\n\n');
      output.end();
    },
    failed: (error) => {
      for (const turn of turns) responses.leave(turn);
      output.frame(`data: ${JSON.stringify(answerOf(refusalOf(error, fieldName), requestId).body)}\n\n`);
      output.end();
    },
  };
}
