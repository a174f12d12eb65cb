import { assert, ReticleError } from '@reticle/core/domain';
import type { Clock, Random } from '@reticle/core/flow';
import type { Attach__Input } from '@reticle/proto/gen/session/v1/Attach';
import type { Attached } from '@reticle/proto/gen/session/v1/Attached';
import type { ControlAck } from '@reticle/proto/gen/session/v1/ControlAck';
import type { ConverseResponse } from '@reticle/proto/gen/session/v1/ConverseResponse';
import type { TokenFrame } from '@reticle/proto/gen/session/v1/TokenFrame';
import type { TurnEnded } from '@reticle/proto/gen/session/v1/TurnEnded';
import { receiptOf, sessionInfoOf, type Receipt, type SessionInfo } from './answers.ts';
import type { LoggedCommand } from './command-log.ts';
import { framePolicy, interrupt, startTurn, type CutOptions, type FramePolicy, type TurnOptions } from './commands.ts';
import { asReticleError, fromOutcome } from './errors.ts';
import type { Input } from './input.ts';
import { RecentIds } from './recent-ids.ts';
import { SessionLink, type ConnectionEvent, type Gateways } from './session-link.ts';
import { TurnCore } from './turn-core.ts';
import { Turn, type Redirected } from './turn.ts';
import { turnStatusWord } from './words.ts';

/** A position in a turn: tokens from `nextOffset` on are wanted. */
export type Cursor = { readonly turnId: string; readonly nextOffset: number };

export type SessionOptions = {
  readonly framePolicy?: FramePolicy;
  /** Tokens that may be under way past what the reader took (rule R5). Default 512. */
  readonly creditTokens?: number;
};

export type SessionParts = SessionOptions & {
  readonly clock: Clock;
  readonly random: Random;
  readonly reconnectMs: number;
  readonly resumeToken: string;
  readonly cursors: readonly Cursor[];
  readonly gateways: Gateways;
  readonly newId: () => string;
  readonly closeSession: (sessionId: string) => Promise<void>;
  readonly defaultCreditTokens: number;
};

type Control = {
  readonly turnId: string;
  readonly entry: LoggedCommand;
  readonly answer: PromiseWithResolvers<Receipt>;
};

/** What a service has to end its own streams after CloseSession before the client resets one. */
const CLOSE_MS = 1_000;

/** Turns that are over and may still be spoken of: by a replay, or by the answer to a start that was sent again. */
const OVER_TURNS_KEPT = 256;

/**
 * A conversation over one Converse stream at a time. A lost stream is attached again by itself, at the next gateway
 * when the client has several; every turn's reader still sees each token exactly once. When the session cannot be kept, all its turns fail with the same error.
 */
