/**
 * What the engine in force was handed of a session (PROTOCOL E6), and the ends that it has not heard of: a turn that
 * was handed over running may come to its end here, and the gateway that takes the session over next must not begin it
 * again.
 */
import { findTurn, type TurnState } from '@reticle/services/session';
import type { Transcript__Input } from '@reticle/proto/gen/engine/v1/Transcript';
import { handedRecord, handedRecords, type Handing } from './handed-records.ts';
import type { SessionBinding } from './session-binding.ts';
import type { SessionContexts } from './session-contexts.ts';

export type HandoverOptions = {
  readonly binding: SessionBinding;
  readonly contexts: SessionContexts;
  readonly handing: () => Handing;
};

export class Handover {
  readonly #options: HandoverOptions;
  /** Turns that the engine has the record of but not the end, as they were when it got it. */
  readonly #running = new Map<string, TurnState>();

  constructor(options: HandoverOptions) {
    this.#options = options;
  }

  /** Every record as it is now, for an engine that has none of them. */
  records(): readonly (readonly Transcript__Input[])[] {
    const handing = this.#options.handing();
    this.#running.clear();
    this.handed(handing.state.live.keys());
    return handedRecords(handing);
  }

  /** The engine has the records of these turns, and of their ends nothing. */
  handed(turnIds: Iterable<string>): void {
    const { state } = this.#options.handing();
    for (const turnId of turnIds) {
      const turn = findTurn(state, turnId);
      if (turn !== undefined && turn.phase !== 'queued') this.#running.set(turnId, turn);
    }
  }

  /** Hands again what has an end since, but for what the engine makes itself. */
  update(): void {
    const { binding, handing } = this.#options;
    // What is still said by an engine that is being left does not count at the next one.
    if (binding.state !== 'open') return;
    const { state } = handing();
    for (const [turnId, was] of this.#running) {
      const turn = findTurn(state, turnId);
      const isOver = turn === undefined || turn.phase === 'ended';
      if (isOver) this.#running.delete(turnId);
      if (turn === undefined || !hasNewEnd(was, turn) || this.#isMade(turn)) continue;
      if (!isOver) this.#running.set(turnId, turn);
      binding.hand(handedRecord(handing(), turnId) ?? []);
    }
  }

  /** The engine has the turn itself, and with it its end. */
  #isMade({ turnId, phase }: TurnState): boolean {
    const { contexts, handing } = this.#options;
    return phase === 'ended' ? contexts.knows(turnId) : handing().desk.isSeated(turnId);
  }
}

function hasNewEnd(was: TurnState, now: TurnState): boolean {
  return was.ending !== now.ending || was.receipt !== now.receipt || was.endsAt !== now.endsAt;
}
