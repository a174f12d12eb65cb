/**
 * Keeps a session attached: one Converse stream at a time, re-attached with the last resume token after a loss.
 *
 *     attaching ── Attached ──▶ attached ── stream lost ──▶ waiting ── backoff ──▶ attaching
 *     attaching | waiting ── refused, or longer than reconnectMs ──▶ failed
 *     any ── close ──▶ closed
 *
 * Invariants
 *  L1 Messages of a stream that was replaced are not heard.
 *  L2 A command goes out once per stream, in the order of its number, and again on the next stream until an answer
 *     proves that it was applied.
 */
import { durationMs, ReticleError } from '@reticle/core/domain';
import { Backoff, type Clock, type Random } from '@reticle/core/flow';
import type { Attach__Input } from '@reticle/proto/gen/session/v1/Attach';
import type { Attached } from '@reticle/proto/gen/session/v1/Attached';
import type { ConverseResponse } from '@reticle/proto/gen/session/v1/ConverseResponse';
import type { GoAway } from '@reticle/proto/gen/session/v1/GoAway';
import { Attachment, type ConverseStream, type Loss } from './attachment.ts';
import { CommandLog, type Command, type LoggedCommand } from './command-log.ts';
import { asReticleError } from './errors.ts';

/** First and longest delay between two attempts to attach. */
const BACKOFF = { baseMs: 50, capMs: 2_000 } as const;
/** An attachment that lived this long ends an outage. */
const STEADY_MS = 1_000;

export type SessionLinkOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly open: () => ConverseStream;
  readonly resumeToken: string;
  /** How long one outage may last before the session is given up. */
  readonly reconnectMs: number;
  /** Cursors, credit and frame policy of the next attach. */
  readonly attach: () => Omit<Attach__Input, 'resumeToken' | 'sessionId'>;
  /** The form in which a command is sent again. */
  readonly again: (command: Command) => Command;
  readonly onAttached: (attached: Attached) => void;
  /** Everything but Attached and GoAway. May throw a ReticleError: it ends the session. */
  readonly onMessage: (message: ConverseResponse) => void;
  readonly onFailed: (error: ReticleError) => void;
};

export class SessionLink {
  readonly log = new CommandLog();
  readonly #options: SessionLinkOptions;
  readonly #backoff: Backoff;
  readonly #first = Promise.withResolvers<void>();
  #resumeToken: string;
  #state: 'attaching' | 'attached' | 'waiting' | 'closed' = 'waiting';
  #attachment: Attachment | undefined;
  #attachedMs: number | undefined;
  #outageMs: number | undefined;
  #cancelTimer: () => void = () => {};

  constructor(options: SessionLinkOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ random: options.random, ...BACKOFF });
    this.#resumeToken = options.resumeToken;
    this.#first.promise.catch(() => {});
  }

  /** The newest token: resumes this session here or elsewhere. */
  get resumeToken(): string {
    return this.#resumeToken;
  }

  set resumeToken(token: string) {
    if (token !== '') this.#resumeToken = token;
  }

  get attached(): boolean {
    return this.#state === 'attached';
  }

  /** Settles at the first Attached, or with what ended the session before it. */
  connect(): Promise<void> {
    this.#attach();
    return this.#first.promise;
  }

  /** Sends now, or as soon as the session is attached. */
  send(command: Command): LoggedCommand {
    const entry = this.log.add(command);
    if (this.#state === 'attached') this.#attachment?.send(entry);
    return entry;
  }

  /** Ends the link without a word to the service; gives the stream, which the service still has to end. */
  close(): Attachment | undefined {
    const attachment = this.#attachment;
    this.#stop();
    attachment?.leave();
    return attachment;
  }

  #attach(): void {
    this.#state = 'attaching';
    const attach = { ...this.#options.attach(), resumeToken: this.#resumeToken };
    const attachment = new Attachment(this.#options.open(), attach, {
      message: (message) => this.#guard(attachment, () => this.#message(attachment, message)),
      lost: (loss) => this.#guard(attachment, () => this.#lost(loss)),
    });
    this.#attachment = attachment;
  }

  /** L1; and a message that breaks the protocol ends the session instead of the process. */
  #guard(attachment: Attachment, run: () => void): void {
    if (this.#attachment !== attachment) return;
    try {
      run();
    } catch (error) {
      this.#fail(asReticleError(error));
    }
  }

  #message(attachment: Attachment, message: ConverseResponse): void {
    if (message.attached) return this.#attachedBy(attachment, message.attached);
    if (this.#state !== 'attached') {
      throw new ReticleError('upstream_protocol_error', 'the first message of a stream was not Attached');
    }
    if (message.goAway) this.#goAway(message.goAway);
    else this.#options.onMessage(message);
  }

  #attachedBy(attachment: Attachment, attached: Attached): void {
    this.resumeToken = attached.resumeToken;
    this.#attachedMs = this.#options.clock.nowMs();
    this.#options.onAttached(attached);
    this.#state = 'attached';
    for (const entry of this.log.resend(attached.lastAppliedSeq)) {
      attachment.send({ seq: entry.seq, command: this.#options.again(entry.command) });
    }
    this.#first.resolve();
  }

  /** The stream ends soon: moves in the first half of the time left, at a random moment of it. */
  #goAway({ timeLeft, resumeToken }: GoAway): void {
    this.resumeToken = resumeToken;
    const leftMs = timeLeft === null ? 0 : durationMs(timeLeft);
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after((this.#options.random.unit() * leftMs) / 2, () => {
      this.#attachment?.leave();
      this.#attach();
    });
  }

  #lost({ error, resumable }: Loss): void {
    this.#cancelTimer();
    this.#attachment = undefined;
    if (!resumable) return this.#fail(error);
    const { clock, reconnectMs } = this.#options;
    const nowMs = clock.nowMs();
    if (this.#attachedMs !== undefined && nowMs - this.#attachedMs >= STEADY_MS) {
      this.#backoff.reset();
      this.#outageMs = undefined;
    }
    this.#attachedMs = undefined;
    this.#outageMs ??= nowMs;
    const delayMs = Math.max(this.#backoff.nextMs(), error.retryAfterMs ?? 0);
    if (nowMs + delayMs - this.#outageMs > reconnectMs) return this.#fail(error);
    this.#state = 'waiting';
    this.#cancelTimer = clock.after(delayMs, () => this.#attach());
  }

  #fail(error: ReticleError): void {
    this.#first.reject(error);
    const attachment = this.#attachment;
    this.#stop();
    attachment?.leave();
    this.#options.onFailed(error);
  }

  #stop(): void {
    this.#state = 'closed';
    this.#cancelTimer();
    this.#attachment = undefined;
    this.#first.reject(new ReticleError('session_not_open', 'the session was closed'));
  }
}
