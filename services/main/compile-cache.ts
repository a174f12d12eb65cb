import { flushCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * What a child's environment says about Node's compile cache: modules without their types, and their bytecode, kept in
 * `${XDG_CACHE_HOME:-~/.cache}/reticle/compile` (half of the CPU time of a gateway's start is theirs). It is the user's
 * own folder and not Node's default under the temporary one, where another user could put code. Nothing where the user
 * has chosen a folder or switched the cache off.
 */
export function compileCacheEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  if (environment['NODE_COMPILE_CACHE'] || environment['NODE_DISABLE_COMPILE_CACHE']) return {};
  const base = environment['XDG_CACHE_HOME'] || join(environment['HOME'] || homedir(), '.cache');
  return { NODE_COMPILE_CACHE: join(base, 'reticle', 'compile') };
}

/** Writes what this process has compiled, for the next one; Node does it at an orderly exit only. */
export function keepCompiled(): void {
  flushCompileCache();
}
