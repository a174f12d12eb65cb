/** An HTTP/1.1 body in chunks (RFC 9112 §7.1), without trailers: where its pieces are, as the bytes come. */
const CR = 0x0d;
const LF = 0x0a;

/** What comes next. */
const State = { size: 0, data: 1, dataEnd: 2, last: 3, over: 4 } as const;

export class ChunkedBody {
  #state: (typeof State)[keyof typeof State] = State.size;
  #size = 0;
  #left = 0;

  /** True behind the last chunk. */
  get over(): boolean {
    return this.#state === State.over;
  }

  /** Calls back with each piece of the body in [from, to); returns where the body ends, or `to`. */
  take(bytes: Buffer, from: number, to: number, piece: (from: number, to: number) => void): number {
    let at = from;
    while (at < to && this.#state !== State.over) {
      if (this.#state === State.data) {
        const end = Math.min(to, at + this.#left);
        piece(at, end);
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#state = State.dataEnd;
      } else {
        this.#line(bytes[at] as number);
        at += 1;
      }
    }
    return at;
  }

  #line(byte: number): void {
    if (byte === CR) return;
    if (byte !== LF) this.#digit(byte);
    else if (this.#state === State.last) this.#state = State.over;
    else if (this.#state === State.dataEnd) this.#state = State.size;
    else this.#begin();
  }

  #begin(): void {
    this.#left = this.#size;
    this.#size = 0;
    this.#state = this.#left === 0 ? State.last : State.data;
  }

  #digit(byte: number): void {
    const digit = this.#state === State.size ? Number.parseInt(String.fromCharCode(byte), 16) : NaN;
    if (Number.isNaN(digit)) throw new RangeError('the body is not in chunks');
    this.#size = this.#size * 16 + digit;
  }
}
