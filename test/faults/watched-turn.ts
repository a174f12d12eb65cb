import type { OracleTurn } from '../kit/oracle.ts';
import { TokenChecker } from '../kit/token-checker.ts';
import { outcomes, statuses, type ControlAck, type ConverseResponse, type TurnEnded } from '../kit/wire.ts';

type TurnStarted = NonNullable<ConverseResponse['turnStarted']>;

/** What a fault did to one turn. */
export type TurnFault = {
  /** Scenario that was under way. */
  readonly scenario: string;
  readonly what: string;
  readonly atMs: number;
};

const EVENTS_KEPT = 400;
const BEFORE_KEPT = 12;

/**
 * One turn as its client sees it, over any number of attachments and gateways: every token against the oracle, one
 * terminal, the receipt, the bill, and when things came.
 */
export class WatchedTurn {
  readonly turnId: string;
  readonly sessionId: string;
  readonly faults: TurnFault[] = [];
  /** What happened, for a person: milliseconds of the run, then words. */
  readonly events: string[] = [];
  readonly #checker: TokenChecker;
  readonly #problems: string[] = [];
  readonly #startedMs: number;
  readonly #mayFailWith: string | undefined;
  readonly #before: () => readonly string[];
  #cutAt: number | undefined;
  #receiptAt: number | undefined;
  #furthest = 0;
  #terminals = 0;
  #epoch = 0;
  #replica = '';
  #lastMs: number;
  /** Longest silence between two tokens (or from the last one before the first fault) once a fault came. */
  #stallMs = 0;
  #calmGapMs = 0;
  #gatewayLost = false;
  #hasMoved = false;
  #underBilled = '';
  #overBilled = '';
  #run: { readonly head: string; line: string; end: number } | undefined;
  #over = false;

  constructor(options: {
    readonly sessionId: string;
    readonly turnId: string;
    readonly oracle: OracleTurn;
    readonly nowMs: number;
    /** A code that the turn may end with instead of speaking, because what it depends on may be gone by then. */
    readonly mayFailWith?: string;
    /** The turn of the session before this one. */
    readonly previous?: WatchedTurn | undefined;
  }) {
    this.sessionId = options.sessionId;
    this.turnId = options.turnId;
    this.#checker = new TokenChecker(options.turnId, options.oracle);
    this.#mayFailWith = options.mayFailWith;
    const { previous } = options;
    this.#before = () => previous?.events.slice(-BEFORE_KEPT).map((event) => `${previous.turnId} ${event}`) ?? [];
    this.#startedMs = options.nowMs;
    this.#lastMs = options.nowMs;
  }

  /** The last events of the session's turn before this one. */
  get before(): readonly string[] {
    return this.#before();
  }

