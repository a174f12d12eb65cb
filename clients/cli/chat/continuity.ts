import type { Clock } from '@reticle/core/flow';
import type { ConnectionEvent, Moved, Session, Turn } from '@reticle/sdk';
import { count, span } from '../figures.ts';

/** What a chat says of a death under it. */
export type Incident = {
  readonly line: string;
  /** False while the outage lasts. */
  readonly isOver: boolean;
  /** Offset from which the turn runs on another engine. */
  readonly movedAt?: number;
};

const ID_SHOWN = 8;

/** Hears of lost gateways and engines and says each in one line. The text itself goes on in place. */
export class Continuity {
  readonly #clock: Clock;
  readonly #listener: (incident: Incident) => void;
  readonly #stop: () => void;
  #stopTurn: () => void = () => {};
  #lastFrameMs: number;

  constructor(session: Pick<Session, 'onConnection'>, clock: Clock, listener: (incident: Incident) => void) {
    this.#clock = clock;
    this.#listener = listener;
    this.#lastFrameMs = clock.nowMs();
    this.#stop = session.onConnection((event) => listener(connectionIncident(event)));
  }

  /** Hears of this turn's moves from here on. */
  follow(turn: Pick<Turn, 'onMoved'>): void {
    this.#stopTurn();
    this.#lastFrameMs = this.#clock.nowMs();
    this.#stopTurn = turn.onMoved((moved) => {
      const stallMs = this.#clock.nowMs() - this.#lastFrameMs;
      this.#listener({ line: movedLine(moved, stallMs), isOver: true, movedAt: moved.startOffset });
    });
  }

  /** A frame was read: a stall is counted from the last one. */
  frame(): void {
    this.#lastFrameMs = this.#clock.nowMs();
  }

  close(): void {
    this.#stop();
    this.#stopTurn();
  }
}

function connectionIncident(event: ConnectionEvent): Incident {
  if (event.kind === 'lost') return { line: 'gateway lost, reconnecting…', isOver: false };
  if (event.kind === 'leaving') {
    const why = event.reason === '' ? '' : ` (${event.reason})`;
    return { line: `the gateway asks to leave${why}, moving…`, isOver: false };
  }
  return { line: `reconnected to ${event.target} after ${span(event.outageMs)}`, isOver: true };
}

/** `continued on engine abcdefgh… at token 640 after 0.4 s` */
function movedLine({ replica, startOffset, reason, continuation }: Moved, stallMs: number): string {
  const engine = replica.length > ID_SHOWN ? `${replica.slice(0, ID_SHOWN)}…` : replica;
  const why = reason === 'drain' ? ' (drain)' : '';
  const how = continuation === 'resampled' ? ', with tokens sampled anew' : '';
  return `continued on engine ${engine} at token ${count(startOffset)} after ${span(stallMs)}${why}${how}`;
}
