import type { KubeFailure, KubeFailureKind, KubeResult } from './port.ts';

/** The server's own description of a refusal (`meta/v1 Status`), as far as it is read. */
export type KubeStatus = {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
};

const kindOfCode: Readonly<Record<number, KubeFailureKind>> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
  408: 'timeout',
  409: 'conflict',
  410: 'expired',
  415: 'badRequest',
  422: 'invalid',
  429: 'throttled',
  504: 'timeout',
};

/** Characters of a server's message that are kept of its beginning and its end: the middle may quote a whole object. */
const MESSAGE_HEAD_CHARACTERS = 400;
const MESSAGE_TAIL_CHARACTERS = 1_600;

/** A refusal with a status line. A write that a server answered with 5xx may have happened. */
export function refusal(status: number, body: KubeStatus, retryAfterMs?: number): KubeFailure {
  const kind = kindOf(status, body.reason);
  const seconds = body.details?.retryAfterSeconds;
  const waitMs = retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1000);
  return {
    kind,
    status,
    message: shortened(body.message ?? body.reason ?? `status ${status}`),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    outcomeUnknown: status >= 500 || kind === 'timeout',
  };
}

function kindOf(status: number, reason: string | undefined): KubeFailureKind {
  if (reason === 'AlreadyExists') return 'alreadyExists';
  return kindOfCode[status] ?? (status >= 500 ? 'serverError' : 'badRequest');
}

/** No answer, or none that can be read. `outcomeUnknown` unless the request certainly never left. */
export function noAnswer(
  kind: 'timeout' | 'unreachable' | 'malformed' | 'notLeader',
  message: string,
  outcomeUnknown = true,
): KubeFailure {
  return { kind, status: 0, message: shortened(message), outcomeUnknown };
}

function shortened(text: string): string {
  if (text.length <= MESSAGE_HEAD_CHARACTERS + MESSAGE_TAIL_CHARACTERS) return text;
  return `${text.slice(0, MESSAGE_HEAD_CHARACTERS)} … ${text.slice(-MESSAGE_TAIL_CHARACTERS)}`;
}

export function success<T>(value: T): KubeResult<T> {
  return { ok: true, value };
}

export function failed<T>(failure: KubeFailure): KubeResult<T> {
  return { ok: false, failure };
}
