/**
 * Referent of the plane: grpc-js with proto-loader and nothing behind it. It speaks enough of `SessionService` for
 * the same receiver: a session is a number, a turn begins when it is asked for, and every `windowMs` each stream
 * gets one `TokenFrame` with what has come due. All turns have the text of seed 0, written before the run.
 */
import * as grpc from '@grpc/grpc-js';
import { sessionServiceDefinition } from '@reticle/proto/load';
import type { ConverseRequest } from '@reticle/proto/gen/session/v1/ConverseRequest';
import type { ConverseResponse__Input } from '@reticle/proto/gen/session/v1/ConverseResponse';
import type { CreateSessionRequest } from '@reticle/proto/gen/session/v1/CreateSessionRequest';
import type { CreateSessionResponse__Input } from '@reticle/proto/gen/session/v1/CreateSessionResponse';
import { limits } from '@reticle/proto/contract';
import { BENCH_DIGEST, BENCH_INPUT_IDS } from '../rig/bench-flat.ts';
import { clockOffsetMicros, serveCalls } from '../rig/calls.ts';
import { ORACLE_TOKEN_BYTES, TurnOracle } from '../rig/turn-oracle.ts';

export type BareEmitterOrder = {
  readonly tokensPerSecond: number;
  readonly windowMs: number;
  /** Tokens per stream that the run can use up. */
  readonly tokensMax: number;
};

type Call = grpc.ServerDuplexStream<ConverseRequest, ConverseResponse__Input>;
type Stream = { readonly call: Call; readonly turnId: string; readonly startMs: number; sent: number };

const lengths: readonly (readonly number[])[] = Array.from({ length: limits.frameTokensMax + 1 }, (_, count) =>
  count === 1 ? [] : Array.from({ length: count }, () => ORACLE_TOKEN_BYTES),
);

class BareEmitter {
  readonly #streams = new Set<Stream>();
  readonly #order: BareEmitterOrder;
  readonly #text: Buffer;
  #sessions = 0;

  constructor(order: BareEmitterOrder) {
    this.#order = order;
    const oracle = new TurnOracle({ modelDigest: BENCH_DIGEST, seed: 0, inputIds: BENCH_INPUT_IDS });
    this.#text = Buffer.from(oracle.write(0, order.tokensMax));
  }

  async listen(): Promise<string> {
    const server = new grpc.Server({ 'grpc.max_concurrent_streams': limits.concurrentStreamsMax });
    const service = sessionServiceDefinition();
    server.addService(
      { CreateSession: service.CreateSession, Converse: service.Converse },
      {
        CreateSession: (
          _call: grpc.ServerUnaryCall<CreateSessionRequest, CreateSessionResponse__Input>,
          callback: grpc.sendUnaryData<CreateSessionResponse__Input>,
        ) => callback(null, { session: { sessionId: String((this.#sessions += 1)) } }),
        Converse: (call: Call) => this.#converse(call),
      },
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    this.#wakeAt(performance.now() + this.#order.windowMs);
    return `127.0.0.1:${port}`;
  }

  #converse(call: Call): void {
    let stream: Stream | undefined;
    call.on('data', (request: ConverseRequest) => {
      if (request.attach) call.write({ attached: { lastAppliedSeq: 0 } });
      if (!request.startTurn || stream !== undefined) return;
      const { turnId } = request.startTurn;
      call.write({ turnStarted: { turnId } });
      stream = { call, turnId, startMs: performance.now(), sent: 0 };
      this.#streams.add(stream);
    });
    const gone = (): void => {
      if (stream !== undefined) this.#streams.delete(stream);
    };
    call.on('end', gone);
    call.on('error', gone);
    call.on('cancelled', gone);
  }

  /** Absolute grid: a late wake does not lower the rate. */
  #wakeAt(dueMs: number): void {
    setTimeout(
      () => {
        for (const stream of this.#streams) this.#emit(stream);
        this.#wakeAt(Math.max(dueMs + this.#order.windowMs, performance.now()));
      },
      Math.max(0, dueMs - performance.now()),
    );
  }

  #emit(stream: Stream): void {
    const { tokensPerSecond, tokensMax } = this.#order;
    const due = Math.min(tokensMax, Math.floor(((performance.now() - stream.startMs) * tokensPerSecond) / 1000));
    while (stream.sent < due) {
      const count = Math.min(due - stream.sent, limits.frameTokensMax);
      const firstOffset = stream.sent;
      stream.sent += count;
      stream.call.write({
        tokenFrame: {
          turnId: stream.turnId,
          firstOffset,
          tokenCount: count,
          text: this.#text.subarray(firstOffset * ORACLE_TOKEN_BYTES, stream.sent * ORACLE_TOKEN_BYTES),
          textLengths: lengths[count] as number[],
          engineMicros: Math.floor(stream.startMs * 1000 + (stream.sent * 1e6) / tokensPerSecond) % 2 ** 32,
        },
      });
    }
  }
}

const calls = {
  start: (order: BareEmitterOrder): Promise<string> => new BareEmitter(order).listen(),
  clockOffset: () => clockOffsetMicros(),
};

export type BareEmitterCalls = typeof calls;
serveCalls(calls);
