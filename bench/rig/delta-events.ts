/**
 * Text deltas in the JSON of the OpenAI surfaces (PROTOCOL §4.2), found without parsing it: a receiver must cost less than
 * what it measures. Only deltas are read so; what else comes is rare and parsed.
 */
import type { TokenCheck } from './token-check.ts';
import { ORACLE_TOKEN_BYTES } from './turn-oracle.ts';

/** `sequence_number` = 64 · offset + slot. */
const SLOTS = 64;
const DELTA_HEAD = Buffer.from('{"type":"response.output_text.delta"');
const NUMBER_KEY = Buffer.from('"sequence_number":');
const TEXT_KEY = Buffer.from(',"delta":"');
const QUOTE = 0x22;
const ZERO = 0x30;
const NINE = 0x39;

export class DeltaEvents {
  /** Offset behind the newest token. */
  end = 0;
  tokens = 0;
  readonly #check: TokenCheck;
  /** Length of a delta up to its number, which is the same for all of one item (PERFORMANCE H6). */
  #head = -1;
  /** The newest token, as long as its last byte is owed. */
  readonly #split = Buffer.alloc(ORACLE_TOKEN_BYTES);
  #isSplit = false;

  constructor(check: TokenCheck) {
    this.#check = check;
  }

  /** One event's JSON at [from, to); false when it is no delta, and nothing was taken. */
  take(bytes: Buffer, from: number, to: number): boolean {
    if (!isDelta(bytes, from, to)) return false;
    let at = this.#numberAt(bytes, from);
    let number = 0;
    for (let byte = bytes[at] as number; byte >= ZERO && byte <= NINE; byte = bytes[++at] as number) {
      number = number * 10 + (byte - ZERO);
    }
    const textAt = this.#textAt(bytes, at);
    const textEnd = bytes.indexOf(QUOTE, textAt);
    if (textEnd < 0 || textEnd >= to || number % SLOTS !== 0) throw new RangeError('a delta that is not whole');
    this.end = number / SLOTS;
    this.#text(bytes, textAt, textEnd);
    return true;
  }

  /** A character that two tokens share comes with the second of them, and so does the last byte of the first. */
  #text(bytes: Buffer, from: number, to: number): void {
    const { end } = this;
    let at = from;
    if (this.#isSplit) {
      this.#split[ORACLE_TOKEN_BYTES - 1] = bytes[at] as number;
      at += 1;
      this.#check.take(this.#check.next, 1, this.#split, 0);
    }
    const open = (to - at) % ORACLE_TOKEN_BYTES;
    if (open !== 0 && open !== ORACLE_TOKEN_BYTES - 1) throw new RangeError('a delta that is not whole tokens');
    this.#isSplit = open !== 0;
    const whole = (to - at - open) / ORACLE_TOKEN_BYTES;
    this.tokens = whole + (this.#isSplit ? 1 : 0);
    if (whole > 0) this.#check.take(end - this.tokens, whole, bytes, at);
    if (this.#isSplit) bytes.copy(this.#split, 0, to - open, to);
  }

  #numberAt(bytes: Buffer, from: number): number {
    if (this.#head < 0 || bytes[from + this.#head - 1] !== NUMBER_KEY.at(-1)) {
      const at = bytes.indexOf(NUMBER_KEY, from);
      if (at < 0) throw new RangeError('a delta without a number');
      this.#head = at - from + NUMBER_KEY.length;
    }
    return from + this.#head;
  }

  #textAt(bytes: Buffer, at: number): number {
    const end = at + TEXT_KEY.length;
    if (bytes.compare(TEXT_KEY, 0, TEXT_KEY.length, at, end) !== 0) throw new RangeError('a delta without its text');
    return end;
  }
}

/** True for a text delta's JSON at [from, to). */
export function isDelta(bytes: Buffer, from: number, to: number): boolean {
  const end = Math.min(to, from + DELTA_HEAD.length);
  return bytes.compare(DELTA_HEAD, 0, DELTA_HEAD.length, from, end) === 0;
}

/** The end of a response or an error, as text for people; undefined for an event that goes on. */
export function endingOf(json: string): string | undefined {
  const event = JSON.parse(json) as { type?: unknown };
  const type = String(event.type);
  if (/^response\.(completed|incomplete)$/.test(type)) return type;
  return /^response\.failed$|error|\.failed$/.test(type) ? json.slice(0, 400) : undefined;
}
