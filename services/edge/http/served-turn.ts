/** What the routes of every surface do with running turns: wait, refuse, acknowledge, cut, name who served. */
import type { ServerResponse } from 'node:http';
import { isReticleError, ReticleError } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { within } from '@reticle/core/process';
import type { TurnError } from '@reticle/services/session';
import type { FieldName } from '../openai/response-fields.ts';
import type { ResponseRecord } from '../openai/response-record.ts';
import type { Responses, ServedResponse } from '../openai/responses.ts';
import type { Exchange } from './routes.ts';

/** What a client that leaves wants of its running turn (R6). */
const ON_DISCONNECT = 'x-reticle-on-disconnect';

/**
 * Resolves when every turn has started or one has ended, and at the latest after `waitMs`: until then nothing is sent,
 * so that a refusal can be a status (PROTOCOL §4.1). True when a turn still waits.
 */
export async function begun(
  records: readonly ResponseRecord[],
  { clock, waitMs }: { readonly clock: Clock; readonly waitMs: number },
): Promise<boolean> {
  const met = (): boolean =>
    records.every(({ started }) => started !== undefined) || records.some(({ ended }) => ended !== undefined);
  await within(clock, until(records, met), waitMs);
  return !met();
}

/** Resolves when every turn has ended, or one has failed. */
export function settled(records: readonly ResponseRecord[]): Promise<void> {
  const over = (): boolean => records.every((record) => record.ended !== undefined);
  return until(records, () => over() || failureOf(records) !== undefined);
}

/** What the first turn that failed says. */
export function failureOf(records: readonly ResponseRecord[]): TurnError | undefined {
  return records.find(({ ended }) => ended?.error !== undefined)?.ended?.error;
}

function until(records: readonly ResponseRecord[], met: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): boolean => {
      if (!met()) return false;
      for (const stop of stops) stop();
      resolve();
      return true;
    };
    const stops = records.map((record) => record.listen(look));
    look();
  });
}

/** @throws ReticleError what refused a turn that never started */
export function refuseUnstarted(record: ResponseRecord, fieldName: FieldName): void {
  if (record.started === undefined) refuseFailed([record], fieldName);
}

/** @throws ReticleError what failed the first turn that did: nothing was sent yet */
export function refuseFailed(records: readonly ResponseRecord[], fieldName: FieldName): void {
  const error = failureOf(records);
  if (error !== undefined) throw refusalOf(error, fieldName);
}

/** What failed a turn, as what is thrown. */
export function refusalOf(
  { code, message, param, retryDelayMs, details }: TurnError,
  fieldName: FieldName,
): ReticleError {
  return new ReticleError(code, message, {
    ...(param === '' ? {} : { param: fieldName(param) }),
    ...(details === undefined ? {} : { details }),
    ...(retryDelayMs === undefined ? {} : { retryAfterMs: retryDelayMs }),
  });
}

/** Runs what the session layer may refuse; its fields get the names that the request has for them. */
export async function named<T>(fieldName: FieldName, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!isReticleError(error) || error.param === undefined) throw error;
    const { code, message, details, retryAfterMs, param } = error;
    const delay = retryAfterMs === undefined ? {} : { retryAfterMs };
    throw new ReticleError(code, message, { param: fieldName(param), details, ...delay, cause: error });
  }
}

/** Nobody's socket holds the turn back: what the record has taken is acknowledged. */
export function acknowledgeAll({ record, conversation, turnId }: ServedResponse): void {
  const look = (): void => {
    conversation.flushed(turnId, record.end);
    if (record.ended !== undefined) stop();
  };
  const stop = record.listen(look);
  // What was told before may have used up the turn's credit.
  look();
}

export type Leaving = {
  readonly responses: Responses;
  readonly exchange: Pick<Exchange, 'request' | 'response' | 'revocation'>;
  /** Told when turns were cut because nobody is there for them. */
  readonly onCut?: () => void;
};

/**
 * Closing the connection is the client's stop, unless it asked for the turn to go on (R6). Nothing goes on for a
 * credential that no longer holds.
 */
export function cutOnLeave(turns: readonly ServedResponse[], { responses, exchange, onCut }: Leaving): void {
  const { request, response, revocation } = exchange;
  const cut = (): void => {
    const running = turns.filter(({ record }) => record.ended === undefined);
    if (running.length > 0) onCut?.();
    for (const turn of running) responses.leave(turn);
  };
  revocation.listen(cut);
  if (request.headers[ON_DISCONNECT] === 'continue') return;
  // A client may be gone before its turn exists.
  if (response.destroyed) cut();
  else response.once('close', cut);
}

/** Whether there is nobody to answer: the client is gone, or was refused meanwhile. */
export function isOver({ destroyed, headersSent }: ServerResponse): boolean {
  return destroyed || headersSent;
}

/** Who serves, as far as it is known when headers leave (PROTOCOL §4.4). */
export function servedHeaders({ profile, record, conversation }: ServedResponse): Record<string, string> {
  const { started } = record;
  const token = started?.resumeToken ?? conversation.resumeToken;
  return {
    'openai-model': started?.model ?? profile.model,
    'x-reticle-session': profile.sessionId,
    ...(token === undefined ? {} : { 'x-reticle-resume-token': token }),
    ...(token === undefined || profile.dialect !== 'codex' ? {} : { 'x-codex-turn-state': token }),
    ...(started === undefined
      ? {}
      : {
          'x-reticle-region': started.region,
          'x-reticle-served-tier': started.servedTier,
          'x-reticle-reason': started.reason,
          'x-reticle-model-digest': started.modelDigest,
        }),
  };
}
