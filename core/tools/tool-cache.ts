import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Tool } from './tool-table.ts';

/** Of processes that repair one damaged entry, each may undo another's step once. */
const ATTEMPTS_MAX = 5;

/** `${XDG_CACHE_HOME:-~/.cache}/reticle/tools/<name>-<version>/`: shared by all clones on a machine. */
function cacheFolder(name: string, tool: Tool, environment: NodeJS.ProcessEnv): string {
  const base = environment['XDG_CACHE_HOME'] || join(environment['HOME'] || homedir(), '.cache');
  return join(base, 'reticle', 'tools', `${name}-${tool.version}`);
}

/** The cached program, if it is there with the content that was put there. */
export function cachedTool(name: string, tool: Tool, environment: NodeJS.ProcessEnv): string | undefined {
  const path = join(cacheFolder(name, tool, environment), name);
  try {
    return readFileSync(`${path}.sha256`, 'utf8').trim() === digestOf(path) ? path : undefined;
  } catch {
    // Not there, or half there: it is put there anew.
    return undefined;
  }
}

/** A new folder beside the cached ones, where `name` is to be built. */
export function draftFolder(name: string, tool: Tool, environment: NodeJS.ProcessEnv): string {
  const draft = `${cacheFolder(name, tool, environment)}.${randomUUID()}.draft`;
  mkdirSync(draft, { recursive: true });
  return draft;
}

/**
 * Makes a draft the cached one in one step; of two processes that race, one wins and both use what lies there.
 * Returns the program's path.
 */
export function publishDraft(draft: string, name: string, at: { tool: Tool; environment: NodeJS.ProcessEnv }): string {
  const folder = cacheFolder(name, at.tool, at.environment);
  writeFileSync(join(draft, `${name}.sha256`), `${digestOf(join(draft, name))}\n`);
  mkdirSync(dirname(folder), { recursive: true });
  for (let attempt = 1; cachedTool(name, at.tool, at.environment) === undefined; attempt++) {
    try {
      renameSync(draft, folder);
    } catch (error) {
      // A rename replaces no folder that has content: another process was first, or what lies there is damaged.
      if (attempt === ATTEMPTS_MAX) throw error;
      if (cachedTool(name, at.tool, at.environment) === undefined) rmSync(folder, { recursive: true, force: true });
    }
  }
  return join(folder, name);
}

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
