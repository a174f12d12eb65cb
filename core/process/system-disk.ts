import { access, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomBytes } from 'node:crypto';
import type { Disk } from './env.ts';

const READ_BYTES_MAX = 16 * 1024 * 1024;

/** The machine's files. */
export const systemDisk: Disk = {
  readText,
  writeText,
  remove: (path) => rm(path, { force: true, recursive: true }),
  exists: async (path) => {
    try {
      await access(path);
      return true;
    } catch {
      // No such file, a broken link and a folder that may not be searched are all "not there" to the caller.
      return false;
    }
  },
};

/** The cap holds while reading, since a file may grow and a device has no size. */
async function readText(path: string, bytesMax: number = READ_BYTES_MAX): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const file = await open(path, 'r');
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(Math.min(65_536, bytesMax + 1 - bytes)));
      if (bytesRead === 0) break;
      bytes += bytesRead;
      if (bytes > bytesMax) throw new RangeError(`file is larger than ${bytesMax} bytes`);
      chunks.push(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
}

/** Written beside the target and renamed over it after a sync: a crash leaves the old file or the new one. */
async function writeText(path: string, text: string, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(draft, 'wx', mode);
    try {
      await file.writeFile(text, 'utf8');
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
