/**
 * One turn at the host: its ledger, its place on a link and its state.
 *
 *     waiting → prefilling → decoding → halting → done
 *                    └───────────┴─────────────────┘
 *
 * `waiting`: the context it starts from is still being made. `halting`: the driver was asked to stop, and no
 * row leaves until the cut's offset is known. `done`: the end offset is fixed; rows below it may still be due.
 */
import type { ErrorCode } from '@reticle/proto/contract';
import type { CutDone__Input } from '@reticle/proto/gen/engine/v1/CutDone';
import type { TurnError__Input } from '@reticle/proto/gen/session/v1/TurnError';
import type { TurnStatus } from '@reticle/proto/gen/session/v1/TurnStatus';
import type { Start } from '@reticle/proto/gen/engine/v1/Start';
import type { ContextId, StreamId } from '../contract.ts';
import type { CutMode } from './cut.ts';
import { IdLog } from './id-log.ts';
import { ItemMarks } from './item-marks.ts';
import type { SettledEnd } from './handed-records.ts';
import type { LinkChannel } from './link-channel.ts';
import type { Attachment, Session } from './session.ts';
import type { TurnLedger } from './turn-ledger.ts';

export type TurnPhase = 'waiting' | 'prefilling' | 'decoding' | 'halting' | 'done';

/** Reasons for which a stream is paused, as bits: the ring is full; no gateway came back in its grace. */
export const PauseReason = { ring: 1, detached: 2 } as const;

/** Why a stream is being halted. A cut replaces the other reasons; `drop` replaces all. */
export type HaltCause = 'cut' | 'max_duration' | 'drain' | 'drop';

export type CutRequest = {
  readonly signalId: string;
  readonly mode: CutMode;
  readonly requested: number | undefined;
  /** Acknowledged offset when the control arrived. */
  readonly acknowledged: number;
  /** Set once an `at-item-boundary` control has its offset, or must not wait for one. */
  boundary?: number | 'now';
  /** The link that asked last: the successor's lane is a number of this link. */
  channel: LinkChannel | undefined;
  successor: Start | undefined;
  /** Shared by copies of the record: who waits for the answer. */
  readonly asked: ControlAsked;
};

/** Where a control's answer goes: the turn's lane when it was asked in band, and everyone who asked by signal (R9). */
export type ControlAsked = { inBand: boolean; readonly replies: ControlReply[] };

/** Takes the answer of a control that came by signal; `code` says why a refused one was. */
export type ControlReply = (done: CutDone__Input, code?: ErrorCode) => void;

export type TurnFinal = {
  readonly status: TurnStatus;
  readonly endOffset: number;
  readonly generated: number;
  readonly finishReason: string;
  readonly error: TurnError__Input | undefined;
  /** The turn's end as a context; absent when the driver lost it. */
  readonly context: ContextId | undefined;
};

export type TurnStarted = {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly startOffset: number;
  readonly continuation: 0 | 1 | 2;
};

/** Monotonic milliseconds of the host's clock; absent until it happened. */
export type TurnTimes = {
  readonly submittedMs: number;
  startedMs?: number;
  firstTokenMs?: number;
  endedMs?: number;
};

export type TurnOptions = {
  readonly session: Session;
  /** The request; its parent is named even where the wire leaves it open. */
  readonly start: Start;
  readonly ledger: TurnLedger;
  readonly submittedMs: number;
};

export class Turn {
  readonly turnId: string;
  readonly session: Session;
  /** Place in the order in which the session's contexts were asked for: parents before children. */
  readonly order: number;
  /** The request without its forced ids, which `ids` holds. */
  readonly start: Start;
  readonly ledger: TurnLedger;
  /** Every id that was generated or forced, up to the end. */
  readonly ids: IdLog;
  readonly marks = new ItemMarks();
  readonly times: TurnTimes;
  phase: TurnPhase = 'waiting';
  stream: StreamId = -1;
  /** Lane on `channel`; meaningless while detached. */
  lane = 0;
  channel: LinkChannel | undefined;
  /** The gateway has heard of the lane: it chose it, or `Opened` has named it. */
  laneTold = false;
  /** The attachment that was last told this turn's record. */
  recordedFor: Attachment | undefined;
  /** Every lane that ever meant this turn, to forget them with it. */
  readonly lanes: { channel: LinkChannel; lane: number }[] = [];
  /** True while the channel has it on its list. */
  dirty = false;
  /** A redirect's successor tells nothing before the cut turn has told its end, unless that one lacks credit. */
  predecessor: Turn | undefined;
  /** `Continuation` to tell with `Started`. */
  continuation: 0 | 1 | 2 = 0;
  started: TurnStarted | undefined;
  startedTold = false;
  final: TurnFinal | undefined;
  /** The turn is made again, and its end was told before: no control moves it (R2). */
  settled: SettledEnd | undefined;
  /** Its end was told, and everything below it was forced: nothing of it is new to anybody. */
  contextOnly = false;
  endedTold = false;
  pauseReasons = 0;
  haltCause: HaltCause | undefined;
  cut: CutRequest | undefined;
  pending: (CutRequest & { readonly itemIndex: number }) | undefined;
  readonly followers: CutRequest[] = [];
  cancelDuration: (() => void) | undefined;
  /** Driver's due time of the newest token, µs modulo 2^32. */
  newestMicros = 0;
  /** Tokens at the last rate measurement. */
  measuredAt: number;
  /** The ring may be wiped from here on. */
  keepUntilMs = Number.POSITIVE_INFINITY;

  constructor({ session, start, ledger, submittedMs }: TurnOptions) {
    this.turnId = start.turnId;
    this.session = session;
    this.order = session.nextOrder();
    this.start = { ...start, forcedTokenIds: [] };
    this.ledger = ledger;
    this.ids = new IdLog(start.forcedTokenIds);
    this.measuredAt = start.forcedTokenIds.length;
    this.times = { submittedMs };
  }

  /** Name of the context that it starts from; empty for the session's root. */
  get parentName(): string {
    return this.start.draft?.draftId ?? this.start.parentTurnId;
  }

  /** What a receipt says was generated: fixed with the end. */
  get generatedOffset(): number {
    return this.final?.generated ?? this.settled?.generated ?? this.ledger.generated;
  }

  get live(): boolean {
    return this.phase !== 'done';
  }

  /** True while it is made again for its context alone. */
  get isReplay(): boolean {
    return this.live && this.contextOnly;
  }

  /** True when rows may leave: started, and not on its way to a cut whose offset is unknown. */
  get emitting(): boolean {
    return this.started !== undefined && this.phase !== 'halting';
  }

  /** True when a row or a mark could leave now. */
  get hasDue(): boolean {
    if (!this.emitting) return false;
    return this.ledger.sendableEnd > this.ledger.sent || this.marks.next(this.ledger.sent) !== undefined;
  }

  /** True when its end is known and every row and mark below it has left. */
  get delivered(): boolean {
    return this.final !== undefined && this.ledger.sent >= this.final.endOffset && !this.hasDue;
  }

  /** True when the ring may go: its time is over, and no lane is still owed the end. */
  forgettable(nowMs: number): boolean {
    const owed = this.channel !== undefined && !this.endedTold;
    return this.final !== undefined && !owed && nowMs >= this.keepUntilMs && this.ledger.ringBytes > 0;
  }
}
