/** Sessions at a steady pace that are cut again and again at random moments, in band. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlOutcome } from '@reticle/proto/gen/session/v1/ControlOutcome';
import { CutMode } from '@reticle/proto/gen/session/v1/CutMode';
import type { ControlAck } from '@reticle/proto/gen/session/v1/ControlAck';
import { BENCH_DIGEST, BENCH_INPUT_IDS } from '../rig/bench-flat.ts';
import { monotonicMicros, serveCalls } from '../rig/calls.ts';
import { GrpcConnection } from '../rig/grpc-connection.ts';
import { SessionClient, signalInterrupt } from '../rig/session-client.ts';
import { TokenCheck } from '../rig/token-check.ts';
import { TurnOracle } from '../rig/turn-oracle.ts';
import { sum } from '../run.ts';
import { tokensDue } from './tokens-due.ts';

export type CutterOrder = {
  readonly address: string;
  /** Another gateway: cuts go there, outside the stream, which only reads. */
  readonly signalsAt?: string;
  readonly apiKey: string;
  /** Of all sessions together. */
  readonly cuts: number;
  /** That are cut side by side; 1: the moments of the cuts are kept to a few µs. */
  readonly sessions: number;
  /** The client reads nothing for so long before each cut and for as long after it; 0: it always reads. */
  readonly pausedMs: number;
  /** No cut begins after this. */
  readonly secondsMax: number;
  readonly tokensPerSecond: number;
  /** From the engine's `performance.now` in µs to the machine's monotonic clock. */
  readonly clockOffsetMicros: number;
};

/** What one cut showed. */
export type CutRecord = {
  /** Tokens of the turn due at the client's send. */
  readonly due: number;
  /** Generated less due: what the engine made after the send, on its own step clock. */
  readonly after: number;
  readonly wasted: number;
  /**
   * Tokens that came at or past the effective offset after the receipt, or after the turn's end where the receipt takes
   * another way: must be none.
   */
  readonly stale: number;
  readonly ackMicros: number;
};

export type CutterReport = {
  readonly cuts: readonly CutRecord[];
  readonly lost: number;
  readonly doubled: number;
  readonly tokens: number;
};

const OFFSET_MIN = 20;
const OFFSETS = 200;
const CREDIT_TOKENS = 1_024;
/** The last stretch to a moment is waited out in turns of the loop, since timers are coarser than a token. */
const SPIN_MICROS = 2_500;

class Turn {
  readonly id: string;
  readonly check: TokenCheck;
  readonly ended = Promise.withResolvers<void>();
  readonly firstToken = Promise.withResolvers<void>();
  ack: ControlAck | undefined;
  ackMicros = 0;
  stale = 0;
  /** No token at or past this may come any more. */
  bar = Infinity;
  /** Newest token that came: its offset and its due time on the engine's clock, modulo 2^32. */
  newestOffset = -1;
  newestMicros = 0;

  constructor(number: number) {
    this.id = `cut-${number}`;
    const key = { modelDigest: BENCH_DIGEST, seed: number, inputIds: BENCH_INPUT_IDS };
    this.check = new TokenCheck(new TurnOracle(key));
  }

  /** The receipt came in the stream. */
  acknowledged(ack: ControlAck): void {
    this.answered(ack);
    this.bar = Math.min(this.bar, ack.effectiveOffset);
  }

  /** The receipt came another way, which what is on its way in the stream does not know. */
  answered(ack: ControlAck | null): void {
    this.ackMicros = monotonicMicros();
    this.ack = ack ?? undefined;
  }

  end(endOffset: number): void {
    this.bar = Math.min(this.bar, endOffset);
    this.ended.resolve();
  }
}

class Cutter {
  readonly #order: CutterOrder;
  readonly #session: number;
  readonly #stepMicros: number;
  #turn = new Turn(0);
  #problem: string | undefined;

  constructor(order: CutterOrder, session: number) {
    this.#order = order;
    this.#session = session;
    this.#stepMicros = 1e6 / order.tokensPerSecond;
  }