export class Session implements AsyncDisposable {
  readonly #parts: SessionParts;
  readonly #link: SessionLink;
  readonly #turns = new Map<string, { readonly core: TurnCore; readonly turn: Turn }>();
  readonly #over = new RecentIds(OVER_TURNS_KEPT);
  readonly #controls = new Map<string, Control>();
  readonly #connectionListeners = new Set<(event: ConnectionEvent) => void>();
  #info: SessionInfo | undefined;
  #parentTurnId = '';
  #failed: ReticleError | undefined;
  #onClosed: () => void = () => {};

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#link = new SessionLink({
      clock: parts.clock,
      random: parts.random,
      gateways: parts.gateways,
      resumeToken: parts.resumeToken,
      reconnectMs: parts.reconnectMs,
      attach: () => this.#attach(),
      isOwed: () => [...this.#turns.values()].some(({ core }) => core.isOwed),
      onAttached: (attached) => this.#attached(attached),
      onMessage: (message) => this.#message(message),
      onConnection: (event) => this.#connectionListeners.forEach((listener) => listener(event)),
      onFailed: (error) => this.#fail(error),
    });
    for (const { turnId, nextOffset } of parts.cursors) this.#open(turnId, nextOffset).core.known = true;
  }

  /** Attaches; rejects with what refused it. For this package. */
  async connect(): Promise<this> {
    await this.#link.connect();
    return this;
  }

  /** Calls back once when this session is given up, closed or detached. For this package. */
  onClosed(listener: () => void): void {
    this.#onClosed = listener;
  }

  /** Tells of lost and regained connections, until the returned function is called. Turns need not know of either. */
  onConnection(listener: (event: ConnectionEvent) => void): () => void {
    this.#connectionListeners.add(listener);
    return () => void this.#connectionListeners.delete(listener);
  }

  /** What the service said at the last attach. */
  get info(): SessionInfo {
    assert(this.#info !== undefined, 'a session is given out after its first attach');
    return this.#info;
  }

  get sessionId(): string {
    return this.info.sessionId;
  }

  /** Resumes this session in another process, together with {@link cursors}; it changes while the session runs. */
  get resumeToken(): string {
    return this.#link.resumeToken;
  }

  /** Turns that have not ended, also those that others started on this session. */
  get turns(): readonly Turn[] {
    return [...this.#turns.values()].map(({ turn }) => turn);
  }

  /** Where the readers of the live turns stand. */
  get cursors(): readonly Cursor[] {
    return [...this.#turns.values()].map(({ core }) => ({ turnId: core.turnId, nextOffset: core.inbox.taken }));
  }

  /** Starts a turn. Refusals come through the turn: its reader, `started` and `ended`. */
  turn(input: Input, options: TurnOptions = {}): Turn {
    options.signal?.throwIfAborted();
    if (this.#failed !== undefined) throw this.#failed;
    const { turnId = this.#parts.newId() } = options;
    const start = startTurn(turnId, this.#parentOf(options), input, options);
    const opened = this.#open(turnId, 0);
    opened.core.startEntry = this.#link.send({ startTurn: start });
    this.#follow(opened.core, options.signal);
    return opened.turn;
  }

  /** Leaves the session as it is on the service, to be resumed with the token given back. Live turns fail here. */
  detach(): { readonly resumeToken: string; readonly cursors: readonly Cursor[] } {
    const left = { resumeToken: this.resumeToken, cursors: this.cursors };
    this.#link.close();
    this.#fail(new ReticleError('session_not_open', 'the session was detached'));
    return left;
  }

  /** Ends the session on the service and frees its KV. Live turns fail here. */
  async close(): Promise<void> {
    const attachment = this.#link.close();
    const wasOpen = this.#failed === undefined;
    this.#fail(new ReticleError('session_not_open', 'the session was closed'));
    try {
      if (wasOpen) await this.#parts.closeSession(this.sessionId);
    } finally {
      if (attachment !== undefined && !attachment.ended) {
        const cancel = this.#parts.clock.after(CLOSE_MS, () => attachment.cancel());
        attachment.onEnded(cancel);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #parentOf({ parent }: TurnOptions): string {
    if (parent === undefined) return this.#parentTurnId;
    if (parent === null) return '';
    return typeof parent === 'string' ? parent : parent.turnId;
  }

  #open(turnId: string, startOffset: number): { readonly core: TurnCore; readonly turn: Turn } {
    if (this.#turns.has(turnId)) {
      throw new ReticleError('idempotency_conflict', 'a live turn has this id', { param: 'turnId' });
    }
    const core = new TurnCore({
      turnId,
      creditTokens: this.#creditTokens,
      startOffset,
      sendGrant: (id, { receivedThroughOffset, creditTokens }) =>
        this.#link.send({ flow: { turnId: id, receivedThroughOffset, creditTokens } }),
    });
    const turn = new Turn(core, {
      interrupt: (cut, options) => this.#interrupt(cut, options),
      redirect: (cut, input, options) => this.#redirect(cut, input, options),
    });
    const opened = { core, turn };
    this.#turns.set(turnId, opened);
    this.#over.delete(turnId);
    core.onOver(() => {
      this.#turns.delete(turnId);
      this.#over.add(turnId);
      this.#link.log.forget(turnId);
    });
    return opened;
  }

  get #creditTokens(): number {
    return this.#parts.creditTokens ?? this.#parts.defaultCreditTokens;
  }

  /** An abort cuts the turn where its reader stands. */
  #follow(core: TurnCore, signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const abort = (): void => {
      core.abandon(signal.reason as Error);
      // The turn's own promises tell how it ended; a control that came too late changes nothing.
      this.#interrupt(core, { reason: 'aborted' }).catch(() => {});
    };
    signal.addEventListener('abort', abort, { once: true });
    core.onOver(() => signal.removeEventListener('abort', abort));
  }

  #cutOf(core: TurnCore, signalId: string, options: CutOptions): ReturnType<typeof interrupt> {
    return interrupt(core.turnId, signalId, { keepThroughOffset: core.inbox.taken, ...options });
  }

  #interrupt(core: TurnCore, options: CutOptions): Promise<Receipt> {
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    const signalId = this.#parts.newId();
    const command = { interrupt: this.#cutOf(core, signalId, options) };
    return this.#control(signalId, core.turnId, this.#link.send(command)).promise;
  }

  async #redirect(
    core: TurnCore,
    input: Input,
    options: TurnOptions & { readonly cut?: CutOptions },
  ): Promise<Redirected> {
    options.signal?.throwIfAborted();
    if (this.#failed !== undefined) throw this.#failed;
    const { turnId = this.#parts.newId(), cut = {} } = options;
    const signalId = this.#parts.newId();
    const redirect = { cut: this.#cutOf(core, signalId, cut), successor: startTurn(turnId, '', input, options) };
    const successor = this.#open(turnId, 0);
    const entry = this.#link.send({ redirect });
    successor.core.startEntry = entry;
    this.#follow(successor.core, options.signal);
    try {
      const receipt = await this.#control(signalId, core.turnId, entry).promise;
      return { receipt, turn: successor.turn };
    } catch (error) {
      // A refused redirect changed nothing, so its successor will never be heard of, unless it has been already.
      if (!successor.core.known) successor.core.fail(error as ReticleError);
      throw error;
    }
  }

  #control(signalId: string, turnId: string, entry: LoggedCommand): PromiseWithResolvers<Receipt> {
    const answer = Promise.withResolvers<Receipt>();
    this.#controls.set(signalId, { turnId, entry, answer });
    return answer;
  }

  #attach(): Omit<Attach__Input, 'resumeToken' | 'sessionId'> {
    // Also a turn that this client has heard nothing of: another gateway may have it already (R7).
    const live = [...this.#turns.values()].map(({ core }) => core);
    return {
      cursors: live.map((core) => ({ turnId: core.turnId, ...core.inbox.cursor() })),
      defaultCreditTokens: this.#creditTokens,
      framePolicy: framePolicy(this.#parts.framePolicy ?? {}),
    };
  }

  #attached({ session, replay }: Attached): void {
    if (session !== null) this.#info = sessionInfoOf(session);
    for (const { turnId, nextOffset } of replay) {
      if (this.#over.has(turnId)) continue;
      const core = this.#coreOf(turnId) ?? this.#open(turnId, nextOffset).core;
      core.known = true;
      core.inbox.replayFrom(nextOffset);
    }
    const held = new Set(replay.map(({ turnId }) => turnId));
    for (const turnId of [...this.#turns.keys()].filter((id) => !held.has(id))) this.#missing(turnId);
  }

  /** A turn that the gateway does not know is started again, when its start is still kept; else it is gone. */
  #missing(turnId: string): void {
    const core = this.#coreOf(turnId);
    if (core === undefined) return;
    if (core.startEntry !== undefined && this.#link.log.has(core.startEntry)) return;
    const code = core.info === undefined ? 'turn_not_found' : 'engine_lost';
    core.fail(new ReticleError(code, 'neither a gateway nor an engine knows the turn'));
  }

  #message(message: ConverseResponse): void {
    if (message.tokenFrame) this.#frame(message.tokenFrame);
    else if (message.controlAck) this.#ack(message.controlAck);
    else if (message.turnEnded) this.#ended(message.turnEnded);
    else if (message.turnQueued) this.#known(message.turnQueued.turnId)?.queue(message.turnQueued);
    else if (message.turnStarted) {
      this.#link.resumeToken = message.turnStarted.resumeToken;
      const core = this.#known(message.turnStarted.turnId);
      core?.start(message.turnStarted);
      this.#settleStart(core);
    }
  }

  /** A turn whose frames break the protocol fails alone; what still comes of it is not heard. */
  #frame(frame: TokenFrame): void {
    const core = this.#coreOf(frame.turnId);
    if (core === undefined) return;
    try {
      core.frame(frame);
      this.#settleStart(core);
    } catch (error) {
      core.fail(asReticleError(error));
    }
  }

  #coreOf(turnId: string): TurnCore | undefined {
    return this.#turns.get(turnId)?.core;
  }

  /** A turn that the service speaks of; one that another client started on this session is taken in. */
  #known(turnId: string): TurnCore | undefined {
    if (this.#over.has(turnId)) return undefined;
    const core = this.#coreOf(turnId) ?? this.#open(turnId, 0).core;
    core.known = true;
    return core;
  }

  /** An engine has the turn: no gateway's death undoes its start. A redirect still owes its receipt. */
  #settleStart(core: TurnCore | undefined): void {
    const entry = core?.startEntry;
    if (entry?.command.startTurn) this.#link.log.settle(entry);
  }

  #ended(message: TurnEnded): void {
    const core = this.#coreOf(message.turnId);
    if (core === undefined) return;
    if (turnStatusWord(message.status) !== 'failed') this.#parentTurnId = message.turnId;
    try {
      core.end(message);
    } catch (error) {
      core.fail(asReticleError(error));
    }
  }

  #ack(ack: ControlAck): void {
    const receipt = receiptOf(ack);
    const fixed = receipt.outcome === 'applied' || receipt.outcome === 'already-ended';
    if (fixed) this.#coreOf(ack.turnId)?.cut(receipt);
    const control = this.#controls.get(ack.signalId);
    if (control === undefined) return this.#refusedStart(ack, receipt);
    if (receipt.outcome === 'pending') return;
    this.#link.log.settle(control.entry);
    this.#controls.delete(ack.signalId);
    if (fixed) control.answer.resolve(receipt);
    else control.answer.reject(fromOutcome(receipt.outcome, ack.code));
  }

  /** A refused start whose turn id the service already knows is answered by an ack with the start's number. */
  #refusedStart(ack: ControlAck, { outcome }: Receipt): void {
    if (outcome !== 'refused') return;
    const core = this.#coreOf(ack.turnId);
    if (core?.startEntry !== undefined && core.startEntry.seq === ack.seq) core.fail(fromOutcome(outcome, ack.code));
  }

  #fail(error: ReticleError): void {
    if (this.#failed !== undefined) return;
    this.#failed = error;
    for (const { core } of this.#turns.values()) core.fail(error);
    for (const { answer } of this.#controls.values()) answer.reject(error);
    this.#controls.clear();
    this.#onClosed();
  }
}
