import type { StopCode } from './dialect.ts';

/** What a refusal says for itself: the error object of every OpenAI surface (PROTOCOL §6.3). */
export type RefusalText = { readonly message: string };

/**
 * The event of a refusal that stops Codex, at number 0: nothing was told before it.
 *
 * @param more fields of the event itself, as a lane's name
 */
export function refusedResponseEvent(code: StopCode, error: RefusalText, more: object = {}): string {
  const response = { id: '', object: 'response', status: 'failed', output: [], usage: null };
  const told = { ...response, error: { code, message: error.message }, reticle: { error } };
  return JSON.stringify({ type: 'response.failed', sequence_number: 0, response: told, ...more });
}
