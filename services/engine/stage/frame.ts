/** Frames of the stage link: a length as u32, big endian, and so many bytes of JSON. */
import { ReticleError } from '@reticle/core/domain';

/** Longest payload; a ping or pong is a tenth of it. */
export const FRAME_BYTES_MAX = 4096;
const LENGTH_BYTES = 4;

export function encodeFrame(value: unknown): Uint8Array {
  const payload = Buffer.from(JSON.stringify(value));
  const frame = Buffer.alloc(LENGTH_BYTES + payload.length);
  frame.writeUInt32BE(payload.length);
  frame.set(payload, LENGTH_BYTES);
  return frame;
}

/** Cuts a byte stream into payloads. Holds one unfinished frame at most. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @throws ReticleError `request_too_large` for a frame past the bound, `invalid_json` for a payload that is none */
  read(chunk: Uint8Array): readonly unknown[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const values: unknown[] = [];
    while (this.#rest.length >= LENGTH_BYTES) {
      const length = this.#rest.readUInt32BE();
      if (length > FRAME_BYTES_MAX)
        throw new ReticleError('request_too_large', 'a frame of the stage link is too long');
      if (this.#rest.length < LENGTH_BYTES + length) break;
      values.push(parsed(this.#rest.subarray(LENGTH_BYTES, LENGTH_BYTES + length)));
      this.#rest = this.#rest.subarray(LENGTH_BYTES + length);
    }
    return values;
  }
}

function parsed(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString());
  } catch (error) {
    throw new ReticleError('invalid_json', 'a frame of the stage link is not JSON', { cause: error });
  }
}
