import type { ClientCommand } from '@reticle/services/session';

type Unnumbered<T> = T extends { readonly seq: number } ? Omit<T, 'seq'> : never;
export type Command = Unnumbered<ClientCommand>;
export type Numbered = { readonly seq: number; readonly command: Command };

export type CommandLogOptions = {
  /** A start or a control has had its answer. */
  readonly isAnswered: (command: Command) => boolean;
  /** Statements of credit are sent again too; else the cursors of an attach say what they said. */
  readonly resendsFlow: boolean;
};

/**
 * What a client has said and not had an answer to. A gateway may die with what it has taken, and `last_applied_seq` of
 * the next one knows nothing of it, so all that has no answer goes out on every attachment, numbered without a gap.
 */
export class CommandLog {
  readonly #options: CommandLogOptions;
  #lastSeq = 0;
  #pending: Numbered[] = [];

  constructor(options: CommandLogOptions) {
    this.#options = options;
  }

  add(command: Command): Numbered {
    this.#lastSeq += 1;
    const numbered = { seq: this.#lastSeq, command };
    this.#pending.push(numbered);
    return numbered;
  }

  /** What a new attachment is told. */
  resend(lastAppliedSeq: number): readonly Numbered[] {
    const unanswered = this.#pending.filter(({ seq, command }) => this.#isKept(command, seq > lastAppliedSeq));
    this.#lastSeq = lastAppliedSeq;
    this.#pending = unanswered.map(({ command }) => ({ seq: ++this.#lastSeq, command }));
    return this.#pending;
  }

  #isKept(command: Command, unapplied: boolean): boolean {
    if (command.kind === 'flow') return unapplied && this.#options.resendsFlow;
    return !this.#options.isAnswered(command);
  }
}

/** The turn that a command begins; undefined when it begins none. */
export function begunBy(command: Command): string | undefined {
  if (command.kind === 'start-turn') return command.start.turnId;
  return command.kind === 'redirect' ? command.redirect.successor.turnId : undefined;
}

/** The control in a command; undefined when there is none. */
export function signalOf(command: Command): string | undefined {
  if (command.kind === 'interrupt') return command.interrupt.signalId;
  return command.kind === 'redirect' ? command.redirect.cut.signalId : undefined;
}

/** A command in one line of the trace. */
export function describeCommand(command: Command): string {
  switch (command.kind) {
    case 'start-turn':
      return `start ${command.start.turnId} on ${command.start.parentTurnId || 'the root'}`;
    case 'interrupt':
      return `cut ${command.interrupt.turnId} ${command.interrupt.mode} ${command.interrupt.keepThroughOffset ?? ''}`;
    case 'redirect':
      return `redirect ${command.redirect.cut.turnId} ${command.redirect.cut.mode} to ${command.redirect.successor.turnId}`;
    case 'flow':
      return `flow ${command.flow.turnId} ${command.flow.receivedThroughOffset}+${command.flow.creditTokens}`;
    default:
      return command.kind;
  }
}
