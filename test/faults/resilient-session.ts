/**
 * A client that follows PROTOCOL §7 and nothing else: one stream at a time, on any gateway, resumed with the newest
 * token and a cursor for every turn whose terminal it has not seen; commands are numbered per holder and sent again
 * until an answer proves them.
 */
import type { Random } from '@reticle/core/flow';
import { errorRegistry, isErrorCode, limits } from '@reticle/proto/contract';
import { flow, randomId, type Command } from '../kit/commands.ts';
import type { Outcome } from '../kit/outcome.ts';
import type {
  ConverseResponse,
  CreateSessionRequest__Input,
  CreateSessionResponse,
  Interrupt__Input,
  SignalTurnResponse,
} from '../kit/wire.ts';
import { askOnce, ConverseCall } from './converse-call.ts';
import type { WatchedTurn } from './watched-turn.ts';

export type SessionPorts = {
  /** Milliseconds of the run. */
  readonly nowMs: () => number;
  readonly random: Random;
  /** `host:port` of every gateway, as clients reach it. */
  readonly gateways: readonly string[];
  readonly key: string;
  readonly model: string;
  /** Silence on a stream with unfinished turns after which the client gives it up. */
  readonly silenceMs: () => number;
  /** A stream with these turns was lost; `gateway` is its index. */
  readonly onLost: (turns: readonly WatchedTurn[], gateway: number, why: string) => void;
  /** A client is attached again, this long after its stream was lost. */
  readonly onReconnected: (delayMs: number) => void;
  readonly onTokens: (count: number) => void;
  /** A control beside the stream was answered. */
  readonly onReceipt: (delayMs: number) => void;
};

type Entry = { seq: number; readonly command: Command; readonly answered: () => boolean };

const BACKOFF_MS = 20;
const BACKOFF_MAX_MS = 250;
const ATTACH_MS = 1_500;
const CREATE_MS = 2_500;
const OUTAGE_MAX_MS = 30_000;
const ACK_EVERY = 64;
const TURN_MAX_MS = 45_000;
const WATCH_MS = 100;
const PATIENCE_MAX = 8;
/** An overtaken attempt of one's own may displace the next; more often than this it is somebody else. */
const DISPLACED_MAX = 5;
/** Status of a broken connection: CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, and OK without a word. */
const TRANSPORT: readonly number[] = [0, 1, 2, 4, 13, 14];

/** The session ended where it should have gone on. */
export class SessionLost extends Error {}

export class ResilientSession {
  readonly #ports: SessionPorts;
  readonly #turns = new Map<string, WatchedTurn>();
  readonly #acked = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #log: Entry[] = [];
  #seq = 1;
  #sessionId = '';
  #resumeToken = '';
  #gateway = 0;
  /** Where the newest attachment was made. */
  #servedBy = -1;
  #call: ConverseCall | undefined;
  #attached = false;
  #lastHeardMs = 0;
  #outageMs: number | undefined;
  #attempts = 0;
  #displaced = 0;
  /** Doubles with every silence, so that a busy platform is not asked ever more often; 1 once tokens come. */
  #patience = 1;
  #failure: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;

  constructor(ports: SessionPorts) {
    this.#ports = ports;
    this.#gateway = Math.floor(ports.random.unit() * ports.gateways.length);
  }

