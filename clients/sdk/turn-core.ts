import type { ReticleError } from '@reticle/core/domain';
import type { TokenFrame } from '@reticle/proto/gen/session/v1/TokenFrame';
import type { TurnEnded } from '@reticle/proto/gen/session/v1/TurnEnded';
import type { TurnQueued } from '@reticle/proto/gen/session/v1/TurnQueued';
import type { TurnStarted } from '@reticle/proto/gen/session/v1/TurnStarted';
import {
  endedOf,
  queuedOf,
  startedOf,
  type Ended,
  type Moved,
  type Queued,
  type Receipt,
  type Started,
} from './answers.ts';
import type { LoggedCommand } from './command-log.ts';
import { fromTurnError } from './errors.ts';
import { TurnInbox, type Grant, type InboxFrame } from './turn-inbox.ts';
import { turnStatusWord } from './words.ts';

export type TurnCoreOptions = {
  readonly turnId: string;
  readonly creditTokens: number;
  readonly startOffset?: number;
  readonly sendGrant: (turnId: string, grant: Grant) => void;
};

/**
 * One turn as the session keeps it: what has arrived, what was promised, what ended it. Ends once, by the
 * service's terminal or by the loss of the session; frames that arrived before stay readable.
 */
export class TurnCore {
  readonly turnId: string;
  readonly inbox: TurnInbox;
  readonly started = Promise.withResolvers<Started>();
  readonly ended = Promise.withResolvers<Ended>();
  /** The message that starts this turn; undefined for one that was started elsewhere. */
  startEntry: LoggedCommand | undefined;
  /** The service has spoken of this turn. */
  known = false;
  /** The last TurnStarted; undefined before the first. */
  info: Started | undefined;
  queued: Queued | undefined;
  receipt: Receipt | undefined;
  readonly #sendGrant: TurnCoreOptions['sendGrant'];
  readonly #moves: Moved[] = [];
  readonly #moveListeners = new Set<(moved: Moved) => void>();
  #over = false;
  #error: Error | undefined;
  #wake = Promise.withResolvers<void>();
  #cleanups: (() => void)[] = [];

  constructor(options: TurnCoreOptions) {
    this.turnId = options.turnId;
    this.inbox = new TurnInbox(options.creditTokens, options.startOffset);
    this.#sendGrant = options.sendGrant;
    // Whoever only reads need not await these; their failures reach the reader too.
    this.started.promise.catch(() => {});
    this.ended.promise.catch(() => {});
  }

  get over(): boolean {
    return this.#over;
  }

  /** The turn runs and has credit: tokens or its end are due. */
  get isOwed(): boolean {
    return this.info !== undefined && !this.#over && this.inbox.hasCredit;
  }

  /** Runs once when the turn is over. */
  onOver(cleanup: () => void): void {
    if (this.#over) cleanup();
    else this.#cleanups.push(cleanup);
  }

  /** Calls back for every move to another engine, until the returned function is called. */
  onMoved(listener: (moved: Moved) => void): () => void {
    this.#moveListeners.add(listener);
    return () => void this.#moveListeners.delete(listener);
  }

  get moves(): readonly Moved[] {
    return [...this.#moves];
  }

  frame(frame: TokenFrame): void {
    this.inbox.accept(frame);
    this.#signal();
  }

  queue(message: TurnQueued): void {
    this.queued = queuedOf(message);
  }

  /** The first start, one of a higher epoch after a failover or a drain (R7), or one that is only told again. */
  start(message: TurnStarted): void {
    const before = this.info;
    const info = startedOf(message);
    if (before !== undefined && info.epoch <= before.epoch) return;
    this.info = info;
    this.queued = undefined;
    this.inbox.restart(info.startOffset);
    this.started.resolve(info);
    if (before === undefined || (before.replica === info.replica && before.startOffset === info.startOffset)) return;
    const { epoch, replica, reason, startOffset, continuation } = info;
    const moved = { epoch, replica, reason, startOffset, continuation };
    this.#moves.push(moved);
    for (const listener of this.#moveListeners) listener(moved);
  }

  /** A control fixed the end of the turn (R2). */
  cut(receipt: Receipt): void {
    this.receipt ??= receipt;
    this.inbox.cut(receipt.effectiveOffset);
    this.#grant(this.inbox.grantToCut());
  }

  end(message: TurnEnded): void {
    if (turnStatusWord(message.status) === 'failed') return this.fail(fromTurnError(message.error));
    this.inbox.end(message.endOffset);
    this.ended.resolve(endedOf(message, { receipt: this.receipt, moves: this.moves }));
    this.#finish();
  }

  fail(error: ReticleError): void {
    if (this.#over) return;
    this.#error ??= error;
    this.started.reject(error);
    this.ended.reject(error);
    this.#finish();
  }

  /** The reader gets `reason` in place of further tokens; the turn itself goes on until it is cut. */
  abandon(reason: Error): void {
    this.#error ??= reason;
    this.#signal();
  }

  /** The next frame, undefined at the end. Throws what failed the turn, after the frames that came before it. */
  async next(): Promise<InboxFrame | undefined> {
    for (;;) {
      const frame = this.inbox.take();
      if (frame !== undefined) {
        if (!this.#over) this.#grant(this.inbox.grant());
        return frame;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#over) return undefined;
      await this.#wake.promise;
    }
  }

  #grant(grant: Grant | undefined): void {
    if (grant === undefined) return;
    this.#sendGrant(this.turnId, grant);
  }

  #finish(): void {
    this.#over = true;
    for (const cleanup of this.#cleanups) cleanup();
    this.#cleanups = [];
    this.#signal();
  }

  #signal(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}
