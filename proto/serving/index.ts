export {
  encodeHead,
  encodeRequest,
  readHead,
  readRequest,
  SnapshotAssembly,
  snapshotDigest,
  snapshotParts,
} from './parts.ts';
export type { SnapshotName } from './parts.ts';
export { PACKED_CHARACTERS_MAX, packSnapshot, unpackSnapshot } from './packed.ts';
export { encodeSnapshot, isNewer, readSnapshot, SNAPSHOT_FORMAT } from './snapshot.ts';
export type { SnapshotOrder, SnapshotRead } from './snapshot.ts';
