import type { ServingSnapshot, ServingSnapshot__Input } from '../gen/reticle/serving/v1/ServingSnapshot.ts';
import { messageCodec, strictDecode } from '../load/index.ts';
import { snapshotProblem } from './snapshot-problem.ts';

const NAME = 'reticle.serving.v1.ServingSnapshot';

/** Of the messages that this version writes, and the only one that it reads. */
export const SNAPSHOT_FORMAT = 1;

export function encodeSnapshot(snapshot: ServingSnapshot__Input): Uint8Array {
  codec ??= messageCodec<ServingSnapshot__Input, ServingSnapshot>(NAME);
  return codec.encode(snapshot);
}

let codec: { encode(message: ServingSnapshot__Input): Uint8Array } | undefined;

/** A snapshot, or what is wrong with it; the text names a field and never repeats what is in it. */
export type SnapshotRead =
  | { readonly ok: ServingSnapshot; readonly problem?: never }
  | { readonly problem: string; readonly ok?: never };

/** Reads and checks a whole snapshot, at either end (OPERATOR §16, PROMISES P26). Never throws on any bytes. */
export function readSnapshot(bytes: Uint8Array): SnapshotRead {
  const { ok, refusal } = strictDecode<ServingSnapshot>(NAME, bytes);
  if (refusal !== undefined) return { problem: `${refusal.param === '' ? 'bytes' : refusal.param}: ${refusal.code}` };
  const problem = ok.format === SNAPSHOT_FORMAT ? snapshotProblem(ok) : 'format: unknown';
  return problem === undefined ? { ok } : { problem };
}

/** Which of a cell's snapshots: a later leadership wins over any number of an earlier one. */
export type SnapshotOrder = { readonly term: number; readonly seq: number };

export function isNewer(next: SnapshotOrder, than: SnapshotOrder): boolean {
  return next.term === than.term ? next.seq > than.seq : next.term > than.term;
}
