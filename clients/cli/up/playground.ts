import type { Spawn } from '@reticle/core/process';
import { join } from 'node:path';

const REPOSITORY = join(import.meta.dirname, '..', '..', '..');
/** A file, not an import: it is no part of this package, and what it needs is loaded only where something is built. */
const BUILD = join(REPOSITORY, 'scripts', 'build-playground.ts');
/** Where it puts the page. */
export const PLAYGROUND = join(REPOSITORY, 'dist', 'playground');

/** Builds the page where the build is missing or older than its sources; false when it cannot be built. */
export async function buildPlayground(spawn: Spawn, progress: (text: string) => void): Promise<boolean> {
  const { exited } = spawn.fork(BUILD, [], { output: (_stream, line) => progress(line) });
  const { code } = await exited;
  if (code !== 0) progress('the playground could not be built: everything else runs');
  return code === 0;
}

/** The address that opens the page of the server at `base` once: no server sees what stands behind the `#`. */
export function playgroundAddress(base: string, code: string): string {
  return `${base}/playground/#${code}`;
}
