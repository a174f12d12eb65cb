/** The receiving end of a plane cell: many sessions over few connections, every token checked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '@reticle/proto/contract';
import { BENCH_DIGEST, BENCH_INPUT_IDS, BENCH_MODEL } from '../rig/bench-flat.ts';
import { monotonicMicros, serveCalls } from '../rig/calls.ts';
import { GrpcConnection } from '../rig/grpc-connection.ts';
import { SessionClient } from '../rig/session-client.ts';
import type { TokenFrameReader } from '../rig/token-frame-reader.ts';
import { faultsOf, TokenCheck, type Faults } from '../rig/token-check.ts';
import { TurnOracle } from '../rig/turn-oracle.ts';
import { Histogram } from '../statistics.ts';

export type ClientOrder = {
  readonly address: string;
  readonly apiKey: string;
  readonly connections: number;
  readonly streamsPerConnection: number;
  /** All turns take seed 0, as the bare emitter's do. */
  readonly sameSeed: boolean;
  readonly tokensPerSecond: number;
  /** Another model than the profile's. */
  readonly model?: { readonly name: string; readonly digest: string };
  /** From the stamping process's `performance.now` in µs to the machine's monotonic clock. */
  readonly clockOffsetMicros: number;
};

export type ClientCounts = Faults & {
  readonly monotonicMicros: number;
  readonly tokens: number;
  readonly frames: number;
  readonly stalls: number;
  readonly newestCounts: Float64Array;
  readonly oldestCounts: Float64Array;
  /** Why streams ended, if any did. */
  readonly problems: readonly string[];
};

/** A gap that is Nagle against delayed acknowledgements, not coalescing (PERFORMANCE H8). */
const STALL_MICROS = 35_000;
const CREDIT_TOKENS = 4_096;
const ACKNOWLEDGE_EVERY_TOKENS = 512;
const TURN_ID = 'turn';
const START_PAUSE_MS = 20;

class Receiver {
  tokens = 0;
  frames = 0;
  stalls = 0;
  newest = new Histogram();
  oldest = new Histogram();
  readonly problems: string[] = [];
  readonly checks: TokenCheck[] = [];
  readonly #order: ClientOrder;
  readonly #stepMicros: number;
  readonly #clients: SessionClient[] = [];
  #started = 0;
  readonly #allStarted = Promise.withResolvers<void>();

  constructor(order: ClientOrder) {
    this.#order = order;
    this.#stepMicros = 1e6 / order.tokensPerSecond;
    // A stream may end before anybody waits for its start; the wait then rejects at once.
    this.#allStarted.promise.catch(() => {});
  }

  /** Opens every session, then starts every turn; resolves when all have started. */
  async run(): Promise<void> {
    const { address, apiKey, connections, streamsPerConnection } = this.#order;
    for (let index = 0; index < connections; index += 1) {
      const connection = new GrpcConnection(address, { authorization: `Bearer ${apiKey}` });
      const opening = Array.from({ length: streamsPerConnection }, (_, stream) =>
        this.#open(connection, index * streamsPerConnection + stream),
      );
      this.#clients.push(...(await Promise.all(opening)));
    }
    for (const [stream, client] of this.#clients.entries()) {
      client.startTurn(TURN_ID, this.#seedOf(stream));
      // Thousands of turns in one breath would measure their start.
      if ((stream + 1) % streamsPerConnection === 0) await sleep(START_PAUSE_MS);
    }
    await this.#allStarted.promise;
  }

  #seedOf(stream: number): number {
    return this.#order.sameSeed ? 0 : stream;
  }

  #open(connection: GrpcConnection, stream: number): Promise<SessionClient> {
    const { name: model, digest: modelDigest } = this.#order.model ?? { name: BENCH_MODEL, digest: BENCH_DIGEST };
    const turn = { modelDigest, seed: this.#seedOf(stream), inputIds: BENCH_INPUT_IDS };
    const check = new TokenCheck(new TurnOracle(turn));
    this.checks[stream] = check;
    let acknowledged = 0;
    let lastMicros = 0;
    return SessionClient.open({
      connection,
      requestId: `bench-${stream}`,
      model,
      creditTokens: CREDIT_TOKENS,
      events: {
        frame: (frame, bytes) => {
          const nowMicros = monotonicMicros();
          if (lastMicros !== 0 && nowMicros - lastMicros > STALL_MICROS) this.stalls += 1;
          lastMicros = nowMicros;
          check.take(frame.firstOffset, frame.tokenCount, bytes, frame.textStart);
          this.#count(frame, nowMicros);
          if (check.next - acknowledged < ACKNOWLEDGE_EVERY_TOKENS) return;
          acknowledged = check.next;
          this.#clients[stream]?.flow(TURN_ID, acknowledged, CREDIT_TOKENS);
        },
        control: (message) => {
          if (message.turnStarted) this.#started += 1;
          if (this.#started === this.checks.length) this.#allStarted.resolve();
          if (message.turnEnded) this.#fail(`turn ended: ${JSON.stringify(message.turnEnded)}`);
        },
        ended: (problem) => this.#fail(problem ?? 'the stream ended'),
      },
    });
  }

  #fail(problem: string): void {
    this.problems.push(problem);
    this.#allStarted.reject(new Error(problem));
  }

  #count(frame: TokenFrameReader, nowMicros: number): void {
    this.tokens += frame.tokenCount;
    this.frames += 1;
    // Both clocks modulo 2^32 µs; the difference is small and signed.
    const newestMicros = (nowMicros - this.#order.clockOffsetMicros - frame.engineMicros) | 0;
    this.newest.record(newestMicros);
    this.oldest.record(newestMicros + (frame.tokenCount - 1) * this.#stepMicros);
  }
}

let receiver: Receiver | undefined;

const calls = {
  async run(order: ClientOrder): Promise<void> {
    if (order.streamsPerConnection > limits.concurrentStreamsMax) throw new RangeError('too many streams a connection');
    receiver = new Receiver(order);
    await receiver.run();
  },
  /** Counts since the start; the delays since the last call. */
  counts(): ClientCounts {
    if (receiver === undefined) throw new Error('nothing runs');
    const { tokens, frames, stalls, newest, oldest, problems, checks } = receiver;
    receiver.newest = new Histogram();
    receiver.oldest = new Histogram();
    const delays = { newestCounts: newest.counts, oldestCounts: oldest.counts };
    return { ...faultsOf(checks), monotonicMicros: monotonicMicros(), tokens, frames, stalls, problems, ...delays };
  },
};

export type ClientCalls = typeof calls;
serveCalls(calls);
