/**
 * What is checked where gateways hand tokens to clients: nothing at or past E once any attachment, call or gateway has
 * told E; bills that equal what was released; receipts and terminals that agree wherever they are told.
 */
import type { ControlAck, ServerEvent, TurnEnded } from '@reticle/services/session';
import { expectations } from './expectations.ts';
import type { Frame } from './front-messages.ts';
import type { GatewayProcess } from './gateway-process.ts';
import type { World } from './world.ts';

type Watched = {
  /** E once it was told to anybody. */
  cutAt: number | undefined;
  /** The last E told was a gateway's own, for an engine out of reach. */
  cutHere: boolean;
  /** The host that told E past the stream, while no stream has told it. */
  cutBy: string | undefined;
  endOffset: number | undefined;
  /** Highest offset released, by life of a gateway. */
  readonly released: Map<string, number>;
};

export class FrontWatch {
  readonly #world: World;
  readonly #turns = new Map<string, Watched>();
  /** Receipts that were told by gateways that did not have the session. */
  #outside: { readonly sessionId: string; readonly ack: ControlAck; readonly by: string }[] = [];
  readonly #hosts: Hosts;
  /** Where the newest attachment of a session is. */
  readonly #holder = new Map<string, string>();

  constructor(world: World, hosts: Hosts) {
    this.#world = world;
    this.#hosts = hosts;
  }

  released({ process }: GatewayProcess, sessionId: string, { turnId, firstOffset, tokenCount }: Frame): void {
    const turn = this.#turn(sessionId, turnId);
    const end = firstOffset + tokenCount;
    const current = this.#holder.get(sessionId) === process.name;
    this.#forgetLost(sessionId, turn);
    if (current && turn.cutAt !== undefined && end > turn.cutAt) {
      this.#violated('cut', sessionId, turnId, `${process.name} released up to ${end} after E ${turn.cutAt} was told`);
    }
    turn.released.set(process.name, Math.max(turn.released.get(process.name) ?? 0, end));
  }

  told(gateway: GatewayProcess, sessionId: string, event: ServerEvent): void {
    if (event.kind === 'attached') this.heldAt(gateway, sessionId);
    // One that was displaced and has not heard of it speaks to a client that is gone.
    if (!this.#isCurrent(gateway, sessionId)) return;
    this.#world.note('tell', `${gateway.process.name} ${sessionId.slice(0, 4)} ${summary(event)}`);
    if (event.kind === 'control-ack') this.#acked(sessionId, event);
    if (event.kind === 'turn-ended') this.#ended(gateway, sessionId, event);
  }

  /**
   * The answer of a call from outside the stream. When another gateway has the session, the stream may run behind it
   * for a moment; the next attachment may not.
   */
  answered(gateway: GatewayProcess, sessionId: string, value: unknown): void {
    const ack = value as ControlAck;
    this.#world.note('tell', `${gateway.process.name} ${sessionId.slice(0, 4)} outside ${summary(ack)}`);
    if (this.#isCurrent(gateway, sessionId)) this.#acked(sessionId, ack);
    else this.#outside.push({ sessionId, ack, by: answererOf(this.#hosts, sessionId, ack) });
  }

  /** Bills of one gateway's life against what it released. */
  settle({ process, ledger }: GatewayProcess): void {
    const billed = new Map<string, number>();
    for (const { sessionId, turnId, throughOffset } of ledger.all()) {
      const key = `${sessionId} ${turnId}`;
      billed.set(key, Math.max(billed.get(key) ?? 0, throughOffset));
    }
    for (const [key, turn] of this.#turns) {
      const released = turn.released.get(process.name) ?? 0;
      const bill = billed.get(key) ?? 0;
      if (bill === released) continue;
      this.#world.violated('bill', `${process.name} billed ${bill} of ${key}, released ${released}`);
    }
  }

  #isCurrent({ process }: GatewayProcess, sessionId: string): boolean {
    return this.#holder.get(sessionId) === process.name;
  }

  /** The session was created or attached here. */
  heldAt({ process }: GatewayProcess, sessionId: string): void {
    this.#holder.set(sessionId, process.name);
    const told = this.#outside.filter((each) => each.sessionId === sessionId);
    this.#outside = this.#outside.filter((each) => each.sessionId !== sessionId);
    for (const { ack, by } of told) this.#acked(sessionId, ack, by);
  }

  /** The session has left the host that told E before a stream could. */
  #forgetLost(sessionId: string, turn: Watched): void {
    if (turn.cutBy === undefined || turn.cutBy === this.#hosts.hostOf(sessionId)) return;
    if (!expectations.signalledCutsSurvive) turn.cutAt = undefined;
    turn.cutBy = undefined;
  }

  #acked(sessionId: string, ack: ControlAck, by?: string): void {
    const { turnId, outcome, effectiveOffset, generatedOffset, wastedTokens } = ack;
    if (outcome !== 'applied' && outcome !== 'already-ended') return;
    const turn = this.#turn(sessionId, turnId);
    this.#forgetLost(sessionId, turn);
    const forgettable = mayMove(turn, ack);
    turn.cutHere = isLocalCut(ack);
    turn.cutBy = turn.cutAt === undefined || turn.cutBy !== undefined ? by : undefined;
    if (turn.cutAt !== undefined && turn.cutAt !== effectiveOffset && !forgettable) {
      this.#violated('receipt', sessionId, turnId, `E ${turn.cutAt} was told, then ${effectiveOffset}`);
    }
    if (wastedTokens !== generatedOffset - effectiveOffset) {
      this.#violated(
        'receipt',
        sessionId,
        turnId,
        `wasted ${wastedTokens} of ${generatedOffset} past ${effectiveOffset}`,
      );
    }
    turn.cutAt = effectiveOffset;
  }

  #ended({ process }: GatewayProcess, sessionId: string, event: TurnEnded): void {
    const { turnId, endOffset, error } = event;
    const turn = this.#turn(sessionId, turnId);
    this.#forgetLost(sessionId, turn);
    const forgettable = mayEndElsewhere(turn, event);
    if (turn.endOffset !== undefined && turn.endOffset !== endOffset && !forgettable) {
      this.#violated('terminal', sessionId, turnId, `ended at ${turn.endOffset}, then at ${endOffset}`);
    }
    if (turn.cutAt !== undefined && turn.cutAt !== endOffset && error === undefined && !forgettable) {
      this.#violated('terminal', sessionId, turnId, `cut at ${turn.cutAt}, ended at ${endOffset}`);
    }
    turn.endOffset = endOffset;
    // What the stream tells last binds everybody.
    if (forgettable && error === undefined) {
      turn.cutAt = endOffset;
      turn.cutBy = undefined;
    }
    this.#checkBill(process.name, sessionId, event);
  }

  #checkBill(gateway: string, sessionId: string, { turnId, usage }: TurnEnded): void {
    const most = Math.max(0, ...this.#turn(sessionId, turnId).released.values());
    if (usage.outputTokens > most) {
      this.#violated('bill', sessionId, turnId, `${gateway} says ${usage.outputTokens}, released ${most}`);
    }
  }

  #turn(sessionId: string, turnId: string): Watched {
    const key = `${sessionId} ${turnId}`;
    let turn = this.#turns.get(key);
    if (turn === undefined) {
      turn = { cutAt: undefined, cutHere: false, cutBy: undefined, endOffset: undefined, released: new Map() };
      this.#turns.set(key, turn);
    }
    return turn;
  }

  #violated(rule: string, sessionId: string, turnId: string, text: string): void {
    this.#world.violated(rule, `session ${sessionId.slice(0, 4)} turn ${turnId}: ${text}`);
  }
}

