/**
 * Records that a gateway handed over with a session that it moved here (PROTOCOL E6): contexts that this engine does
 * not have. They are kept as they came, so that a gateway that takes the session over knows of them; a turn or prefix
 * of the same name that is made here replaces its record, but what was told of it stands: it ends where and how the
 * record says, and its controls keep their answers (R2, S5).
 *
 * A record may come once more, behind the last: the turn has come to its end without this engine.
 *
 * Invariant: while records are due the session is not whole, and no other gateway may take it over.
 */
import { limits } from '@reticle/proto/contract';
import type { CutDone } from '@reticle/proto/gen/engine/v1/CutDone';
import type { Ended } from '@reticle/proto/gen/engine/v1/Ended';
import type { Start } from '@reticle/proto/gen/engine/v1/Start';
import type { Transcript } from '@reticle/proto/gen/engine/v1/Transcript';
import { ControlOutcome } from '@reticle/proto/gen/session/v1/ControlOutcome';

/** As many as a gateway remembers, and a little: one that hands over more is not heard further. */
const RECORDS_MAX = 2_048;
/** Ids of all records of a session; a number of a decoded message takes 8 bytes. */
const IDS_MAX = 64 * limits.transcriptIdsMax;

/** An end that somebody was told before the turn came here. */
export type SettledEnd = {
  readonly endOffset: number;
  /** What was generated when it was fixed. */
  readonly generated: number;
  /** How it ended; undefined when only E was told. */
  readonly ended: Ended | undefined;
  /** The turn's request, as its client meant it. */
  readonly start: Start;
};

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

  /** Answers of the controls of the record that this message completes. */
  take(message: Transcript): readonly CutDone[] {
    if (this.#due === 0 && !this.#records.has(message.turnId)) return [];
    this.#ids += message.tokenIds.length;
    this.#open.push(message);
    if (!message.last) return [];
    const answers = this.#open[0]?.cuts ?? [];
    for (const { tokenIds } of this.#records.get(message.turnId) ?? []) this.#ids -= tokenIds.length;
    // Past the bound a record is as good as none: what continues it will not be found.
    if (this.#ids <= IDS_MAX) this.#records.set(message.turnId, this.#open);
    this.#open = [];
    if (this.#due > 0) this.#due -= 1;
    return answers;
  }

  /** Where a turn that is made again here has to end; undefined when nobody was told. */
  settledEnd(turnId: string): SettledEnd | undefined {
    const head = this.#records.get(turnId)?.[0];
    const endOffset = head && toldEnd(head);
    if (endOffset === undefined || head === undefined || head.start === null) return undefined;
    const { ended, generatedOffset, start } = head;
    return { endOffset, generated: Math.max(endOffset, generatedOffset), ended: ended ?? undefined, start };
  }

  /** Messages of every record whose context was not made here since. */
  *messages(isKnown: (name: string) => boolean): Iterable<Transcript> {
    for (const [name, messages] of this.#records) {
      if (isKnown(name)) this.#records.delete(name);
      else yield* messages;
    }
  }
}

/** Of a turn that failed nothing stands: whoever continues it goes its own way. */
function toldEnd({ cuts, ended }: Transcript): number | undefined {
  if (ended === null) return cuts.find(namesEnd)?.effectiveOffset;
  return ended.error === null ? ended.endOffset : undefined;
}

function namesEnd({ outcome }: CutDone): boolean {
  const { CONTROL_OUTCOME_APPLIED, CONTROL_OUTCOME_ALREADY_ENDED } = ControlOutcome;
  return outcome === CONTROL_OUTCOME_APPLIED || outcome === CONTROL_OUTCOME_ALREADY_ENDED;
}
