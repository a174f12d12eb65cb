import { dirname, join } from 'node:path';
import { statePath, type LocalState, type LocalStateOptions } from '../local-state.ts';

/** Tells nothing that is secret. */
const MODE = 0o644;
const ANSWER_MS_MAX = 2_000;

/**
 * Writes what Codex wants to know of the models (PROTOCOL §4.4) beside the state file; gives its path. Undefined when the
 * gateway does not tell in time: Codex works without it, with a warning.
 */
export async function writeCodexCatalog(options: LocalStateOptions, state: LocalState): Promise<string | undefined> {
  try {
    const headers = { authorization: `Bearer ${state.apiKey}` };
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const answer = await fetch(`http://${state.http}/v1/models`, { headers, signal });
    const { models } = (await answer.json()) as { readonly models?: readonly unknown[] };
    if (!answer.ok || models === undefined) return undefined;
    const path = join(dirname(statePath(options.variables)), 'codex-catalog.json');
    await options.disk.writeText(path, `${JSON.stringify({ models }, undefined, 2)}\n`, MODE);
    return path;
  } catch {
    return undefined;
  }
}
