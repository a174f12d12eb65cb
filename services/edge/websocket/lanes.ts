import { ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { CreateFrame } from './client-frame.ts';

/** Requests of one `stream_id`, one after the other; the lane without an id takes one at a time and none waits. */
export type Lane = { readonly streamId: string | undefined; readonly waiting: CreateFrame[] };

const LANES_MAX = 8;
const WAITING_MAX = 8;
/** Of all requests of a socket that wait, together. */
const WAITING_BYTES_MAX = limits.messageBytesMax;

/** The lanes of one socket. A lane exists while something runs in it. */
export class Lanes {
  readonly #lanes = new Map<string | undefined, Lane>();
  #waitingBytes = 0;

  get busy(): number {
    return this.#lanes.size;
  }

  /**
   * The lane, when the request is the first in it; undefined when it waits there.
   *
   * @throws ReticleError `response_in_flight` when it can neither run nor wait, `concurrency_exceeded` for one lane too many
   */
  admit(frame: CreateFrame): Lane | undefined {
    const { streamId, bytes } = frame;
    const known = this.#lanes.get(streamId);
    if (known !== undefined) {
      this.#checkRoom(known, bytes);
      known.waiting.push(frame);
      this.#waitingBytes += bytes;
      return undefined;
    }
    return this.take(streamId);
  }

  /**
   * A lane in which nothing runs.
   *
   * @throws ReticleError as {@link admit}
   */
  take(streamId: string | undefined): Lane {
    if (this.#lanes.has(streamId)) throw new ReticleError('response_in_flight', 'a response still runs in this lane');
    if (this.#lanes.size >= LANES_MAX) {
      const details = { limit: String(LANES_MAX) };
      throw new ReticleError('concurrency_exceeded', 'too many lanes run on this socket', { details });
    }
    const lane = { streamId, waiting: [] };
    this.#lanes.set(streamId, lane);
    return lane;
  }

  /** What the lane runs next; it is given up when there is nothing. */
  next(lane: Lane): CreateFrame | undefined {
    const frame = lane.waiting.shift();
    if (frame === undefined) this.#lanes.delete(lane.streamId);
    else this.#waitingBytes -= frame.bytes;
    return frame;
  }

  /** Takes every request that waits. */
  takeWaiting(): readonly CreateFrame[] {
    this.#waitingBytes = 0;
    return [...this.#lanes.values()].flatMap(({ waiting }) => waiting.splice(0));
  }

  #checkRoom({ streamId, waiting }: Lane, bytes: number): void {
    if (streamId === undefined) throw new ReticleError('response_in_flight', 'a response still runs on this socket');
    if (waiting.length < WAITING_MAX && this.#waitingBytes + bytes <= WAITING_BYTES_MAX) return;
    const details = { limit: String(WAITING_MAX) };
    throw new ReticleError('response_in_flight', 'too many requests wait on this socket', { details });
  }
}
