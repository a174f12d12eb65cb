import type { Random } from '@reticle/core/flow';

export type MutatorOptions = {
  readonly random: Random;
  /** Pieces that a blind change would hardly make: words, magic numbers, whole messages. */
  readonly dictionary: readonly Uint8Array[];
  readonly bytesMax: number;
};

type Mutation = (bytes: Uint8Array) => Uint8Array;

/** Numbers at the edges of their types, as protobuf writes them. */
const VARINTS: readonly Uint8Array[] = [
  [0x00],
  [0x7f],
  [0x80, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0x10],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
].map((bytes) => Uint8Array.from(bytes));

const STACKED_MAX = 6;

/** Changes inputs: bits, bytes, pieces of other inputs, dictionary words, length fields, whole protobuf fields. */
export class Mutator {
  readonly #random: Random;
  readonly #options: MutatorOptions;
  readonly #mutations: readonly Mutation[];

  constructor(options: MutatorOptions) {
    this.#options = options;
    this.#random = options.random;
    this.#mutations = [
      (bytes) => this.#withByte(bytes, (byte) => byte ^ (1 << this.#below(8))),
      (bytes) => this.#withByte(bytes, () => this.#below(256)),
      (bytes) => this.#withByte(bytes, (byte) => byte + (this.#below(2) === 0 ? 1 : -1)),
      (bytes) =>
        this.#inserted(
          bytes,
          Uint8Array.from({ length: 1 + this.#below(4) }, () => this.#below(256)),
        ),
      (bytes) => this.#without(bytes),
      (bytes) => this.#repeated(bytes),
      (bytes) => this.#inserted(bytes, this.#one(VARINTS)),
      (bytes) => this.#over(bytes, this.#one(VARINTS)),
      (bytes) => this.#inserted(bytes, this.#word()),
      (bytes) => this.#over(bytes, this.#word()),
      (bytes) => this.#fields(bytes),
      (bytes) => this.#wrapped(bytes),
      (bytes) => this.#flattened(bytes),
    ];
  }

  /** A changed copy of `bytes`, now and then crossed with `other`; never longer than the bound. */
  mutate(bytes: Uint8Array, other: Uint8Array): Uint8Array {
    let changed = this.#below(8) === 0 ? this.#spliced(bytes, other) : bytes;
    // Half of the time one change alone: several at once seldom keep what led here.
    const stacked = this.#below(2) === 0 ? 1 : 1 + this.#below(STACKED_MAX);
    for (let count = stacked; count > 0; count -= 1) changed = this.#one(this.#mutations)(changed);
    return Uint8Array.from(changed.subarray(0, this.#options.bytesMax));
  }

  #below(bound: number): number {
    return Math.floor(this.#random.unit() * bound);
  }

  #one<T>(from: readonly T[]): T {
    return from[this.#below(from.length)] as T;
  }

  #word(): Uint8Array {
    const { dictionary } = this.#options;
    return dictionary.length === 0 ? this.#one(VARINTS) : this.#one(dictionary);
  }

  #withByte(bytes: Uint8Array, change: (byte: number) => number): Uint8Array {
    if (bytes.length === 0) return Uint8Array.of(this.#below(256));
    const copy = Uint8Array.from(bytes);
    const at = this.#below(copy.length);
    copy[at] = change(copy[at] as number);
    return copy;
  }

  #inserted(bytes: Uint8Array, piece: Uint8Array): Uint8Array {
    // Readers go from the front: what was good so far most often goes on at the end.
    const at = this.#below(2) === 0 ? bytes.length : this.#below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
  }

  #over(bytes: Uint8Array, piece: Uint8Array): Uint8Array {
    const at = this.#below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + piece.length)]);
  }

  #without(bytes: Uint8Array): Uint8Array {
    const at = this.#below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + this.#below(8))]);
  }

  #repeated(bytes: Uint8Array): Uint8Array {
    const at = this.#below(bytes.length + 1);
    const piece = bytes.subarray(at, at + 1 + this.#below(16));
    return Buffer.concat([
      bytes.subarray(0, at),
      ...Array.from({ length: 1 + this.#below(8) }, () => piece),
      bytes.subarray(at),
    ]);
  }

  #spliced(bytes: Uint8Array, other: Uint8Array): Uint8Array {
    return Buffer.concat([
      bytes.subarray(0, this.#below(bytes.length + 1)),
      other.subarray(this.#below(other.length + 1)),
    ]);
  }

  /** Whole fields swapped, doubled or left out. */
  #fields(bytes: Uint8Array): Uint8Array {
    const fields = protobufFields(bytes);
    if (fields.length === 0) return bytes;
    const [from, to] = [this.#below(fields.length), this.#below(fields.length)];
    const moved = fields[from] as Uint8Array;
    const kind = this.#below(3);
    const rest = kind === 0 ? fields.filter((_, index) => index !== from) : fields;
    return Buffer.concat(kind === 2 ? rest : [...rest.slice(0, to), moved, ...rest.slice(to)]);
  }

  /** The message as a field of another one, so that nesting grows. */
  #wrapped(bytes: Uint8Array): Uint8Array {
    const field = 1 + this.#below(15);
    return Buffer.concat([Uint8Array.of((field << 3) | 2), varint(bytes.length), bytes]);
  }

  /** A nested field's bytes in the place of the message. */
  #flattened(bytes: Uint8Array): Uint8Array {
    const nested = protobufFields(bytes).filter((field) => ((field[0] ?? 0) & 7) === 2);
    return nested.length === 0 ? bytes : this.#one(nested).subarray(2);
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Uint8Array.from([...bytes, rest]);
}

/** The fields at the head of a message, as far as they can be read; what follows is one more piece. */
export function protobufFields(bytes: Uint8Array): readonly Uint8Array[] {
  const fields: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = fieldEnd(bytes, at);
    fields.push(bytes.subarray(at, end));
    at = end;
  }
  return fields;
}

function fieldEnd(bytes: Uint8Array, start: number): number {
  const tag = readVarint(bytes, start);
  switch (tag.value & 7) {
    case 0:
      return readVarint(bytes, tag.end).end;
    case 1:
      return Math.min(bytes.length, tag.end + 8);
    case 2: {
      const length = readVarint(bytes, tag.end);
      return Math.min(bytes.length, length.end + length.value);
    }
    case 5:
      return Math.min(bytes.length, tag.end + 4);
    default:
      return bytes.length;
  }
}

function readVarint(bytes: Uint8Array, start: number): { readonly value: number; readonly end: number } {
  let value = 0;
  let at = start;
  for (let shift = 0; shift < 35 && at < bytes.length; shift += 7) {
    const byte = bytes[at++] as number;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return { value: value >>> 0, end: at };
}
