import type { ControlAck, CutMode, TurnEnded, TurnStarted } from '@reticle/services/session';
import type { LocalChain } from '@reticle/core/domain';
import type { OracleContext, OracleTurn } from '../kit/oracle.ts';
import { expectations } from './expectations.ts';
import { isLocalCut, mayEndElsewhere, mayMove } from './front-watch.ts';
import type { Frame } from './front-messages.ts';

export type TurnPlan = {
  readonly turnId: string;
  /** Undefined: the session's root. */
  readonly parent: ClientTurn | undefined;
  /** Item JSON, in order. */
  readonly items: readonly string[];
  readonly maxTokens: number;
  readonly seed: number;
  /** True: a context made by a call, without output. */
  readonly warm: boolean;
};

type Surroundings = {
  readonly chain: LocalChain;
  readonly root: () => OracleContext;
  readonly violated: (rule: string, text: string) => void;
  /** The engine's run that the session is at. */
  readonly host: () => string;
  /** True when the client has asked for a cut of this turn. */
  readonly askedToCut: (turnId: string) => boolean;
};

/** How a cut was asked for, to prove the E that came. */
export type AskedCut = { readonly mode: CutMode; readonly keepThroughOffset: number | undefined };

/**
 * One turn as its client has it, checked against the oracle. Frames are dense from where the client stands, over any
 * number of attachments; every id, byte and length is the oracle's; E never moves and nothing at or past it counts;
 * one terminal says how far the tokens went.
 *
 * A turn that continues a cut one whose E is not known yet is compared when it is.
 */
export class ClientTurn {
  readonly plan: TurnPlan;
  readonly #around: Surroundings;
  #position = 0;
  #announced = false;
  #epoch = 0;
  #cutAt: number | undefined;
  /** E was told outside the stream, which may not have heard of it yet: what it says past E is void. */
  #streamBehind = false;
  #cutHere = false;
  /** The host that told E past the stream, while the stream has not. */
  #cutBy: string | undefined;
  #streamPosition = 0;
  #terminal: TurnEnded | undefined;
  #oracle: OracleTurn | undefined;
  #uncompared: Frame[] = [];
  #promptTold: number | undefined;
  #warmed = false;
  /** Exclusive end that was acknowledged on the attachment in force. */
  acknowledged = 0;
  credit = 0;
  /** Times that its start was sent on a new attachment: each may be answered again, with the same (R3). */
  repeats = 0;
  replica = '';

  constructor(plan: TurnPlan, around: Surroundings) {
    this.plan = plan;
    this.#around = around;
  }

  get turnId(): string {
    return this.plan.turnId;
  }

  /** Exclusive end of what arrived and counts. */
  get position(): number {
    return this.#position;
  }

  get terminal(): TurnEnded | undefined {
    return this.#terminal;
  }

  get cutAt(): number | undefined {
    return this.#cutAt;
  }

  get announced(): boolean {
    return this.#announced;
  }

  /** The turn needs nothing more from anybody. */
  get over(): boolean {
    return this.#terminal !== undefined || this.#warmed;
  }

  /** Turns may continue it: it ended by itself or by a cut. */
  get continuable(): boolean {
    return this.#warmed || (this.#terminal !== undefined && this.#terminal.status !== 'failed');
  }

  /** The context that a child begins with, once it is known. */
  context(): OracleContext | undefined {
    const { parent, items, warm } = this.plan;
    if (warm) {
      const below = parent === undefined ? this.#around.root() : parent.context();
      return below?.warmed(items.map((itemJson) => ({ itemJson })));
    }
    const end = this.#terminal?.endOffset ?? this.#cutAt;
    return end === undefined ? undefined : this.contextAt(end);
  }

  warmDone(): void {
    this.#warmed = true;
  }

  /** A new attachment: what is acknowledged begins at the cursor. */
  resumed(creditTokens: number): void {
    this.#streamBehind = false;
    this.acknowledged = this.#position;
    this.credit = creditTokens;
  }

