/**
 * One session as the OpenAI surfaces use it: a single attachment that carries the turns of many requests. Sockets come
 * and go per response; the session stays, so that its context stays warm.
 *
 *     detached ── a turn starts ──▶ attaching ── Attachment ──▶ attached ── stream ends ──▶ attaching (turns run) | detached
 *     attached ── idle for `idleMs` ──▶ detached
 *
 * Invariants
 * 1. A command goes out once per stream, in order, and again on the next one until it has an answer of its own: ids make
 *    a repeat harmless (R3). Numbers of one attachment are dense from what its gateway has applied.
 * 2. A record is told its turn's tokens from its own end on: what comes twice is passed over there.
 * 3. Every turn that was started ends: by the engine, or as `engine_lost` when the session cannot be reached.
 */
import {
  base32,
  isReticleError,
  RANDOM_ID_BYTES,
  ReticleError,
  type Tier,
  type TraceContext,
} from '@reticle/core/domain';
import type { Clock, Random } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';
import type {
  ControlAck,
  CutMode,
  Interrupt,
  Redirect,
  ServerEvent,
  StartTurn,
  TurnEnded,
} from '@reticle/services/session';
import type { Attachment, Caller, ClientSink, SessionFront, TokenRun } from '@reticle/services/stream';
import type { ResponseRecord } from './response-record.ts';

/** Acknowledged when this many tokens were flushed since the last time: a message per quarter of the credit. */
const FLOW_STEP = limits.creditTokensDefault / 4;
/** An attachment without a running turn is given up after this; the session's own idle time begins then. */
const IDLE_MS = 60_000;
/** How long a lost stream is tried for; presence of another engine reaches a gateway well within it. */
const OUTAGE_MS = 10_000;
const RETRY_MS = 50;

/** What has no answer yet. */
type Command =
  | { readonly kind: 'start-turn'; readonly start: StartTurn; readonly trace?: TraceContext | undefined }
  | { readonly kind: 'interrupt'; readonly interrupt: Interrupt }
  | { readonly kind: 'redirect'; readonly redirect: Redirect };

type Running = {
  readonly record: ResponseRecord;
  acknowledged: number;
  /** Its reader is too far behind to be sent more. */
  isHeld?: boolean;
  /** Another gateway started it. */
  readonly isFollowed?: boolean;
};

export type Place = { readonly model: string; readonly tier: Tier };

export type ConversationOptions = {
  readonly front: SessionFront;
  readonly caller: Caller;
  readonly clock: Clock;
  readonly random: Random;
  readonly sessionId: string;
  /** Newest token of the session; absent: it is found by its id. */
  readonly resumeToken?: string;
  /** Of a session that was just made. */
  readonly place?: Place;
  /** Nothing runs any more and the attachment was given up. */
  readonly onIdle: () => void;
};

export type CutRequest = {
  readonly turnId: string;
  readonly mode: CutMode;
  readonly keepThroughOffset?: number;
  readonly reason: string;
};

