/** Hand-written reader of `ConverseResponse.token_frame`, so that the receiver costs less than what it measures. */
const ENVELOPE_TAG = 0x22;
const Field = { firstOffset: 2, tokenCount: 3, text: 5, engineMicros: 8 } as const;
const LENGTH_DELIMITED = 2;

/** Fields of one frame, valid until the next `read`. */
export class TokenFrameReader {
  firstOffset = 0;
  tokenCount = 0;
  /** In the frame's own bytes. */
  textStart = 0;
  textEnd = 0;
  engineMicros = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** False when the message is a `ConverseResponse` of another kind. */
  read(bytes: Uint8Array): boolean {
    if (bytes[0] !== ENVELOPE_TAG) return false;
    this.firstOffset = 0;
    this.tokenCount = 0;
    this.textStart = 0;
    this.textEnd = 0;
    this.engineMicros = 0;
    this.#bytes = bytes;
    this.#at = 1;
    const length = this.#varint();
    const end = this.#at + length;
    while (this.#at < end) this.#field(this.#varint());
    if (this.#at !== end) throw new RangeError('a field of the token frame passes its end');
    return true;
  }

  #field(tag: number): void {
    const field = tag >>> 3;
    const value = this.#varint();
    if ((tag & 7) === LENGTH_DELIMITED) {
      if (field === Field.text) {
        this.textStart = this.#at;
        this.textEnd = this.#at + value;
      }
      this.#at += value;
    } else if (field === Field.firstOffset) this.firstOffset = value;
    else if (field === Field.tokenCount) this.tokenCount = value;
    else if (field === Field.engineMicros) this.engineMicros = value;
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError('the token frame ends inside a varint');
  }
}
