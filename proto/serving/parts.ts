import { createHash, timingSafeEqual } from 'node:crypto';
import { limits } from '../contract/index.ts';
import type { SnapshotHead, SnapshotHead__Input } from '../gen/reticle/serving/v1/SnapshotHead.ts';
import type { SnapshotPart, SnapshotPart__Input } from '../gen/reticle/serving/v1/SnapshotPart.ts';
import type { SnapshotRequest, SnapshotRequest__Input } from '../gen/reticle/serving/v1/SnapshotRequest.ts';
import { messageCodec, strictDecode } from '../load/index.ts';
import { isNewer, type SnapshotOrder } from './snapshot.ts';

const PART = 'reticle.serving.v1.SnapshotPart';
const HEAD = 'reticle.serving.v1.SnapshotHead';
const REQUEST = 'reticle.serving.v1.SnapshotRequest';
const DIGEST_BYTES = 32;
/** Of a snapshot as large as one message may be. */
const PARTS_MAX = Math.ceil(limits.messageBytesMax / limits.snapshotPartBytesMax);

export type SnapshotName = SnapshotOrder & { readonly cell: string };

export function snapshotDigest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** Serialised parts of a snapshot, in order, each within the bus's own bound. */
export function snapshotParts(bytes: Uint8Array, name: SnapshotName): Uint8Array[] {
  const codec = messageCodec<SnapshotPart__Input, SnapshotPart>(PART);
  const size = limits.snapshotPartBytesMax;
  const parts = Math.max(1, Math.ceil(bytes.length / size));
  const digest = snapshotDigest(bytes);
  return Array.from({ length: parts }, (_, part) =>
    codec.encode({ ...name, part, parts, digest, body: Buffer.from(bytes.subarray(part * size, (part + 1) * size)) }),
  );
}

export function encodeHead(name: SnapshotName, digest: Uint8Array): Uint8Array {
  return messageCodec<SnapshotHead__Input, SnapshotHead>(HEAD).encode({ ...name, digest: Buffer.from(digest) });
}

/** Undefined for bytes that are no head. */
export function readHead(bytes: Uint8Array): SnapshotHead | undefined {
  const { ok } = strictDecode<SnapshotHead>(HEAD, bytes);
  return ok?.digest.length === DIGEST_BYTES ? ok : undefined;
}

export function encodeRequest(order: SnapshotOrder): Uint8Array {
  return messageCodec<SnapshotRequest__Input, SnapshotRequest>(REQUEST).encode(order);
}

/** Undefined for bytes that are no request. */
export function readRequest(bytes: Uint8Array): SnapshotOrder | undefined {
  return strictDecode<SnapshotRequest>(REQUEST, bytes).ok;
}

type Open = SnapshotOrder & { readonly digest: Uint8Array; readonly bodies: (Uint8Array | undefined)[] };

/**
 * Puts parts together, in any order, with repeats and losses. Only the newest snapshot is being put together: a part of
 * a later one drops what there is of an earlier one.
 */
export class SnapshotAssembly {
  readonly #cell: string;
  #open: Open | undefined;
  #refused = 0;
  #lastOrder: SnapshotOrder = { term: 0, seq: 0 };

  constructor(cell: string) {
    this.#cell = cell;
  }

  /** Messages that were no part of this cell's snapshots, and wholes that were not what their digest said. */
  get refused(): number {
    return this.#refused;
  }

  /** Which snapshot the last whole was. */
  get lastOrder(): SnapshotOrder {
    return this.#lastOrder;
  }

  /** Takes one message; the whole, once its last part is there. Parts up to `inForce` are repeats and are dropped. */
  take(bytes: Uint8Array, inForce: SnapshotOrder): Uint8Array | undefined {
    const { ok: part } = strictDecode<SnapshotPart>(PART, bytes);
    if (part === undefined || !this.#isSound(part)) {
      this.#refused += 1;
      return undefined;
    }
    if (!isNewer(part, inForce)) return undefined;
    const open = this.#for(part);
    if (open === undefined) return undefined;
    open.bodies[part.part] = part.body;
    if (open.bodies.includes(undefined)) return undefined;
    this.#open = undefined;
    this.#lastOrder = { term: open.term, seq: open.seq };
    // Sound because none of them is undefined.
    const whole = Buffer.concat(open.bodies as Uint8Array[]);
    if (timingSafeEqual(snapshotDigest(whole), open.digest)) return whole;
    this.#refused += 1;
    return undefined;
  }

  #isSound({ cell, part, parts, digest, body }: SnapshotPart): boolean {
    const fits = parts >= 1 && parts <= PARTS_MAX && part < parts && body.length <= limits.snapshotPartBytesMax;
    return fits && cell === this.#cell && digest.length === DIGEST_BYTES;
  }

  /** What a part belongs to; undefined for one of an older snapshot, or of another one of the same number. */
  #for({ term, seq, parts, digest }: SnapshotPart): Open | undefined {
    const open = this.#open;
    if (open !== undefined && isNewer(open, { term, seq })) return undefined;
    if (open?.term === term && open.seq === seq && open.bodies.length === parts && digest.equals(open.digest))
      return open;
    const bodies = Array.from<Uint8Array | undefined>({ length: parts }).fill(undefined);
    return (this.#open = { term, seq, digest, bodies });
  }
}
