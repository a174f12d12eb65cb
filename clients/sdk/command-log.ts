import type { ConverseRequest__Input } from '@reticle/proto/gen/session/v1/ConverseRequest';

/** A message after Attach, before it has its `seq`. */
export type Command = Omit<ConverseRequest__Input, 'seq' | 'attach'>;
export type LoggedCommand = { seq: number; readonly command: Command };

/**
 * Commands of one holder that have no answer of their own yet. `seq` starts at 1 and grows by 1 across attachments
 * (PROTOCOL §1.1, stream status).
 *
 * Invariants
 *  K1 A start is kept until its turn has started or ended, a control until its final ack: what one gateway has taken
 *     may die with it, and `last_applied_seq` of another gateway knows nothing of it.
 *  K2 Of a turn's flows the newest alone is kept: they are absolute (R5).
 *  K3 The numbers of one attachment are dense and begin at its `last_applied_seq` + 1.
 *
 * Ids and body make a repeat harmless (R3), so everything kept goes out on every attachment.
 */
export class CommandLog {
  #entries: LoggedCommand[] = [];
  #next = 1;

  /** Commands without an answer. */
  get size(): number {
    return this.#entries.length;
  }

  /** Gives the command its number and keeps it until it is settled. */
  add(command: Command): LoggedCommand {
    const turnId = command.flow?.turnId;
    if (turnId !== undefined) this.#keep((entry) => entry.command.flow?.turnId !== turnId);
    const entry = { seq: this.#next++, command };
    this.#entries.push(entry);
    return entry;
  }

  /** The service has answered this very command. */
  settle(settled: LoggedCommand): void {
    this.#keep((entry) => entry !== settled);
  }

  has(entry: LoggedCommand): boolean {
    return this.#entries.includes(entry);
  }

  /** The turn is over: its start and flows have nothing left to change. */
  forget(turnId: string): void {
    this.#keep(({ command }) => command.flow?.turnId !== turnId && command.startTurn?.turnId !== turnId);
  }

  /** An attach is about to state every turn's offset and credit: the flows before it say nothing more. */
  dropFlows(): void {
    this.#keep(({ command }) => command.flow === undefined);
  }

  /** What a new attachment is told, numbered after what its gateway has applied. */
  resend(lastAppliedSeq: number): readonly LoggedCommand[] {
    this.#next = lastAppliedSeq + 1;
    for (const entry of this.#entries) entry.seq = this.#next++;
    return [...this.#entries];
  }

  #keep(wanted: (entry: LoggedCommand) => boolean): void {
    this.#entries = this.#entries.filter(wanted);
  }
}
