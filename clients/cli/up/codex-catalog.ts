import { dirname, join } from 'node:path';
import type { LocalPlatformState } from '@reticle/core/domain';
import { statePath, type LocalStateOptions } from '../local-state.ts';

/** Tells nothing that is secret. */
const MODE = 0o644;

/** Writes what Codex wants to know of the models (PROTOCOL §4.4) beside the state file; gives its path. */
export async function writeCodexCatalog(
  { disk, variables }: LocalStateOptions,
  models: LocalPlatformState['codexModels'],
): Promise<string> {
  const path = join(dirname(statePath(variables)), 'codex-catalog.json');
  await disk.writeText(path, `${JSON.stringify({ models }, undefined, 2)}\n`, MODE);
  return path;
}