  async run(connection: GrpcConnection, signals: GrpcConnection | undefined): Promise<CutterReport> {
    const { sessions, secondsMax } = this.#order;
    const cuts = Math.ceil(this.#order.cuts / sessions);
    const client = await this.#open(connection);
    const endMicros = monotonicMicros() + secondsMax * 1e6;
    const records: CutRecord[] = [];
    let lost = 0;
    let doubled = 0;
    let tokens = 0;
    for (let number = 1; number <= cuts && monotonicMicros() < endMicros; number += 1) {
      records.push(await this.#cut(client, signals, number + this.#session * cuts));
      const { check } = this.#turn;
      lost += check.lost + check.altered;
      doubled += check.doubled;
      tokens += check.next;
    }
    client.end();
    return { cuts: records, lost, doubled, tokens };
  }

  #open(connection: GrpcConnection): Promise<SessionClient> {
    return SessionClient.open({
      connection,
      // Another session for every run of this process.
      requestId: `interrupt-${monotonicMicros()}-${this.#session}`,
      creditTokens: CREDIT_TOKENS,
      events: {
        frame: (frame, bytes) => {
          const turn = this.#turn;
          const end = frame.firstOffset + frame.tokenCount;
          turn.check.take(frame.firstOffset, frame.tokenCount, bytes, frame.textStart);
          turn.newestOffset = end - 1;
          turn.newestMicros = frame.engineMicros;
          turn.stale += Math.max(0, end - turn.bar);
          turn.firstToken.resolve();
        },
        control: (message) => {
          const turn = this.#turn;
          if (message.controlAck?.turnId === turn.id) turn.acknowledged(message.controlAck);
          if (message.turnEnded?.turnId === turn.id) turn.end(message.turnEnded.endOffset);
        },
        ended: (problem) => {
          this.#problem = problem ?? 'the stream ended';
          this.#turn.ended.reject(new Error(this.#problem));
          this.#turn.firstToken.reject(new Error(this.#problem));
        },
      },
    });
  }

  async #cut(client: SessionClient, signals: GrpcConnection | undefined, number: number): Promise<CutRecord> {
    const turn = new Turn(number);
    turn.ended.promise.catch(() => {});
    this.#turn = turn;
    client.startTurn(turn.id, number);
    await turn.firstToken.promise;
    const { clockOffsetMicros } = this.#order;
    const place = OFFSET_MIN + Math.random() * OFFSETS;
    const startMicros = monotonicMicros() - turn.newestOffset * this.#stepMicros;
    await until(startMicros + place * this.#stepMicros, this.#order.sessions === 1);
    const { pausedMs } = this.#order;
    if (pausedMs > 0) {
      client.pause();
      await sleep(pausedMs);
    }
    const keepThroughOffset = turn.check.next;
    const sentMicros = monotonicMicros();
    const { newestOffset, newestMicros } = turn;
    const pace = { newestOffset, newestMicros, stepMicros: this.#stepMicros };
    const due = tokensDue(pace, sentMicros - clockOffsetMicros);
    const interrupt = { turnId: turn.id, mode: CutMode.CUT_MODE_KEEP_THROUGH_OFFSET, keepThroughOffset };
    if (signals === undefined) client.interrupt(interrupt);
    else turn.answered(await signalInterrupt(signals, client.resumeToken, interrupt));
    if (pausedMs > 0) {
      await sleep(pausedMs);
      client.resume();
    }
    await turn.ended.promise;
    const { ack } = turn;
    if (ack?.outcome !== ControlOutcome.CONTROL_OUTCOME_APPLIED)
      throw new Error(`cut ${number}: ${JSON.stringify(ack)}`);
    if (turn.check.next < ack.effectiveOffset) turn.check.end(ack.effectiveOffset);
    return {
      due,
      after: ack.generatedOffset - due,
      wasted: ack.wastedTokens,
      stale: turn.stale,
      ackMicros: turn.ackMicros - sentMicros,
    };
  }
}

/** Resolves at a moment of the monotonic clock or soon after; `exactly`: to a few µs when the loop is free. */
function until(micros: number, exactly: boolean): Promise<void> {
  const waitMs = (micros - monotonicMicros()) / 1000;
  if (!exactly) return sleep(Math.max(0, waitMs));
  return new Promise((resolve) => {
    const spin = (): void => {
      if (monotonicMicros() >= micros) resolve();
      else setImmediate(spin);
    };
    setTimeout(spin, Math.max(0, (micros - monotonicMicros() - SPIN_MICROS) / 1000));
  });
}

const calls = {
  async run(order: CutterOrder): Promise<CutterReport> {
    const { signalsAt, apiKey } = order;
    const connection = new GrpcConnection(order.address, { authorization: `Bearer ${apiKey}` });
    const signals =
      signalsAt === undefined ? undefined : new GrpcConnection(signalsAt, { authorization: `Bearer ${apiKey}` });
    const cutters = Array.from({ length: order.sessions }, (_, session) => new Cutter(order, session));
    const reports = await Promise.all(cutters.map((cutter) => cutter.run(connection, signals)));
    connection.close();
    signals?.close();
    return {
      cuts: reports.flatMap(({ cuts }) => cuts),
      lost: sum(reports.map(({ lost }) => lost)),
      doubled: sum(reports.map(({ doubled }) => doubled)),
      tokens: sum(reports.map(({ tokens }) => tokens)),
    };
  },
};

export type CutterCalls = typeof calls;
serveCalls(calls);