  get sessionId(): string {
    return this.#sessionId;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  /** Index of the gateway that this session talks to. */
  get gateway(): number {
    return this.#gateway;
  }

  get turns(): readonly WatchedTurn[] {
    return [...this.#turns.values()];
  }

  get unfinished(): readonly WatchedTurn[] {
    return this.turns.filter((turn) => !turn.over);
  }

  /** Creates the session on any gateway and attaches. */
  async open(create: CreateSessionRequest__Input): Promise<void> {
    const request = { requestId: randomId(), model: this.#ports.model, ...create };
    const startMs = this.#ports.nowMs();
    for (;;) {
      const { outcome, response } = await askOnce<CreateSessionResponse>(
        this.#target(),
        'CreateSession',
        request,
        CREATE_MS,
      );
      if (response !== undefined) {
        this.#sessionId = response.session?.sessionId ?? '';
        this.#resumeToken = response.resumeToken;
        break;
      }
      const why = `CreateSession: ${outcome.grpc} ${outcome.code || outcome.message}`;
      if (!isResumable(outcome) || this.#ports.nowMs() - startMs > OUTAGE_MAX_MS) throw new SessionLost(why);
      this.#gateway = (this.#gateway + 1) % this.#ports.gateways.length;
      await new Promise((resolve) => setTimeout(resolve, BACKOFF_MS));
    }
    this.#outageMs = undefined;
    this.#watch = setInterval(() => this.#look(), WATCH_MS);
    this.#attach();
    await this.until(() => this.#attached, 'the first Attached');
  }

  #target(): { address: string; key: string } {
    return { address: this.#ports.gateways[this.#gateway] ?? '', key: this.#ports.key };
  }

  /** Follows the turn and sends the command that starts it. */
  start(turn: WatchedTurn, command: Command): void {
    this.expect(turn);
    this.send(command, () => turn.started || turn.over);
  }

  /** Follows a turn that another command starts. */
  expect(turn: WatchedTurn): void {
    this.#turns.set(turn.turnId, turn);
  }

  /** Sends now, and again on every new stream until `answered`. */
  send(command: Command, answered: () => boolean): void {
    const entry: Entry = { seq: this.#seq, command, answered };
    this.#log.push(entry);
    if (!this.#attached) return;
    this.#seq += 1;
    this.#call?.write({ ...command, seq: entry.seq });
  }

  /** Interrupts from outside the stream: any gateway, again until it is answered or the turn is over. */
  async signal(turn: WatchedTurn, body: Interrupt__Input): Promise<void> {
    const { gateways, key, nowMs, onReceipt, random } = this.#ports;
    const startMs = nowMs();
    for (;;) {
      const address = gateways[Math.floor(random.unit() * gateways.length)] ?? '';
      const request = { resumeToken: this.#resumeToken, interrupt: { turnId: turn.turnId, ...body } };
      const { outcome, response } = await askOnce<SignalTurnResponse>(
        { address, key },
        'SignalTurn',
        request,
        CREATE_MS,
      );
      const ack = response?.ack ?? undefined;
      if (ack !== undefined) {
        onReceipt(nowMs() - startMs);
        turn.receipt(ack, nowMs());
        return;
      }
      turn.note(nowMs(), `SignalTurn: ${outcome.grpc} ${outcome.code || outcome.message}`);
      if (turn.over || this.#failure !== undefined) return;
      if (!isResumable(outcome)) return turn.problem(nowMs(), `SignalTurn: ${outcome.grpc} ${outcome.code}`);
      await new Promise((resolve) => setTimeout(resolve, BACKOFF_MS));
    }
  }

  /** Resolves when the condition holds; rejects when the session is lost or it takes too long. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.#failure !== undefined) reject(new SessionLost(this.#failure));
      else if (condition()) resolve();
    };
    const timer = setTimeout(() => {
      this.#fail(`not within ${TURN_MAX_MS} ms: ${what}`);
    }, TURN_MAX_MS);
    this.#listeners.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      this.#listeners.delete(look);
    });
  }

  /** Leaves the session for good. */
  async close(): Promise<void> {
    this.#stop();
    await askOnce(this.#target(), 'CloseSession', { sessionId: this.#sessionId }, CREATE_MS);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    this.#call?.leave();
    this.#call = undefined;
    this.#attached = false;
  }

  #attach(): void {
    const { nowMs } = this.#ports;
    this.#attached = false;
    // Also where it is not answered: that gateway may take the session, and give it back, without a word to here.
    if (this.#servedBy !== this.#gateway) for (const turn of this.unfinished) turn.moved();
    this.#lastHeardMs = nowMs();
    const call: ConverseCall = new ConverseCall(this.#target(), {
      onMessage: (message) => {
        if (this.#call === call) this.#heard(message);
      },
      onEnd: (outcome) => {
        if (this.#call === call)
          this.#lost(`stream ended: ${outcome.grpc} ${outcome.code || outcome.message}`, outcome);
      },
    });
    this.#call = call;
    const cursors = this.unfinished.map((turn) => ({
      turnId: turn.turnId,
      nextOffset: turn.position,
      creditTokens: limits.creditTokensDefault,
    }));
    call.write({ seq: 0, attach: { resumeToken: this.#resumeToken, cursors, framePolicy: { includeTokenIds: true } } });
    this.#note(
      `attach to gateway ${this.#gateway} with ${cursors.map((each) => `${each.turnId}@${each.nextOffset}`).join(' ')}`,
    );
  }

  #heard(response: ConverseResponse): void {
    this.#lastHeardMs = this.#ports.nowMs();
    const { attached, tokenFrame, turnStarted, goAway } = response;
    if (attached) this.#attachedBy(attached);
    else if (goAway) this.#leaving(goAway);
    else this.#toTurn(response);
    if (turnStarted && turnStarted.resumeToken !== '') this.#resumeToken = turnStarted.resumeToken;
    if (tokenFrame) this.#acknowledge(tokenFrame.turnId, tokenFrame.tokenCount);
    this.#tell();
  }

  #toTurn(response: ConverseResponse): void {
    const told = response.message === undefined ? undefined : response[response.message];
    if (told && 'turnId' in told) this.#turns.get(told.turnId)?.feed(response, this.#ports.nowMs());
  }

  #attachedBy({ resumeToken, lastAppliedSeq, replay }: NonNullable<ConverseResponse['attached']>): void {
    this.#resumeToken = resumeToken;
    this.#attached = true;
    this.#attempts = 0;
    if (this.#outageMs !== undefined) this.#ports.onReconnected(this.#ports.nowMs() - this.#outageMs);
    this.#outageMs = undefined;
    this.#note(
      `attached, ${lastAppliedSeq} applied, replay ${replay.map((each) => `${each.turnId}@${each.nextOffset}`).join(' ')}`,
    );
    this.#servedBy = this.#gateway;
    for (const turn of this.unfinished) turn.resumed(turn.position);
    // A start that a gateway had queued when it lost the session may lie below another one's number: it is said again
    // until the turn is known.
    const known = new Set(replay.map(({ turnId }) => turnId));
    this.#log = this.#log.filter(({ command, answered }) => !answered() && !known.has(command.startTurn?.turnId ?? ''));
    this.#seq = lastAppliedSeq + 1;
    for (const entry of this.#log) {
      entry.seq = this.#seq++;
      this.#call?.write({ ...entry.command, seq: entry.seq });
    }
  }

  #acknowledge(turnId: string, tokens: number): void {
    this.#ports.onTokens(tokens);
    this.#patience = 1;
    const turn = this.#turns.get(turnId);
    if (turn === undefined || turn.over || turn.position - (this.#acked.get(turnId) ?? 0) < ACK_EVERY) return;
    this.#acked.set(turnId, turn.position);
    this.#call?.write({ ...flow(turnId, turn.position, limits.creditTokensDefault), seq: this.#seq++ });
  }

  /** The gateway asks its clients to go: a stream at another one. */
  #leaving({ resumeToken, reason }: NonNullable<ConverseResponse['goAway']>): void {
    this.#resumeToken = resumeToken;
    this.#note(`go away: ${reason}`);
    this.#call?.leave();
    this.#call = undefined;
    this.#attached = false;
    this.#gateway = (this.#gateway + 1) % this.#ports.gateways.length;
    this.#outageMs ??= this.#ports.nowMs();
    this.#attach();
  }

  #lost(why: string, outcome?: Outcome): void {
    const { nowMs, onLost } = this.#ports;
    const wasAttached = this.#attached;
    this.#call?.leave();
    this.#call = undefined;
    this.#attached = false;
    this.#note(why);
    if (wasAttached) onLost(this.unfinished, this.#gateway, why);
    if (outcome !== undefined && !this.#resumable(outcome)) return this.#fail(why);
    this.#outageMs ??= nowMs();
    if (nowMs() - this.#outageMs > OUTAGE_MAX_MS) return this.#fail(`no gateway took the session back: ${why}`);
    this.#goElsewhere(wasAttached);
    this.#tell();
  }

  #resumable(outcome: Outcome): boolean {
    if (outcome.code !== 'epoch_stale') return isResumable(outcome);
    this.#displaced += 1;
    return this.#displaced <= DISPLACED_MAX;
  }

  /** Any gateway after a loss; the next one when an attempt has failed. */
  #goElsewhere(anywhere: boolean): void {
    const { random, gateways } = this.#ports;
    const next = anywhere ? Math.floor(random.unit() * gateways.length) : this.#gateway + 1;
    this.#gateway = next % gateways.length;
    const delayMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** this.#attempts++);
    this.#timer = setTimeout(() => this.#attach(), delayMs);
  }

  /** Streams that say nothing while something is owed, and attaches that nobody answers. */
  #look(): void {
    if (this.#call === undefined) return;
    const silentMs = this.#ports.nowMs() - this.#lastHeardMs;
    if (!this.#attached && silentMs > this.#patience * ATTACH_MS) this.#silent('attach was not answered');
    else if (this.#attached && this.unfinished.length > 0 && silentMs > this.#patience * this.#ports.silenceMs()) {
      this.#silent(`silent for ${silentMs.toFixed(0)} ms`);
    }
  }

  #silent(why: string): void {
    this.#patience = Math.min(PATIENCE_MAX, 2 * this.#patience);
    this.#lost(why);
  }

  #fail(why: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = why;
    for (const turn of this.unfinished) turn.abandon(this.#ports.nowMs(), why);
    this.#stop();
    this.#tell();
  }

  #note(text: string): void {
    for (const turn of this.unfinished) turn.note(this.#ports.nowMs(), text);
  }

  #tell(): void {
    for (const look of this.#listeners) look();
  }
}

function isResumable({ grpc, code }: Outcome): boolean {
  if (!isErrorCode(code)) return TRANSPORT.includes(grpc);
  const { retry } = errorRegistry[code];
  return retry === 'after' || retry === 'resume';
}
