import type { ConverseRequest__Input } from '@reticle/proto/gen/session/v1/ConverseRequest';

/** A message after Attach, before it has its `seq`. */
export type Command = Omit<ConverseRequest__Input, 'seq' | 'attach'>;
export type LoggedCommand = { seq: number; readonly command: Command };

/**
 * Commands of one holder that may not have been applied yet (PROTOCOL §1.1, stream status): `seq` starts at 1,
 * grows by 1 across attachments, and everything above `last_applied_seq` is sent again on the next one.
 */
export class CommandLog {
  #entries: LoggedCommand[] = [];
  #next = 1;

  /** Commands that may not have been applied. */
  get size(): number {
    return this.#entries.length;
  }

  /** Gives the command its number and keeps it until it is known to be applied. */
  add(command: Command): LoggedCommand {
    const entry = { seq: this.#next++, command };
    this.#entries.push(entry);
    return entry;
  }

  /** Some answer proves that everything up to `seq` was applied: a stream is applied in order. */
  applied(seq: number): void {
    if ((this.#entries[0]?.seq ?? Number.POSITIVE_INFINITY) <= seq) {
      this.#entries = this.#entries.filter((entry) => entry.seq > seq);
    }
  }

  /**
   * What a new attachment must be told again. Numbers follow what the service says was applied: it may be ahead
   * (another process sent commands for the same holder before this one resumed) or behind (the session was
   * rebuilt elsewhere); ids make the commands themselves idempotent.
   */
  resend(lastAppliedSeq: number): readonly LoggedCommand[] {
    this.applied(lastAppliedSeq);
    this.#next = lastAppliedSeq + 1;
    for (const entry of this.#entries) entry.seq = this.#next++;
    return [...this.#entries];
  }
}
