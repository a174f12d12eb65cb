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

/** Characters of a server's message that are kept. */
const MESSAGE_CHARACTERS_MAX = 2_000;

/** A refusal with a status line. A write that a server answered with 5xx may have happened. */
export function refusal(status: number, body: KubeStatus, retryAfterMs?: number): KubeFailure {
  const kind = kindOf(status, body.reason);
  const seconds = body.details?.retryAfterSeconds;
  const waitMs = retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1000);
  return {
    kind,
    status,
    message: (body.message ?? body.reason ?? `status ${status}`).slice(0, MESSAGE_CHARACTERS_MAX),
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
  return { kind, status: 0, message: message.slice(0, MESSAGE_CHARACTERS_MAX), outcomeUnknown };
}

export function success<T>(value: T): KubeResult<T> {
  return { ok: true, value };
}

export function failed<T>(failure: KubeFailure): KubeResult<T> {
  return { ok: false, failure };
}