export class Conversation {
  readonly #options: ConversationOptions;
  readonly #running = new Map<string, Running>();
  readonly #acks = new Map<string, PromiseWithResolvers<ControlAck>>();
  #log: Command[] = [];
  #seq = 0;
  /** What the newest attachment's gateway had applied. */
  #applied = 0;
  #state: 'detached' | 'attaching' | 'attached' = 'detached';
  #attachment: Attachment | undefined;
  #resumeToken: string | undefined;
  #place: Place | undefined;
  #lostMs: number | undefined;
  #cancelTimer: () => void = () => {};

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.#resumeToken = options.resumeToken;
    this.#place = options.place;
  }

  get sessionId(): string {
    return this.#options.sessionId;
  }

  /** Model and tier of the session, as far as they are known. */
  get place(): Place | undefined {
    return this.#place;
  }

  get resumeToken(): string | undefined {
    return this.#resumeToken;
  }

  /** Turns that have not ended. */
  get running(): number {
    return this.#running.size;
  }

  /** Starts a turn; everything that is told of it goes to its record. `trace`: its request's place in a trace. */
  start(start: StartTurn, record: ResponseRecord, trace?: TraceContext): void {
    this.#running.set(start.turnId, { record, acknowledged: 0 });
    this.#send({ kind: 'start-turn', start, trace });
  }

  /** Takes up a turn that another gateway started, with its session; everything from its beginning goes to its record. */
  follow(turnId: string, record: ResponseRecord): void {
    this.#running.set(turnId, { record, acknowledged: 0, isFollowed: true });
    this.#attach();
  }

  /** Ends a turn at a token; resolves with the receipt, for a cut that waits for an item's border when it is made. */
  cut(request: CutRequest): Promise<ControlAck> {
    const { interrupt, answer } = this.#interrupt(request);
    this.#send({ kind: 'interrupt', interrupt });
    return answer;
  }

  /**
   * Ends a turn and starts its successor in one message (R3); resolves with the receipt of the cut. A successor that
   * cannot start ends its record.
   */
  redirect(request: CutRequest, successor: StartTurn, record: ResponseRecord): Promise<ControlAck> {
    const { interrupt: cut, answer } = this.#interrupt(request);
    this.#running.set(successor.turnId, { record, acknowledged: 0 });
    this.#send({ kind: 'redirect', redirect: { cut, successor } });
    return answer;
  }

  #interrupt({ turnId, mode, keepThroughOffset, reason }: CutRequest): {
    readonly interrupt: Interrupt;
    readonly answer: Promise<ControlAck>;
  } {
    const signalId = base32(this.#options.random.bytes(RANDOM_ID_BYTES));
    const answer = Promise.withResolvers<ControlAck>();
    this.#acks.set(signalId, answer);
    const keep = keepThroughOffset === undefined ? {} : { keepThroughOffset };
    const bodyDigest = `${turnId} ${mode} ${keepThroughOffset ?? ''}`;
    return { interrupt: { turnId, mode, ...keep, reason, signalId, bodyDigest }, answer: answer.promise };
  }

  /** The reader's socket has taken the tokens below an offset: there are no acknowledgements on these surfaces (§4.1a). */
  flushed(turnId: string, throughOffset: number): void {
    const turn = this.#running.get(turnId);
    if (turn === undefined || throughOffset - turn.acknowledged < FLOW_STEP) return;
    turn.acknowledged = throughOffset;
    this.#flow(turnId, turn);
  }

  /** Takes a turn's credit while its reader is behind, and gives it again (R5: acknowledgements stay the reader's own). */
  hold(turnId: string, isHeld: boolean): void {
    const turn = this.#running.get(turnId);
    if (turn === undefined || (turn.isHeld ?? false) === isHeld) return;
    turn.isHeld = isHeld;
    this.#flow(turnId, turn);
  }

  #flow(turnId: string, { acknowledged, isHeld = false }: Running): void {
    if (this.#state !== 'attached') return;
    const creditTokens = isHeld ? 0 : limits.creditTokensDefault;
    const flow = { turnId, receivedThroughOffset: acknowledged, creditTokens };
    this.#attachment?.command({ seq: ++this.#seq, kind: 'flow', flow });
  }

  /** Leaves the session to its idle time. */
  close(): void {
    this.#cancelTimer();
    this.#attachment?.disconnected();
    this.#attachment = undefined;
    this.#state = 'detached';
  }

  #send(command: Command): void {
    this.#log.push(command);
    this.#cancelTimer();
    if (this.#state === 'attached' && this.#attachment !== undefined) this.#say(this.#attachment, command);
    else if (this.#state === 'detached') this.#attach();
  }

  #say(attachment: Attachment, command: Command): void {
    const seq = ++this.#seq;
    if (command.kind === 'start-turn')
      attachment.command({ kind: 'start-turn', start: command.start, seq }, command.trace);
    else attachment.command({ ...command, seq });
  }

  #attach(): void {
    const { front, caller, sessionId } = this.#options;
    this.#state = 'attaching';
    const cursors = [...this.#running].map(([turnId, { record, acknowledged }]) => {
      const unread = record.end - acknowledged;
      return { turnId, nextOffset: record.end, creditTokens: Math.max(0, limits.creditTokensDefault - unread) };
    });
    const sink = new ConversationSink(
      (event) => this.#told(event),
      (run) => this.#tokens(run),
    );
    sink.onEnd = (error) => this.#ended(sink, error);
    const target = this.#resumeToken === undefined ? { sessionId } : { resumeToken: this.#resumeToken };
    const framePolicy = { includeTokenIds: false, omitText: false };
    const known = cursors.filter(({ turnId }) => this.#isKnown(turnId));
    const request = { ...target, cursors: known, defaultCreditTokens: 0, framePolicy };
    front.attach(caller, request, sink).then(
      (attachment) => this.#attached(sink, attachment),
      (error: unknown) => this.#ended(sink, error),
    );
  }

  /** Only a turn that the service has heard of has a cursor. */
  #isKnown(turnId: string): boolean {
    return !this.#log.some((command) => startedBy(command)?.turnId === turnId);
  }

  #attached(sink: ConversationSink, attachment: Attachment): void {
    if (sink.ended) return;
    this.#attachment = attachment;
    this.#state = 'attached';
    this.#lostMs = undefined;
    this.#seq = this.#applied;
    for (const command of this.#log.slice()) this.#say(attachment, command);
    // In a cursor 0 stands for the default.
    for (const [turnId, turn] of this.#running) if (turn.isHeld === true) this.#flow(turnId, turn);
    this.#rest();
  }

  #ended(sink: ConversationSink, error: unknown): void {
    if (sink.over) return;
    sink.over = true;
    sink.ended = true;
    this.#attachment = undefined;
    this.#state = 'detached';
    if (this.#running.size === 0) return;
    const { clock } = this.#options;
    this.#lostMs ??= clock.nowMs();
    if (isFinal(error) || clock.nowMs() - this.#lostMs > OUTAGE_MS) {
      this.#fail(error);
      return;
    }
    this.#state = 'attaching';
    this.#cancelTimer = clock.after(RETRY_MS, () => this.#attach());
  }

  /** The session is out of reach: its turns end, with what they have. */
  #fail(error: unknown): void {
    const known = isReticleError(error) ? error : new ReticleError('engine_lost', 'the session was lost');
    // Clients of these surfaces know responses, not sessions.
    const code = known.code === 'session_not_found' ? 'turn_not_found' : known.code;
    const { message } = known;
    this.#log = [];
    this.#lostMs = undefined;
    for (const answer of this.#acks.values()) answer.reject(known);
    this.#acks.clear();
    for (const turnId of this.#running.keys()) this.#lose(turnId, { code, message });
  }

  #told(event: ServerEvent): void {
    switch (event.kind) {
      case 'attached':
        this.#resumeToken = event.resumeToken;
        this.#place = event.session;
        this.#applied = event.lastAppliedSeq;
        this.#loseUnknown(event.replay);
        return;
      case 'turn-started':
        this.#resumeToken = event.resumeToken;
        this.#forget(event.turnId);
        break;
      case 'control-ack':
        this.#answered(event);
        break;
      case 'turn-ended':
        this.#forget(event.turnId);
        break;
      case 'go-away':
        this.#resumeToken = event.resumeToken;
        return;
      default:
    }
    this.#pass(event);
  }

  /** A control that waits stays in the log until its last answer. */
  #answered(ack: ControlAck): void {
    if (ack.outcome === 'pending') return;
    const asked = this.#log.find((each) => signalIdOf(each) === ack.signalId);
    this.#log = this.#log.filter((each) => each !== asked);
    // Other answers are followed by an end of the successor's own.
    if (asked?.kind === 'redirect' && ack.outcome === 'refused') {
      const { code = 'internal' } = ack;
      this.#lose(asked.redirect.successor.turnId, { code, message: 'the redirect was refused' });
    }
    this.#acks.get(ack.signalId)?.resolve(ack);
    this.#acks.delete(ack.signalId);
  }

  #lose(turnId: string, error: Pick<ReticleError, 'code' | 'message'>): void {
    const record = this.#running.get(turnId)?.record;
    this.#running.delete(turnId);
    record?.event(lostTurn(turnId, record, error));
  }

  /** What the session does not know it tells nothing of. */
  #loseUnknown(replay: readonly { readonly turnId: string }[]): void {
    for (const [turnId, { isFollowed = false }] of this.#running) {
      const isTold = !isFollowed || replay.some((each) => each.turnId === turnId);
      if (!isTold) this.#lose(turnId, { code: 'turn_not_found', message: 'the session does not know the turn' });
    }
  }

  #pass(event: ServerEvent): void {
    if (!('turnId' in event)) return;
    this.#running.get(event.turnId)?.record.event(event);
    if (event.kind !== 'turn-ended') return;
    this.#running.delete(event.turnId);
    this.#rest();
  }

  #tokens(run: TokenRun): void {
    this.#running.get(run.turnId)?.record.tokens(run);
  }

  /** The service has applied this start. */
  #forget(turnId: string): void {
    this.#log = this.#log.filter((each) => each.kind !== 'start-turn' || each.start.turnId !== turnId);
  }

  #rest(): void {
    if (this.#running.size > 0) return;
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(IDLE_MS, () => {
      this.close();
      this.#options.onIdle();
    });
  }
}