/** What was told of a turn's end, as far as it may still change. */
type ToldEnd = { readonly cutHere: boolean; readonly cutBy: string | undefined };

/** True when another E may follow: one of the two was a gateway's own, for an engine that it could not ask. */
export function mayMove({ cutHere, cutBy }: ToldEnd, next: ControlAck): boolean {
  if (cutHere && !expectations.localCutsSurvive) return true;
  return cutBy !== undefined && isLocalCut(next) && !expectations.signalledCutsSurvive;
}

/**
 * True when the turn may end elsewhere than at the E that was told: that E was a gateway's own; or it was told past the
 * stream, and the stream's gateway, which has not heard of it, cut the turn itself for an engine out of reach.
 */
export function mayEndElsewhere({ cutHere, cutBy }: ToldEnd, { status }: TurnEnded): boolean {
  if (cutHere && !expectations.localCutsSurvive) return true;
  const isCut = status === 'interrupted' || status === 'redirected';
  return cutBy !== undefined && isCut && !expectations.signalledCutsSurvive;
}

/** Engines' runs, by what they do. */
export type Hosts = {
  /** The one that a session was opened at last. */
  readonly hostOf: (sessionId: string) => string;
  /** The one that answered a signal; undefined: the session's own gateway did. */
  readonly signalledBy: (signalId: string) => string | undefined;
};

/** The run that gave an answer past the stream: one that the session has left does not know it (reliability.md). */
export function answererOf({ hostOf, signalledBy }: Hosts, sessionId: string, { signalId }: ControlAck): string {
  return signalledBy(signalId) ?? hostOf(sessionId);
}

/** E7: generated = received, and no KV was touched. */
export function isLocalCut({ outcome, kvAction }: ControlAck): boolean {
  return outcome === 'applied' && kvAction === 'none';
}

function summary(event: ServerEvent): string {
  switch (event.kind) {
    case 'attached':
      return `attached epoch ${event.session.epoch} seq ${event.lastAppliedSeq} replay ${event.replay.map(({ turnId, nextOffset }) => `${turnId}@${nextOffset}`).join(' ')}`;
    case 'turn-started':
      return `started ${event.turnId} at ${event.startOffset} epoch ${event.epoch} ${event.reason}`;
    case 'control-ack':
      return `ack ${event.turnId} ${event.signalId.slice(0, 6)} ${event.outcome} E ${event.effectiveOffset} of ${event.generatedOffset} ${event.code ?? ''}`;
    case 'turn-ended':
      return `ended ${event.turnId} ${event.status} at ${event.endOffset} ${event.finishReason} ${event.error?.code ?? ''}`;
    default:
      return event.kind;
  }
}