  /** Exclusive end of what the client keeps: what came, trimmed at the receipt. */
  get position(): number {
    return Math.min(this.#checker.position, this.#cutAt ?? Number.POSITIVE_INFINITY);
  }

  get terminal(): TurnEnded | undefined {
    return this.#checker.terminal;
  }

  /** TurnStarted has come. */
  get started(): boolean {
    return this.#epoch > 0;
  }

  /** Engine that serves the turn. */
  get replica(): string {
    return this.#replica;
  }

  get startedMs(): number {
    return this.#startedMs;
  }

  get stallMs(): number {
    return this.#stallMs;
  }

  /** Longest silence between tokens before any fault. */
  get calmGapMs(): number {
    return this.#calmGapMs;
  }

  /** It ended without having spoken, as it was allowed to. */
  get refused(): boolean {
    return this.terminal?.status === statuses.failed && this.terminal.error?.code === this.#mayFailWith;
  }

  /** Nothing more is expected of the turn. */
  get over(): boolean {
    return this.#over || this.terminal !== undefined;
  }

  fault(fault: TurnFault): void {
    if (this.over) return;
    if (this.faults.some(({ scenario, what }) => scenario === fault.scenario && what === fault.what)) return;
    if (this.faults.length === 0) this.#lastMs = Math.max(this.#lastMs, this.#startedMs);
    this.faults.push(fault);
    this.note(fault.atMs, `FAULT ${fault.scenario}: ${fault.what}`);
  }

  /** A gateway died under the turn: what it had sent that never arrived is nobody's to know. */
  gatewayLost(): void {
    this.#gatewayLost = true;
  }

  /** Another gateway than the one that sent the client what it has was asked to go on with the turn. */
  moved(): void {
    this.#hasMoved = true;
  }

  note(atMs: number, text: string): void {
    this.events.push(`${atMs.toFixed(0).padStart(7)} ${text}`);
    if (this.events.length > EVENTS_KEPT) this.events.shift();
  }

  problem(atMs: number, text: string): void {
    this.#problems.push(text);
    this.note(atMs, `PROBLEM ${text}`);
  }

  /** The client has left the session before the turn was over: that is a failure of its own, told in `why`. */
  abandon(atMs: number, why: string): void {
    if (this.over) return;
    this.#over = true;
    this.problem(atMs, why);
  }

  /** A new attachment reads on from `offset`. */
  resumed(offset: number): void {
    // After a receipt the client has thrown away what lay past E.
    if (this.#checker.position !== offset) this.#checker.resumeAt(offset);
  }

  /** Everything wrong with the turn; empty for a good one. */
  violations(): readonly string[] {
    const found = [...this.#checker.faults(), ...this.#problems];
    if (this.#overBilled !== '') found.push(this.#overBilled);
    // A gateway that died takes along what it alone had sent: under-billed, never over-billed.
    if (this.#underBilled !== '' && !this.#gatewayLost) found.push(this.#underBilled);
    if (this.#terminals > 1) found.push(`${this.#terminals} terminals`);
    return found;
  }

  feed(response: ConverseResponse, nowMs: number): void {
    const { message } = response;
    const told = message === undefined ? undefined : response[message];
    if (!told || !('turnId' in told) || told.turnId !== this.turnId) return;
    const before = this.#checker.problems.length;
    this.#checker.feed(response);
    const { turnStarted, tokenFrame, controlAck, turnEnded } = response;
    if (turnStarted) this.#announced(turnStarted, nowMs);
    if (tokenFrame) this.#frame(tokenFrame.firstOffset, tokenFrame.tokenCount, nowMs);
    if (controlAck) this.#acked(controlAck, nowMs);
    if (turnEnded) this.#ended(turnEnded, nowMs);
    for (const problem of this.#checker.problems.slice(before)) this.note(nowMs, `PROBLEM ${problem}`);
  }

  #announced({ epoch, startOffset, reason, replica }: TurnStarted, nowMs: number): void {
    this.#replica = replica;
    if (epoch < this.#epoch) this.problem(nowMs, `epoch fell from ${this.#epoch} to ${epoch}`);
    this.#epoch = epoch;
    this.note(nowMs, `started at ${startOffset}, epoch ${epoch}, reason ${reason}, engine ${replica.slice(0, 4)}`);
  }

  #frame(first: number, count: number, nowMs: number): void {
    this.#furthest = Math.max(this.#furthest, first + count);
    this.#gap(nowMs);
    // Runs of frames make one line, from the first one's time.
    if (this.#run?.end === first && this.events.at(-1) === this.#run.line) {
      this.#run.end += count;
      this.#run.line = `${this.#run.head} to ${this.#run.end} at ${nowMs.toFixed(0)}`;
      this.events[this.events.length - 1] = this.#run.line;
      return;
    }
    this.note(nowMs, `tokens ${first}`);
    const line = this.events.at(-1) ?? '';
    this.#run = { head: line, line, end: first + count };
  }

  /** Silence counts from the first token on: how long a first token takes is not a stall. */
  #gap(nowMs: number): void {
    const gapMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (this.#furthest === 0) return;
    if (this.faults.length > 0) this.#stallMs = Math.max(this.#stallMs, gapMs);
    else if (this.#furthest > 1) this.#calmGapMs = Math.max(this.#calmGapMs, gapMs);
  }

  /**
   * The answer to a control that went beside the stream. What the stream had sent before may still arrive, so it
   * bounds the turn's end and not the frames.
   */
  receipt({ outcome, effectiveOffset, code }: ControlAck, nowMs: number): void {
    this.note(nowMs, `receipt outcome ${outcome} E ${effectiveOffset} ${code}`);
    if (outcome !== outcomes.applied && outcome !== outcomes.alreadyEnded) {
      this.problem(nowMs, `a signal was answered ${outcome} ${code}`);
    } else this.#receiptAt = effectiveOffset;
    this.#agree(nowMs);
  }

  #agree(nowMs: number): void {
    const end = this.terminal?.endOffset;
    if (end === undefined || this.#receiptAt === undefined || end === this.#receiptAt) return;
    this.problem(nowMs, `ended at ${end}, the receipt said ${this.#receiptAt}`);
  }

  #acked({ outcome, effectiveOffset, generatedOffset, code, signalId }: ControlAck, nowMs: number): void {
    this.note(nowMs, `ack outcome ${outcome} E ${effectiveOffset} generated ${generatedOffset} ${code}`);
    // These two name E; anything else but a promise of a later answer is none to a control on a turn of one's own.
    if (outcome === outcomes.applied || outcome === outcomes.alreadyEnded) this.#cutAt = effectiveOffset;
    else if (outcome !== outcomes.pending) this.problem(nowMs, `control ${signalId} was answered ${outcome} ${code}`);
  }

  #ended(ended: TurnEnded, nowMs: number): void {
    this.#terminals += 1;
    this.#gap(nowMs);
    const code = ended.error?.code ?? '';
    const why = code === '' ? '' : `${code}: ${ended.error?.message ?? ''}`;
    this.note(nowMs, `ended status ${ended.status} at ${ended.endOffset} ${ended.finishReason} ${why}`);
    this.#agree(nowMs);
    if (ended.status !== statuses.failed) this.#billed(ended);
    else if (code !== this.#mayFailWith) this.problem(nowMs, `failed: ${code}`);
  }

  /** The bill is what was sent: all of a turn that was not cut, never more than was generated (P24). */
  #billed({ status, endOffset, usage }: TurnEnded): void {
    const { outputTokens: billed = 0, discardedTokens: discarded = 0 } = usage ?? {};
    const cut = status === statuses.interrupted || status === statuses.redirected;
    // What lies past E was thrown away by the client, and the gateway that had sent it bills it by itself.
    const [least, most] = cut
      ? [this.#hasMoved ? endOffset : this.#furthest, endOffset + discarded]
      : [endOffset, endOffset];
    if (billed < least) this.#underBilled = `billed ${billed}, ${least} had been sent`;
    if (billed > most) this.#overBilled = `billed ${billed} of ${most}`;
  }
}
