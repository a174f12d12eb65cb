/** The bug that is planted in this process, if any. Loaded ahead of everything else, so it imports nothing of the product. */
import { join } from 'node:path';
import { ZOO, type Bug } from './bug.ts';
import { bugs } from './bugs.ts';

const root = join(import.meta.dirname, '../..');

/** The bug that the environment names, and the absolute path of its module. */
export function planted(): { readonly bug: Bug; readonly path: string } | undefined {
  // oxlint-disable-next-line node/no-process-env -- its one reader belongs to the product, which is not loaded yet.
  const name = process.env[ZOO];
  if (name === undefined || name === '') return undefined;
  const bug = bugs.find((each) => each.name === name);
  if (bug === undefined) throw new Error(`zoo: no bug is named ${name}`);
  return { bug, path: join(root, bug.file) };
}
