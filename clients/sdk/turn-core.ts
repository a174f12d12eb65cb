import type { ReticleError } from '@reticle/core/domain';
import type { TokenFrame } from '@reticle/proto/gen/session/v1/TokenFrame';
import type { TurnEnded } from '@reticle/proto/gen/session/v1/TurnEnded';
import type { TurnQueued } from '@reticle/proto/gen/session/v1/TurnQueued';
import type { TurnStarted } from '@reticle/proto/gen/session/v1/TurnStarted';
import { endedOf, queuedOf, startedOf, type Ended, type Queued, type Receipt, type Started } from './answers.ts';
import type { LoggedCommand } from './command-log.ts';
import { fromTurnError } from './errors.ts';
import { TurnInbox, type Grant, type InboxFrame } from './turn-inbox.ts';
import { turnStatusWord } from './words.ts';

/** A grant under way: a token past the limit that held before it proves that it was applied. */
type SentGrant = { readonly entry: LoggedCommand; readonly limitBefore: number };

export type TurnCoreOptions = {
  readonly turnId: string;
  readonly creditTokens: number;
  readonly startOffset?: number;
  readonly sendGrant: (turnId: string, grant: Grant) => LoggedCommand;
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
  /** The service has spoken of this turn, so a resume can name it. */
  known = false;
  queued: Queued | undefined;
  receipt: Receipt | undefined;
  readonly #sendGrant: TurnCoreOptions['sendGrant'];
  readonly #grants: SentGrant[] = [];
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

  /** Runs once when the turn is over. */
  onOver(cleanup: () => void): void {
    if (this.#over) cleanup();
    else this.#cleanups.push(cleanup);
  }

  /** Gives the newest command that the frame proves to be applied. */
  frame(frame: TokenFrame): LoggedCommand | undefined {
    this.inbox.accept(frame);
    this.#signal();
    let proven: LoggedCommand | undefined;
    const end = frame.firstOffset + frame.tokenCount;
    while (end > (this.#grants[0]?.limitBefore ?? Number.POSITIVE_INFINITY)) proven = this.#grants.shift()?.entry;
    return proven;
  }

  queue(message: TurnQueued): void {
    this.queued = queuedOf(message);
  }

  start(message: TurnStarted): void {
    this.queued = undefined;
    this.inbox.restart(message.startOffset);
    this.started.resolve(startedOf(message));
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
    this.ended.resolve(endedOf(message, this.receipt));
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
    const entry = this.#sendGrant(this.turnId, grant);
    this.#grants.push({ entry, limitBefore: grant.limitBefore });
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
