import type { Clock } from '@reticle/core/flow';
import { isReticleError, type Session, type Turn, type TurnOptions } from '@reticle/sdk';
import { receiptLine } from '../figures.ts';
import { speedLine } from '../speed-line.ts';
import { TurnMeter } from '../turn-meter.ts';
import { Continuity } from './continuity.ts';

export type SpeakerListener = {
  readonly text: (text: string) => void;
  /** A line of its own: receipts, ends, refusals. */
  readonly note: (line: string) => void;
  /** The status reads differently. */
  readonly changed: () => void;
  /** The turn, or the last of a chain of redirects, is over. */
  readonly over: () => void;
};

export type SpeakerParts = {
  readonly session: Session;
  readonly clock: Clock;
  /** Of every turn. */
  readonly turns: TurnOptions;
};

/** Runs the turns of one conversation, one at a time, and says what happens to them. */
export class Speaker {
  readonly #session: Session;
  readonly #turns: TurnOptions;
  readonly #clock: Clock;
  readonly #listener: SpeakerListener;
  readonly #continuity: Continuity;
  #turn: Turn | undefined;
  #meter: TurnMeter;
  /** Read while a redirect was under way: void, unless it is refused. */
  #unshown = '';
  /** The last thing that died or came back; shown in the status until the next turn. */
  #incident = '';
  /** Between the start of a turn and the end of the last one of its redirects. */
  #isSpeaking = false;
  /** What was survived in the running turn, said again when it is over. */
  #survived: string[] = [];

  constructor({ session, clock, turns }: SpeakerParts, listener: SpeakerListener) {
    this.#session = session;
    this.#turns = turns;
    this.#clock = clock;
    this.#listener = listener;
    this.#meter = new TurnMeter(clock.nowMs());
    this.#continuity = new Continuity(session, clock, ({ line, isOver, movedAt }) => {
      if (movedAt !== undefined) this.#meter.moved(movedAt);
      this.#incident = line;
      if (isOver && this.#isSpeaking) this.#survived.push(line);
      listener.changed();
    });
  }

  /** Hears nothing more of the session. */
  close(): void {
    this.#continuity.close();
  }

  /**
   * `123 tokens · 1,930 tokens/s · first token after 12 ms`, empty before the first turn; what died or came back
   * stands before it.
   */
  get status(): string {
    return [this.#incident, this.#speed].filter((part) => part !== '').join(' · ');
  }

  get #speed(): string {
    if (this.#meter.tokens > 0) return speedLine(this.#meter);
    return this.#turn === undefined ? '' : 'waiting for the first token';
  }

  /** Starts a turn that continues the conversation. */
  ask(text: string): void {
    try {
      this.#follow(this.#session.turn(text, this.#turns));
    } catch (error) {
      // A session that was given up takes no turn any more.
      this.#refused(error);
      this.#listener.over();
    }
  }

  /** Cuts the running turn and notes its receipt. The turn's own end says that it is over. */
  async interrupt(): Promise<void> {
    try {
      const receipt = await this.#turn?.interrupt({ reason: 'chat' });
      if (receipt !== undefined) this.#listener.note(`■ interrupted: ${receiptLine(receipt)}`);
    } catch (error) {
      this.#refused(error);
    }
  }

  /** Cuts the running turn and goes on with a successor. A refused redirect leaves the turn running. */
  async redirect(text: string): Promise<void> {
    const old = this.#turn;
    if (old === undefined) return this.ask(text);
    // What is read from here on lies past the cut, and the old turn's end is not the end.
    this.#turn = undefined;
    this.#unshown = '';
    try {
      const { receipt, turn } = await old.redirect(text, { ...this.#turns, cut: { reason: 'chat' } });
      this.#listener.note(`↪ redirected: ${receiptLine(receipt)}`);
      this.#follow(turn);
    } catch (error) {
      this.#refused(error);
      this.#turn = old;
      this.#listener.text(this.#unshown);
      void this.#read(old);
    }
  }

  #follow(turn: Turn): void {
    this.#turn = turn;
    this.#isSpeaking = true;
    this.#incident = '';
    this.#continuity.follow(turn);
    this.#meter = new TurnMeter(this.#clock.nowMs());
    void this.#read(turn);
  }

  async #read(turn: Turn): Promise<void> {
    try {
      for await (const frame of turn) {
        if (turn !== this.#turn) {
          this.#unshown = frame.text;
          return;
        }
        this.#continuity.frame();
        this.#meter.frame(frame, this.#clock.nowMs());
        this.#listener.text(frame.text);
      }
    } catch (error) {
      this.#refused(error);
    }
    if (turn !== this.#turn) return;
    this.#turn = undefined;
    this.#isSpeaking = false;
    for (const line of this.#survived.splice(0)) this.#listener.note(`↻ ${line}`);
    this.#listener.over();
  }

  #refused(error: unknown): void {
    if (!isReticleError(error)) throw error;
    this.#incident = '';
    this.#listener.note(`error[${error.code}]: ${error.message}`);
  }
}
