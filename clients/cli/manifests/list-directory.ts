import { readdir } from 'node:fs/promises';

/** Names of the entries of a directory; undefined for a path that is not one. Rejects when it cannot be read. */
export async function listDirectory(path: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(path);
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}
