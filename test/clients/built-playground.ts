import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** Folder of the playground's build, made when it is missing or stale. */
export function builtPlayground(): string {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts/build-playground.ts')], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the playground could not be built: ${stderr}`);
  return join(ROOT, 'dist/playground');
}
