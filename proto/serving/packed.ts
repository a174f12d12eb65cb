import { gunzipSync, gzipSync } from 'node:zlib';
import { limits } from '../contract/index.ts';
import { readSnapshot, type SnapshotRead } from './snapshot.ts';

/** Base64 and slack of a whole snapshot that does not compress. */
export const PACKED_CHARACTERS_MAX = 2 * limits.messageBytesMax;

/** A serialised snapshot as text for a ConfigMap or a file: gzip, base64. */
export function packSnapshot(bytes: Uint8Array): string {
  return gzipSync(bytes).toString('base64');
}

/** Reads and checks a packed snapshot. Never throws on any text. */
export function unpackSnapshot(text: string): SnapshotRead {
  if (text.length > PACKED_CHARACTERS_MAX) return { problem: 'text: too long' };
  try {
    return readSnapshot(gunzipSync(Buffer.from(text, 'base64'), { maxOutputLength: limits.messageBytesMax }));
  } catch {
    return { problem: 'text: not packed' };
  }
}
