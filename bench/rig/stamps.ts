/**
 * When tokens left and when they came, noted by two processes and joined by a third: a client's event carries no time of
 * its making (PROTOCOL §4.2), and a delay is one-way (PERFORMANCE §1.3).
 */

/** Of one stream, in order: the offset behind the newest token of a row, and the monotonic µs. */
export type Stamped = { readonly ends: Float64Array; readonly micros: Float64Array };

/** By the number of the stream. */
export type StampedStreams = ReadonlyMap<number, Stamped>;

type Growing = { readonly ends: number[]; readonly micros: number[] };

export class Stamps {
  #streams = new Map<number, Growing>();
  #isOn = false;

  /** Nothing is noted before; what was noted is forgotten. */
  begin(): void {
    this.#streams = new Map();
    this.#isOn = true;
  }

  note(stream: number, end: number, micros: number): void {
    if (!this.#isOn) return;
    let noted = this.#streams.get(stream);
    if (noted === undefined) {
      noted = { ends: [], micros: [] };
      this.#streams.set(stream, noted);
    }
    noted.ends.push(end);
    noted.micros.push(micros);
  }

  /** What was noted since `begin`; nothing is noted after it. */
  take(): StampedStreams {
    this.#isOn = false;
    const taken = new Map<number, Stamped>();
    for (const [stream, { ends, micros }] of this.#streams) {
      taken.set(stream, { ends: Float64Array.from(ends), micros: Float64Array.from(micros) });
    }
    this.#streams = new Map();
    return taken;
  }
}

/** Calls back with the µs on the way of each frame that came. */
export function eachDelay(left: StampedStreams, came: StampedStreams, told: (delayMicros: number) => void): void {
  for (const [stream, receipts] of came) {
    const sent = left.get(stream);
    if (sent !== undefined) joinStream(sent, receipts, told);
  }
}

/** A frame's newest token is in the first row that ends at it or behind it; frames of rows before the first are left out. */
function joinStream(sent: Stamped, receipts: Stamped, told: (delayMicros: number) => void): void {
  const first = sent.ends[0] ?? Infinity;
  let row = 0;
  for (const [index, end] of receipts.ends.entries()) {
    const micros = receipts.micros[index] as number;
    if (end < first) continue;
    while (row < sent.ends.length && (sent.ends[row] as number) < end) row += 1;
    const leftMicros = sent.micros[row];
    if (leftMicros === undefined) return;
    told(micros - leftMicros);
  }
}
