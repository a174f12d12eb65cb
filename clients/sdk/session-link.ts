/**
 * Keeps a session attached: one Converse stream at a time, re-attached with the last resume token after a loss, at
 * the next gateway when there are several.
 *
 *     attaching ── Attached ──▶ attached ── stream lost ──▶ waiting ── Redial ──▶ attaching
 *     attached ── GoAway ──▶ attaching, at the next gateway
 *     attaching | waiting ── refused, or longer than reconnectMs ──▶ failed
 *     any ── close ──▶ closed
 *
 * Invariants
 *  L1 Messages of a stream that was replaced are not heard.
 *  L2 A command goes out once per stream, in the order of its number, and again on the next stream until it has an
 *     answer of its own.
 */
import { durationMs, ReticleError } from '@reticle/core/domain';
import type { Clock, Random } from '@reticle/core/flow';
import type { Attach__Input } from '@reticle/proto/gen/session/v1/Attach';
import type { Attached } from '@reticle/proto/gen/session/v1/Attached';
import type { ConverseResponse } from '@reticle/proto/gen/session/v1/ConverseResponse';
import type { GoAway } from '@reticle/proto/gen/session/v1/GoAway';
import { Attachment, type ConverseStream, type Loss } from './attachment.ts';
import { CommandLog, type Command, type LoggedCommand } from './command-log.ts';
import { asReticleError } from './errors.ts';
import { Redial } from './redial.ts';

/** An attachment that lived this long ends an outage. */
const STEADY_MS = 1_000;
/** A gateway that has not answered Attach by then hangs; taking a session over includes evaluating its context. */
const ATTACH_MS = 10_000;
/** An attach whose answer was lost may still reach the engine this long, and displace the one that followed it. */
const STRAY_MS = 5_000;
/** Tokens that are due come many times a second: after this long without a word, twice, the gateway hangs. */
const SILENCE_MS = 5_000;
/** Presence of an engine reaches every gateway well within this; an engine that stays lost is lost. */
const ENGINE_LOST_MS = 10_000;

/** The gateways that a session may attach to. */
export type Gateways = {
  readonly size: number;
  readonly preferred: number;
  address(target: number): string;
  converse(target: number): ConverseStream;
  answered(target: number): void;
};

/** What becomes of a session's connection. An outage is told once, whatever it takes to end it. */
export type ConnectionEvent =
  | { readonly kind: 'lost'; readonly target: string; readonly error: ReticleError }
  /** The gateway asked to leave, and the session does. */
  | { readonly kind: 'leaving'; readonly target: string; readonly reason: string }
  | { readonly kind: 'attached'; readonly target: string; readonly outageMs: number };

export type SessionLinkOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly gateways: Gateways;
  readonly resumeToken: string;
  /** How long one outage may last before the session is given up. */
  readonly reconnectMs: number;
  /** Cursors, credit and frame policy of the next attach. */
  readonly attach: () => Omit<Attach__Input, 'resumeToken' | 'sessionId'>;
  /** True while the service owes tokens: a turn runs and has credit. */
  readonly isOwed: () => boolean;
  readonly onAttached: (attached: Attached) => void;
  /** Everything but Attached and GoAway. May throw a ReticleError: it ends the session. */
  readonly onMessage: (message: ConverseResponse) => void;
  readonly onConnection: (event: ConnectionEvent) => void;
  readonly onFailed: (error: ReticleError) => void;
};

export class SessionLink {
  readonly log = new CommandLog();
  readonly #options: SessionLinkOptions;
  readonly #redial: Redial;
  readonly #first = Promise.withResolvers<void>();
  #resumeToken: string;
  #state: 'attaching' | 'attached' | 'waiting' | 'closed' = 'waiting';
  #attachment: Attachment | undefined;
  #attachedMs: number | undefined;
  /** When the last attachment was lost or left; undefined while attached. */
  #goneMs: number | undefined;
  /** When an attach was last given up without its answer. */
  #strayMs = Number.NEGATIVE_INFINITY;
  #cancelTimer: () => void = () => {};
  #cancelWatch: () => void = () => {};
  #heard = 0;

  constructor(options: SessionLinkOptions) {
    const { random, gateways } = options;
    this.#options = options;
    this.#redial = new Redial({ random, targets: gateways.size, target: gateways.preferred });
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
    const { gateways, clock } = this.#options;
    this.#state = 'attaching';
    this.log.dropFlows();
    const attach = { ...this.#options.attach(), resumeToken: this.#resumeToken };
    const attachment = new Attachment(gateways.converse(this.#redial.target), attach, {
      message: (message) => this.#guard(attachment, () => this.#message(attachment, message)),
      lost: (loss) => this.#guard(attachment, () => this.#lost(loss)),
    });
    this.#attachment = attachment;
    this.#cancelTimer();
    this.#cancelTimer = clock.after(ATTACH_MS, () => this.#hung(attachment));
  }

  /** A stream that still waits for its connection must not deliver an Attach that nobody waits for: it is reset. */
  #hung(attachment: Attachment): void {
    attachment.cancel();
    this.#lost({ error: new ReticleError('region_lost', 'the gateway does not answer'), resumable: true });
  }

