import type { ClientDuplexStream, StatusObject } from '@grpc/grpc-js';
import { limits } from '@reticle/proto/contract';
import type { Command } from './commands.ts';
import { flow } from './commands.ts';
import type { OracleTurn } from './oracle.ts';
import { outcomeOf, type Outcome } from './outcome.ts';
import { ResponseLog, type ResponseKind, type ResponseOf } from './response-log.ts';
import { TokenChecker } from './token-checker.ts';
import type { Attach__Input, ConverseRequest__Input, ConverseResponse } from './wire.ts';

/** A message of the contract, or bytes that go out as they are. */
export type Outgoing = ConverseRequest__Input | Uint8Array;
export type ConverseCall = ClientDuplexStream<Outgoing, ConverseResponse>;

export type ConverseOptions = {
  /** Acknowledges tokens as they come, so that a turn never waits for credit. Default true. */
  readonly acknowledges?: boolean;
};

/** Tokens after which {@link ConverseClient} acknowledges: often enough that a default credit never runs out. */
const ACK_EVERY = 128;

/** One Converse stream of a client: numbers what it sends, keeps what it hears, checks the turns it is told to. */
export class ConverseClient {
  readonly log = new ResponseLog();
  readonly #call: ConverseCall;
  readonly #acknowledges: boolean;
  readonly #received = new Map<string, { received: number; acked: number }>();
  readonly #checkers = new Map<string, TokenChecker>();
  #seq = 0;

  constructor(call: ConverseCall, { acknowledges = true }: ConverseOptions = {}) {
    this.#call = call;
    this.#acknowledges = acknowledges;
    call.on('data', (response: ConverseResponse) => this.#heard(response));
    // Its status follows; without a listener it would be an uncaught error.
    call.on('error', () => {});
    call.on('status', (status: StatusObject) => this.log.end(outcomeOf(status)));
  }

  /** Opens the stream; waits for Attached. With `lastSeq` the numbering goes on where this holder stood. */
  async attach(attach: Attach__Input): Promise<ResponseOf<'attached'>> {
    this.write({ seq: 0, attach });
    const attached = await this.log.until('attached');
    this.#seq = attached.lastAppliedSeq;
    return attached;
  }

  /** Number of the newest message. */
  get seq(): number {
    return this.#seq;
  }

  /** Sends with the next number, which it returns. */
  send(command: Command): number {
    this.#seq += 1;
    this.write({ ...command, seq: this.#seq });
    return this.#seq;
  }

  /** Sends a message of an earlier attachment again, with the number it had. */
  resend(seq: number, command: Command): void {
    this.#seq = Math.max(this.#seq, seq);
    this.write({ ...command, seq });
  }

  /** Sends exactly this: a message with a number of the test's choice, or bytes. */
  write(message: Outgoing): void {
    this.#call.write(message);
  }

  /** Notes what the turn says from here on against its oracle. */
  check(turnId: string, oracle: OracleTurn): TokenChecker {
    return this.follow(new TokenChecker(turnId, oracle));
  }

  /** Goes on with a checker of an earlier attachment. */
  follow(checker: TokenChecker): TokenChecker {
    this.#checkers.set(checker.turnId, checker);
    return checker;
  }

  /** Another stream goes on with the checker; what still comes here is not its business. */
  unfollow(turnId: string): void {
    this.#checkers.delete(turnId);
  }

  until<Kind extends ResponseKind>(
    kind: Kind,
    where?: (message: ResponseOf<Kind>) => boolean,
  ): Promise<ResponseOf<Kind>> {
    return this.log.until(kind, where);
  }

  untilEnded(turnId: string): Promise<ResponseOf<'turnEnded'>> {
    return this.log.until('turnEnded', (ended) => ended.turnId === turnId);
  }

  /** Exclusive end of the turn's tokens that arrived on this stream; 0 before the first. */
  receivedOf(turnId: string): number {
    return this.#received.get(turnId)?.received ?? 0;
  }

  /** Resolves when tokens of the turn have arrived up to `offset`. */
  async received(turnId: string, offset: number): Promise<void> {
    await this.log.when(() => this.receivedOf(turnId) >= offset, `token ${offset} of ${turnId}`);
  }

  /** Stops reading; HTTP/2 windows fill up behind it. */
  pauseReading(): void {
    this.#call.pause();
  }

  resumeReading(): void {
    this.#call.resume();
  }

  /** No more messages from here; running turns finish. */
  halfClose(): void {
    this.#call.end();
  }

  /** Resets the stream: gone without a word. */
  drop(): void {
    this.#call.cancel();
  }

  ended(): Promise<Outcome> {
    return this.log.ended();
  }

  #heard(response: ConverseResponse): void {
    const { tokenFrame } = response;
    for (const checker of this.#checkers.values()) checker.feed(response);
    if (tokenFrame) this.#count(tokenFrame.turnId, tokenFrame.firstOffset + tokenFrame.tokenCount);
    this.log.push(response);
  }

  #count(turnId: string, received: number): void {
    const known = this.#received.get(turnId) ?? { received: 0, acked: 0 };
    known.received = received;
    this.#received.set(turnId, known);
    if (!this.#acknowledges || Math.abs(received - known.acked) < ACK_EVERY) return;
    known.acked = received;
    this.send(flow(turnId, received, limits.creditTokensDefault));
  }
}
