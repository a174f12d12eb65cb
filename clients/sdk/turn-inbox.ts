/**
 * What one turn has received and not yet given to its reader, as plain state.
 *
 * Invariants
 *  I1 The reader sees every token of [start, end) exactly once and in order, over all attachments.
 *  I2 On one attachment frames are dense: a gap or a double is `upstream_protocol_error` (R1). A further epoch may
 *     repeat, once, what lies between its start offset and what was expected; repeats are dropped.
 *  I3 After a cut at E nothing at or past E reaches the reader (R2).
 *  I4 Tokens held here never exceed the credit (R5), but for one token per attach: a cursor cannot grant none.
 *
 *     acked ≤ taken ≤ received ≤ limit = offset up to which the sender may go
 *
 * `acked` moves to `received` at an attach, since the cursor of a resume counts as acknowledgement.
 */
import { assert, ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { TokenFrame } from '@reticle/proto/gen/session/v1/TokenFrame';

/** Tokens [firstOffset, firstOffset + tokenCount) with their bytes. */
export type InboxFrame = {
  readonly firstOffset: number;
  readonly tokenCount: number;
  readonly bytes: Uint8Array;
  /** Bytes per token; empty when the stream carries no text. */
  readonly textLengths: readonly number[];
  readonly tokenIds: readonly number[];
  readonly engineMicros: number;
};

/** A statement of R5. */
export type Grant = { readonly receivedThroughOffset: number; readonly creditTokens: number };

export class TurnInbox {
  readonly #creditTokens: number;
  readonly #frames: InboxFrame[] = [];
  /** First offset that the current attachment has not sent. */
  #expected: number;
  /** Lowest offset at which the next frame may begin; below `expected` after a restart. */
  #earliest: number;
  #received: number;
  #taken: number;
  #acked: number;
  #limit: number;
  #cut: number | undefined;

  /** `startOffset`: first wanted offset, 0 or a resume's cursor. `creditTokens`: budget of R5. */
  constructor(creditTokens: number, startOffset = 0) {
    assert(creditTokens >= 2 && creditTokens <= limits.ringTokens, 'credit is from 2 to the ring');
    this.#creditTokens = creditTokens;
    this.#expected = this.#earliest = startOffset;
    this.#received = this.#taken = this.#acked = startOffset;
    this.#limit = startOffset + creditTokens;
  }

  /** Exclusive end of what has arrived. */
  get received(): number {
    return this.#received;
  }

  /** Exclusive end of what the reader has. */
  get taken(): number {
    return this.#taken;
  }

  /** The sender may go on. */
  get hasCredit(): boolean {
    return this.#received < this.#limit;
  }

  /** Exclusive end that a control fixed; undefined while none did. */
  get cutOffset(): number | undefined {
    return this.#cut;
  }

  /** Takes a frame in. Throws `upstream_protocol_error`. */
  accept(frame: TokenFrame): void {
    const end = frame.firstOffset + frame.tokenCount;
    if (frame.tokenCount === 0) throw broken('a frame holds no token', frame, this.#expected);
    if (frame.firstOffset > this.#expected) throw broken('tokens are missing', frame, this.#expected);
    if (frame.firstOffset < this.#earliest) throw broken('tokens came twice', frame, this.#expected);
    if (this.#cut !== undefined && end > this.#cut) throw broken('tokens came past a cut', frame, this.#cut);
    this.#expected = this.#earliest = end;
    if (end <= this.#received) return;
    const whole = inboxFrame(frame);
    this.#frames.push(whole.firstOffset < this.#received ? slice(whole, this.#received, end) : whole);
    this.#received = end;
  }

  /** A further epoch generates from `startOffset` on (R7): its first frame may begin there, or where it is expected. */
  restart(startOffset: number): void {
    this.#earliest = Math.min(this.#expected, startOffset);
  }

  /** Cuts at E: what the reader does not have past E is dropped. A second cut keeps the lower end. */
  cut(effectiveOffset: number): void {
    const end = Math.min(effectiveOffset, this.#cut ?? effectiveOffset);
    this.#cut = end;
    for (let last = this.#frames.at(-1); last !== undefined; last = this.#frames.at(-1)) {
      if (last.firstOffset + last.tokenCount <= end) break;
      this.#frames.pop();
      if (last.firstOffset < end) this.#frames.push(slice(last, last.firstOffset, end));
    }
    this.#received = Math.max(Math.min(this.#received, end), this.#taken);
  }

  /** The turn ended at `endOffset`. Throws `upstream_protocol_error` when tokens below it never came. */
  end(endOffset: number): void {
    if (endOffset > this.#received) {
      throw new ReticleError('upstream_protocol_error', 'the turn ended before all its tokens came', {
        details: { end_offset: String(endOffset), received_offset: String(this.#received) },
      });
    }
    this.cut(endOffset);
  }

  /** The next frame for the reader. */
  take(): InboxFrame | undefined {
    const frame = this.#frames.shift();
    if (frame !== undefined) this.#taken = frame.firstOffset + frame.tokenCount;
    return frame;
  }

  /** What to grant after the reader took something: undefined until half of the credit is used. */
  grant(): Grant | undefined {
    const wanted = this.#taken + this.#creditTokens;
    if (this.#cut !== undefined || this.#taken < this.#acked) return undefined;
    if (wanted - this.#limit < this.#creditTokens / 2) return undefined;
    return this.#granted(this.#taken, this.#creditTokens);
  }

  /** Credit for the tokens below a cut's end that are still due, so that the turn's end does not wait for a reader. */
  grantToCut(): Grant | undefined {
    if (this.#cut === undefined || this.#cut <= this.#limit) return undefined;
    const from = Math.max(this.#taken, this.#acked);
    return this.#granted(from, Math.min(this.#cut - from, limits.ringTokens));
  }

  /** Where a resume continues; from then on a replay may begin no later. Credit 0 means the default there, so it is ≥ 1. */
  cursor(): { readonly nextOffset: number; readonly creditTokens: number } {
    // A reader may be ahead of a cut; past E the turn has no offset to resume at.
    const nextOffset = Math.min(this.#received, this.#cut ?? this.#received);
    const held = this.#received - this.#taken;
    const due = this.#cut === undefined ? 0 : this.#cut - nextOffset;
    const creditTokens = Math.max(1, due, this.#creditTokens - held);
    this.#acked = nextOffset;
    this.#limit = nextOffset + creditTokens;
    return { nextOffset, creditTokens };
  }

  /** The attachment says from where it replays. Throws when that leaves a gap. */
  replayFrom(offset: number): void {
    if (offset > this.#received) {
      throw new ReticleError('upstream_protocol_error', 'the replay begins past the last received token', {
        details: { replay_offset: String(offset), received_offset: String(this.#received) },
      });
    }
    this.#expected = this.#earliest = offset;
  }

  #granted(receivedThroughOffset: number, creditTokens: number): Grant {
    this.#acked = receivedThroughOffset;
    this.#limit = receivedThroughOffset + creditTokens;
    return { receivedThroughOffset, creditTokens };
  }
}

/** The part [from, to) of a frame. Both ends lie in it. */
export function slice(frame: InboxFrame, from: number, to: number): InboxFrame {
  const start = from - frame.firstOffset;
  const end = to - frame.firstOffset;
  const sum = (count: number): number => frame.textLengths.slice(0, count).reduce((total, bytes) => total + bytes, 0);
  return {
    firstOffset: from,
    tokenCount: to - from,
    bytes: frame.bytes.subarray(sum(start), sum(end)),
    textLengths: frame.textLengths.slice(start, end),
    tokenIds: frame.tokenIds.slice(start, end),
    engineMicros: frame.engineMicros,
  };
}

function inboxFrame(frame: TokenFrame): InboxFrame {
  const { firstOffset, tokenCount, text, tokenIds, engineMicros } = frame;
  const textLengths = frame.textLengths.length === 0 && tokenCount === 1 ? [text.length] : frame.textLengths;
  const complete = textLengths.length === tokenCount && sumOf(textLengths) === text.length;
  const omitted = textLengths.length === 0 && text.length === 0;
  if (!complete && !omitted) throw broken('text lengths do not match the text', frame, firstOffset);
  return { firstOffset, tokenCount, bytes: text, textLengths, tokenIds, engineMicros };
}

function sumOf(numbers: readonly number[]): number {
  let sum = 0;
  for (const number of numbers) sum += number;
  return sum;
}

function broken(what: string, frame: TokenFrame, expected: number): ReticleError {
  return new ReticleError('upstream_protocol_error', what, {
    details: {
      first_offset: String(frame.firstOffset),
      token_count: String(frame.tokenCount),
      expected_offset: String(expected),
    },
  });
}
