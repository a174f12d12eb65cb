/** Sizes in bytes (RFC 9113 §4.1, §3.4; gRPC's own prefix: one flag and a length). */
const HEADER = 9;
const GRPC_PREFIX = 5;
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const DATA = 0;

/** A place between two frames. */
export type Border = {
  /** Index of the byte behind it in what was read. */
  readonly at: number;
  /** The stream whose frame ends here, when it was open and the frame was one whole gRPC message. */
  readonly stream: number | undefined;
};

/** Finds the borders of HTTP/2 frames in one direction of a wire as its bytes pass, in whatever pieces. */
export class Http2Borders {
  readonly #head = Buffer.alloc(HEADER + GRPC_PREFIX);
  /** Bytes of the current frame that were read, and how many it has. */
  #read = 0;
  #size = Infinity;
  #prefaceRead = 0;

  /** Reads on, from the wire's first byte; gives the borders within `bytes`, its end included. */
  read(bytes: Uint8Array): readonly Border[] {
    const borders: Border[] = [];
    let at = this.#skipPreface(bytes);
    while (at < bytes.length) {
      at += this.#take(bytes.subarray(at));
      if (this.#read < this.#size) continue;
      borders.push({ at, stream: this.#messageStream() });
      this.#read = 0;
      this.#size = Infinity;
    }
    return borders;
  }

  /** The side that dialled says it first. */
  #skipPreface(bytes: Uint8Array): number {
    let at = 0;
    while (this.#prefaceRead < PREFACE.length && at < bytes.length) {
      if (bytes[at] !== PREFACE[this.#prefaceRead]) {
        this.#prefaceRead = PREFACE.length;
        break;
      }
      this.#prefaceRead += 1;
      at += 1;
    }
    return at;
  }

  /** Takes a part of the current frame; gives its length. */
  #take(bytes: Uint8Array): number {
    const headEnd = Math.min(this.#head.length, this.#read < HEADER ? HEADER : this.#size);
    const length = Math.min(bytes.length, (this.#read < headEnd ? headEnd : this.#size) - this.#read);
    if (this.#read < headEnd) this.#head.set(bytes.subarray(0, length), this.#read);
    this.#read += length;
    if (this.#read === HEADER) this.#size = HEADER + this.#head.readUIntBE(0, 3);
    return length;
  }

  #messageStream(): number | undefined {
    const [type, flags] = [this.#head[3], this.#head[4]];
    if (type !== DATA || flags !== 0 || this.#size < HEADER + GRPC_PREFIX) return undefined;
    const messageBytes = this.#head.readUInt32BE(HEADER + 1);
    return HEADER + GRPC_PREFIX + messageBytes === this.#size ? this.#head.readUInt32BE(5) : undefined;
  }
}

/** One frame that carries one gRPC message of these bytes. */
export function messageFrame(stream: number, message: Uint8Array): Buffer {
  const frame = Buffer.alloc(HEADER + GRPC_PREFIX + message.length);
  frame.writeUIntBE(GRPC_PREFIX + message.length, 0, 3);
  frame.writeUInt32BE(stream, 5);
  frame.writeUInt32BE(message.length, HEADER + 1);
  frame.set(message, HEADER + GRPC_PREFIX);
  return frame;
}
