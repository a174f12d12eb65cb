/**
 * `POST /v1/tickets`: what a page opens its WebSocket with (PROTOCOL §4.1a). The body is `{code}` (the one-time code that
 * `reticle up` prints), `{pass}` (what a code was answered with) or, with a key in the `authorization` header, empty or
 * `{origin}`: a server that mints for its own page names the page's origin, a browser sends its own. The answer names the
 * models that may be asked: a page cannot call `GET /v1/models`. A key with `{"grant": "code"}` gets another one-time code.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ReticleError } from '@reticle/core/domain';
import type { Caller } from '@reticle/services/stream';
import type { ServedModel } from '../openai/catalog.ts';
import { invalid, parseBody, text, type Fields } from '../openai/json-fields.ts';
import { CODE_MS } from '../tickets/ticket-desk.ts';
import { notValid, PASS_MS, TICKET_MS, type Tickets } from '../tickets/tickets.ts';
import { checkOrigin, foreignOrigin, isServedOrigin } from '../websocket/origins.ts';
import { StatusError } from './error-answer.ts';
import { servedTo } from './models.ts';
import { readBody } from './read-body.ts';

export const TICKETS_PATH = '/v1/tickets';
/** A pass is the longest thing in it. */
const BODY_BYTES_MAX = 8_192;

export type TicketRouteOptions = {
  readonly tickets: Tickets;
  readonly allowedOrigins: readonly string[];
  /** Models with a ready engine. */
  readonly models: () => readonly ServedModel[];
  /** Judges the request's `authorization` header. */
  readonly authenticate: (request: IncomingMessage) => Caller;
};

/** @throws ReticleError what refuses the request */
export async function answerTicket(
  { tickets, allowedOrigins, models, authenticate }: TicketRouteOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') {
    response.setHeader('allow', 'POST');
    throw new StatusError(405, new ReticleError('unimplemented', 'this path has other methods'));
  }
  checkOrigin(request, allowedOrigins);
  const keyed = request.headers.authorization === undefined ? undefined : authenticate(request);
  const body = await readBody(request, BODY_BYTES_MAX);
  const fields = body === '' ? {} : parseBody(body);
  if (text(fields, 'grant') !== undefined) {
    send(response, await grant(tickets, keyed, fields));
    return;
  }
  const origin = originOf(request, fields, allowedOrigins);
  const { caller, isNewPage } = await callerOf(tickets, { keyed, fields, origin });
  const pass = isNewPage ? { pass: tickets.mintPass(caller, origin), pass_expires_in: PASS_MS / 1_000 } : {};
  const names = servedTo(caller, models()).map(({ name }) => name);
  const answer = { ticket: tickets.mint(caller, origin), expires_in: TICKET_MS / 1_000, models: names, ...pass };
  send(response, answer);
}

function send(response: ServerResponse, answer: object): void {
  response
    .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(JSON.stringify(answer));
}

/** For a key alone: a pass that could get codes would never end. */
async function grant(tickets: Tickets, keyed: Caller | undefined, fields: Fields): Promise<object> {
  if (keyed === undefined) throw notValid();
  if (text(fields, 'grant') !== 'code') throw invalid('a key is granted a "code"', 'grant');
  return { code: await tickets.mintCode(keyed), expires_in: CODE_MS / 1_000 };
}

type Asked = { readonly keyed: Caller | undefined; readonly fields: Fields; readonly origin: string };

async function callerOf(
  tickets: Tickets,
  { keyed, fields, origin }: Asked,
): Promise<{ readonly caller: Caller; readonly isNewPage: boolean }> {
  const code = text(fields, 'code');
  const pass = text(fields, 'pass');
  const given = [keyed, code, pass].filter((each) => each !== undefined);
  if (given.length > 1) throw new ReticleError('invalid_request', 'there is more than one credential');
  if (keyed !== undefined) return { caller: keyed, isNewPage: false };
  if (pass !== undefined) return { caller: tickets.admit(pass, origin), isNewPage: false };
  if (code !== undefined) return { caller: await tickets.exchange(code), isNewPage: true };
  throw notValid();
}

/** The page's origin: the browser's word, or what the page's own server says. */
function originOf(request: IncomingMessage, fields: Fields, allowed: readonly string[]): string {
  const origin = request.headers.origin ?? text(fields, 'origin');
  if (origin === undefined) {
    const message = 'a ticket is for the pages of one origin: name it';
    throw new ReticleError('missing_required_parameter', message, { param: 'origin' });
  }
  if (!isServedOrigin(request, origin, allowed)) throw foreignOrigin();
  return origin;
}
