/**
 * Records that a gateway handed over with a session that it moved here (PROTOCOL E6): contexts that this engine does
 * not have. They are kept as they came, so that a gateway that takes the session over knows of them; a turn or prefix
 * of the same name that is made here replaces its record.
 *
 * Invariant: while records are due the session is not whole, and no other gateway may take it over.
 */
import { limits } from '@reticle/proto/contract';
import type { Transcript } from '@reticle/proto/gen/engine/v1/Transcript';

/** As many as a gateway remembers, and a little: one that hands over more is not heard further. */
const RECORDS_MAX = 2_048;
/** Ids of all records of a session; a number of a decoded message takes 8 bytes. */
const IDS_MAX = 64 * limits.transcriptIdsMax;

export class HandedRecords {
  readonly #records = new Map<string, readonly Transcript[]>();
  #open: Transcript[] = [];
  #due = 0;
  #ids = 0;

  /** So many records follow. */
  expect(count: number): void {
    this.#due = Math.min(count, RECORDS_MAX);
    this.#open = [];
  }

  /** False while records are still to come. */
  get isWhole(): boolean {
    return this.#due === 0;
  }

  take(message: Transcript): void {
    if (this.#due === 0) return;
    this.#ids += message.tokenIds.length;
    this.#open.push(message);
    if (!message.last) return;
    // Past the bound a record is as good as none: what continues it will not be found.
    if (this.#ids <= IDS_MAX) this.#records.set(message.turnId, this.#open);
    this.#open = [];
    this.#due -= 1;
  }

  /** Messages of every record whose context was not made here since. */
  *messages(isKnown: (name: string) => boolean): Iterable<Transcript> {
    for (const [name, messages] of this.#records) {
      if (isKnown(name)) this.#records.delete(name);
      else yield* messages;
    }
  }
}