  /** Leaves a gateway that is silent while it owes tokens, when there is another one. */
  #watch(attachment: Attachment, wasOwed: boolean): void {
    const { clock, gateways, isOwed } = this.#options;
    if (gateways.size === 1) return;
    const heard = this.#heard;
    this.#cancelWatch = clock.after(SILENCE_MS, () => {
      const isSilent = this.#heard === heard && isOwed();
      if (isSilent && wasOwed) this.#hung(attachment);
      else this.#watch(attachment, isSilent);
    });
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
    this.#heard++;
    if (message.attached) return this.#attachedBy(attachment, message.attached);
    if (this.#state !== 'attached') {
      throw new ReticleError('upstream_protocol_error', 'the first message of a stream was not Attached');
    }
    if (message.goAway) this.#goAway(message.goAway);
    else this.#options.onMessage(message);
  }

  #attachedBy(attachment: Attachment, attached: Attached): void {
    const { clock, gateways, onAttached, onConnection } = this.#options;
    this.#cancelTimer();
    this.resumeToken = attached.resumeToken;
    onAttached(attached);
    for (const entry of this.log.resend(attached.lastAppliedSeq)) attachment.send(entry);
    this.#state = 'attached';
    this.#attachedMs = clock.nowMs();
    const goneMs = this.#goneMs;
    this.#goneMs = undefined;
    gateways.answered(this.#redial.target);
    this.#first.resolve();
    this.#watch(attachment, false);
    if (goneMs === undefined) return;
    onConnection({ kind: 'attached', target: this.#address, outageMs: this.#attachedMs - goneMs });
  }

  /** The stream ends soon: moves in the first half of the time left, at a random moment of it. */
  #goAway({ timeLeft, resumeToken, reason }: GoAway): void {
    this.resumeToken = resumeToken;
    const leftMs = timeLeft === null ? 0 : durationMs(timeLeft);
    const { clock, random, onConnection } = this.#options;
    this.#cancelTimer();
    this.#cancelTimer = clock.after((random.unit() * leftMs) / 2, () => {
      onConnection({ kind: 'leaving', target: this.#address, reason });
      this.#attachment?.leave();
      this.#cancelWatch();
      this.#goneMs = clock.nowMs();
      this.#attachedMs = undefined;
      this.#redial.leave();
      this.#attach();
    });
  }

  #lost({ error, resumable }: Loss): void {
    this.#cancelTimer();
    this.#cancelWatch();
    this.#attachment = undefined;
    const { clock, onConnection } = this.#options;
    const nowMs = clock.nowMs();
    const target = this.#address;
    const wasAttached = this.#state === 'attached';
    if (!resumable && !this.#isDisplacedByItself(error, nowMs)) return this.#fail(error);
    this.#noteLoss(nowMs);
    const { delayMs } = this.#redial.lost({ nowMs, retryAfterMs: error.retryAfterMs });
    if (nowMs + delayMs - (this.#redial.sinceMs ?? nowMs) > this.#patienceMs(error)) return this.#fail(error);
    this.#state = 'waiting';
    this.#cancelTimer = clock.after(delayMs, () => this.#attach());
    if (wasAttached) onConnection({ kind: 'lost', target, error });
  }

  #noteLoss(nowMs: number): void {
    this.#goneMs ??= nowMs;
    if (this.#state === 'attaching') this.#strayMs = nowMs;
    if (nowMs - (this.#attachedMs ?? nowMs) >= STEADY_MS) this.#redial.steady();
    this.#attachedMs = undefined;
  }

  /** An attach of this very session, given up shortly before, may have come to the engine late. Forgiven once each. */
  #isDisplacedByItself({ code }: ReticleError, nowMs: number): boolean {
    if (code !== 'epoch_stale' || nowMs - this.#strayMs > STRAY_MS) return false;
    this.#strayMs = Number.NEGATIVE_INFINITY;
    return true;
  }

  #patienceMs({ code }: ReticleError): number {
    const { reconnectMs } = this.#options;
    return code === 'engine_lost' ? Math.min(reconnectMs, ENGINE_LOST_MS) : reconnectMs;
  }

  get #address(): string {
    return this.#options.gateways.address(this.#redial.target);
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
    this.#cancelWatch();
    this.#attachment = undefined;
    this.#first.reject(new ReticleError('session_not_open', 'the session was closed'));
  }
}