  started(event: TurnStarted): void {
    const { chain } = this.#around;
    if (this.#terminal !== undefined && this.repeats === 0) this.#wrong('terminal', 'TurnStarted after the terminal');
    if (event.modelDigest !== chain.modelDigest || event.model !== chain.servedName) {
      this.#wrong('truth', `served by ${event.model} ${event.modelDigest}`);
    }
    if (event.epoch < this.#epoch) this.#wrong('epoch', `TurnStarted of epoch ${event.epoch} after ${this.#epoch}`);
    this.#forgetLost();
    if (event.servedTier !== event.requestedTier) this.#wrong('truth', `served at ${event.servedTier}`);
    if (this.#promptTold !== undefined && this.#promptTold !== event.promptTokens) {
      this.#wrong('truth', `prompt of ${this.#promptTold} tokens, then of ${event.promptTokens}`);
    }
    this.#promptTold = event.promptTokens;
    this.#epoch = event.epoch;
    this.#announced = true;
    this.replica = event.replica;
    this.#compareAll();
  }

  /** The session has left the host that told E before its stream could: what was trimmed counts again. */
  #forgetLost(): void {
    if (this.#cutBy !== undefined && this.#cutBy !== this.#around.host()) this.#forgetCut();
  }

  #forgetCut(): void {
    this.#cutBy = undefined;
    if (expectations.signalledCutsSurvive) return;
    this.#cutAt = undefined;
    if (this.#streamBehind) this.#position = Math.max(this.#position, this.#streamPosition);
    this.#streamBehind = false;
  }

  frame(frame: Frame): void {
    const { firstOffset, tokenCount } = frame;
    this.#forgetLost();
    if (!this.#announced) this.#wrong('order', `tokens at ${firstOffset} before TurnStarted`);
    if (this.#terminal !== undefined) this.#wrong('terminal', `tokens at ${firstOffset} after the terminal`);
    const wanted = this.#streamBehind ? Math.max(this.#streamPosition, this.#position) : this.#position;
    if (firstOffset !== wanted) this.#wrong('dense', `frame at ${firstOffset}, wanted ${wanted}`);
    const end = firstOffset + tokenCount;
    if (end > this.plan.maxTokens) this.#wrong('content', `tokens to ${end} of ${this.plan.maxTokens}`);
    this.#position = this.#counted(end);
    this.#streamPosition = end;
    this.#uncompared.push(frame);
    this.#compareAll();
  }

  /** Where tokens up to `end` bring the client: never past E. */
  #counted(end: number): number {
    if (this.#cutAt === undefined || end <= this.#cutAt) return end;
    if (!this.#streamBehind) this.#wrong('cut', `tokens to ${end} past E ${this.#cutAt}`);
    return this.#cutAt;
  }

  /** A reader besides the client: its frames are compared, and change nothing here. */
  observed(frame: Frame): void {
    this.#uncompared.push(frame);
    this.#compareAll();
  }

  /** A receipt that came by a call: from here on the stream may run behind it. */
  ackedOutside(ack: ControlAck, asked: AskedCut | undefined, by: string): void {
    if (this.#cutAt === undefined && this.#terminal === undefined) {
      this.#streamBehind = true;
      this.#streamPosition = this.#position;
    }
    const unheard = this.#cutAt === undefined || this.#cutBy !== undefined;
    this.acked(ack, asked);
    if (unheard && this.#cutAt !== undefined && this.#terminal === undefined) this.#cutBy = by;
  }

  acked(ack: ControlAck, asked: AskedCut | undefined): void {
    const { outcome, effectiveOffset, generatedOffset } = ack;
    if (outcome !== 'applied' && outcome !== 'already-ended') return;
    this.#forgetLost();
    const forgettable = mayMove({ cutHere: this.#cutHere, cutBy: this.#cutBy }, ack);
    if (this.#cutBy !== undefined && forgettable) this.#forgetCut();
    this.#cutHere = isLocalCut(ack);
    this.#cutBy = undefined;
    if (this.#cutAt !== undefined && this.#cutAt !== effectiveOffset && !forgettable) {
      this.#wrong('receipt', `E moved from ${this.#cutAt} to ${effectiveOffset}`);
    }
    if (outcome === 'applied' && asked !== undefined) this.#checkEnd(asked, effectiveOffset, generatedOffset);
    this.#cutAt = effectiveOffset;
    this.#position = Math.min(this.#position, effectiveOffset);
  }

  /** R4: where a mode puts E. */
  #checkEnd({ mode, keepThroughOffset }: AskedCut, effective: number, generated: number): void {
    if (effective > generated) this.#wrong('receipt', `E ${effective} past what was generated, ${generated}`);
    if (mode === 'keep-generated' && effective !== generated) {
      this.#wrong('receipt', `KEEP_GENERATED cut at ${effective} of ${generated}`);
    }
    if (mode !== 'keep-through-offset' || keepThroughOffset === undefined) return;
    const wanted = Math.min(keepThroughOffset, generated);
    if (effective !== wanted)
      this.#wrong('receipt', `kept through ${keepThroughOffset}, E ${effective} of ${generated}`);
  }

  ended(event: TurnEnded): void {
    if (this.#terminal !== undefined) {
      this.#again(this.#terminal, event);
      return;
    }
    this.#forgetLost();
    if (this.#cutAt !== event.endOffset && mayEndElsewhere({ cutHere: this.#cutHere, cutBy: this.#cutBy }, event)) {
      this.#forgetCut();
    }
    this.#terminal = event;
    this.#checkTerminal(event);
    this.#compareAll();
  }

  #checkTerminal({ endOffset, status, finishReason }: TurnEnded): void {
    if (status === 'interrupted' || status === 'redirected') {
      this.#position = Math.min(this.#position, endOffset);
      if (!this.#around.askedToCut(this.turnId)) this.#wrong('foreign', `${status}, and nobody asked for it`);
    }
    if (this.#position !== endOffset) {
      this.#wrong('terminal', `${status} at ${endOffset}, tokens came to ${this.#position}`);
    }
    if (this.#cutAt === undefined) {
      const whole = status !== 'incomplete' || endOffset === this.plan.maxTokens;
      if (!whole) this.#wrong('terminal', `incomplete (${finishReason}) at ${endOffset} of ${this.plan.maxTokens}`);
      return;
    }
    // An engine may be lost for good after it has said how far it got: what it had not sent is lost with it.
    const lost = status === 'failed';
    if (this.#cutAt !== endOffset && !lost) this.#wrong('terminal', `ended at ${endOffset}, cut at ${this.#cutAt}`);
  }

  #again(first: TurnEnded, event: TurnEnded): void {
    const same = first.status === event.status && first.endOffset === event.endOffset;
    this.repeats -= 1;
    if (!same || this.repeats < 0) this.#wrong('terminal', `a second terminal: ${event.status} at ${event.endOffset}`);
  }

  #oracleTurn(): OracleTurn | undefined {
    if (this.#oracle !== undefined) return this.#oracle;
    const { parent } = this.plan;
    const oracle = this.#oracleOn(parent === undefined ? this.#around.root() : parent.context());
    if (oracle === undefined || parent?.localEnd === undefined) return (this.#oracle = oracle);
    // The engine may have cut the parent further on, unheard, and begun this turn there.
    if (this.#promptTold === undefined) return oracle;
    const further = Math.max(0, this.#promptTold - oracle.promptTokens);
    this.#oracle = this.#oracleOn(parent.contextAt(parent.localEnd + further));
    return this.#oracle;
  }

  #oracleOn(context: OracleContext | undefined): OracleTurn | undefined {
    const { items, seed } = this.plan;
    return context?.turn({ input: items.map((itemJson) => ({ itemJson })), params: { seed } });
  }

  /** E where a gateway's own cut, which the next gateway need not know, is all that was told of the end. */
  get localEnd(): number | undefined {
    return this.#cutHere && !expectations.localCutsSurvive ? this.#cutAt : undefined;
  }

  contextAt(end: number): OracleContext | undefined {
    return this.#oracleTurn()?.after(end);
  }

  #compareAll(): void {
    const oracle = this.#oracleTurn();
    if (oracle === undefined) return;
    if (this.#promptTold !== undefined && this.#promptTold !== oracle.promptTokens) {
      this.#wrong('truth', `prompt of ${this.#promptTold} tokens, not ${oracle.promptTokens}`);
    }
    for (const frame of this.#uncompared) this.#compare(oracle, frame);
    this.#uncompared = [];
  }

  #compare(oracle: OracleTurn, { firstOffset, tokenCount, ids, lengths, text }: Frame): void {
    const want = oracle.tokens(firstOffset, tokenCount);
    if (!same(ids, want.ids)) this.#wrong('content', `foreign ids in [${firstOffset}, +${tokenCount})`);
    else if (!same(text, want.text)) this.#wrong('content', `foreign text in [${firstOffset}, +${tokenCount})`);
    else if (!same(lengths, want.lengths)) this.#wrong('content', `text lengths in [${firstOffset}, +${tokenCount})`);
  }

  #wrong(rule: string, text: string): void {
    this.#around.violated(rule, `turn ${this.turnId}: ${text}`);
  }
}

function same(got: ArrayLike<number>, want: ArrayLike<number>): boolean {
  if (got.length !== want.length) return false;
  for (let at = 0; at < want.length; at++) if (got[at] !== want[at]) return false;
  return true;
}