class ConversationSink implements ClientSink {
  ended = false;
  /** The conversation has taken note of its end. */
  over = false;
  onEnd: (error: ReticleError | undefined) => void = () => {};
  readonly event: (event: ServerEvent) => void;
  readonly #tokens: (run: TokenRun) => void;

  constructor(event: (event: ServerEvent) => void, tokens: (run: TokenRun) => void) {
    this.event = event;
    this.#tokens = tokens;
  }

  /** Records take everything: credit bounds what comes. */
  tokens(run: TokenRun): boolean {
    this.#tokens(run);
    return true;
  }

  end(error?: ReticleError): void {
    this.ended = true;
    this.onEnd(error);
  }
}

function startedBy(command: Command): StartTurn | undefined {
  if (command.kind === 'redirect') return command.redirect.successor;
  return command.kind === 'start-turn' ? command.start : undefined;
}

function signalIdOf(command: Command): string | undefined {
  if (command.kind === 'redirect') return command.redirect.cut.signalId;
  return command.kind === 'interrupt' ? command.interrupt.signalId : undefined;
}

/** No further try would help. */
function isFinal(error: unknown): boolean {
  return isReticleError(error) && error.row.retry === 'never';
}

/** The end of a turn that is out of reach for whom it is told. */
export function lostTurn(
  turnId: string,
  record: ResponseRecord,
  error: Pick<ReticleError, 'code' | 'message'>,
): TurnEnded {
  const usage = {
    inputTokens: 0,
    cachedTokens: 0,
    outputTokens: record.end,
    reasoningTokens: 0,
    discardedTokens: 0,
    draftTokens: 0,
  };
  const timing = { queueMs: 0, prefillMs: 0, firstTokenMs: 0, decodeMs: 0, controlMs: 0 };
  return {
    kind: 'turn-ended',
    turnId,
    epoch: record.started?.epoch ?? 0,
    status: 'failed',
    endOffset: record.end,
    finishReason: 'error',
    usage: {
      ...usage,
      inputTokens: record.started?.promptTokens ?? 0,
      cachedTokens: record.started?.cachedTokens ?? 0,
    },
    timing,
    successorTurnId: '',
    error: { ...error, param: '' },
  };
}
