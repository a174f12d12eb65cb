/**
 * End of the bare chain: one token a step on an absolute schedule, a `TokenFrame` for each, and a cut at the end of
 * the running step. Wakes and stops follow the simulator's (WAFER §6.1), so both chains count on the same clock.
 */
import * as grpc from '@grpc/grpc-js';
import { systemClock } from '@reticle/core/process';
import { ControlOutcome } from '@reticle/proto/gen/session/v1/ControlOutcome';
import { TurnStatus } from '@reticle/proto/gen/session/v1/TurnStatus';
import type { ConverseRequest } from '@reticle/proto/gen/session/v1/ConverseRequest';
import type { ConverseResponse__Input } from '@reticle/proto/gen/session/v1/ConverseResponse';
import type { CreateSessionRequest } from '@reticle/proto/gen/session/v1/CreateSessionRequest';
import type { CreateSessionResponse__Input } from '@reticle/proto/gen/session/v1/CreateSessionResponse';
import type { Interrupt } from '@reticle/proto/gen/session/v1/Interrupt';
import { sessionServiceDefinition } from '@reticle/proto/load';
import { BENCH_DIGEST, BENCH_INPUT_IDS } from '../rig/bench-flat.ts';
import { clockOffsetMicros, serveCalls } from '../rig/calls.ts';
import { TurnOracle } from '../rig/turn-oracle.ts';

type Call = grpc.ServerDuplexStream<ConverseRequest, ConverseResponse__Input>;

/** Shortest sleep and its margin, those of the simulator's pump. */
const WAKE_MS = 1;
const MARGIN_MS = 0.001;

const nowMicros = (): number => systemClock.nowMs() * 1000;

class BareTurn {
  readonly #call: Call;
  readonly #turnId: string;
  readonly #stepMicros: number;
  readonly #oracle: TurnOracle;
  readonly #startMicros = nowMicros();
  #disarm: () => void;
  #sent = 0;
  #cut: { readonly seq: number; readonly interrupt: Interrupt; readonly end: number } | undefined;

  constructor(call: Call, turn: { readonly turnId: string; readonly seed: number; readonly stepMicros: number }) {
    this.#call = call;
    this.#turnId = turn.turnId;
    this.#stepMicros = turn.stepMicros;
    this.#oracle = new TurnOracle({ modelDigest: BENCH_DIGEST, seed: turn.seed, inputIds: BENCH_INPUT_IDS });
    call.write({ turnStarted: { turnId: turn.turnId } });
    this.#disarm = this.#arm();
  }

  /** The running step ends the turn; its wake is armed already. */
  interrupt(seq: number, interrupt: Interrupt): void {
    this.#cut ??= { seq, interrupt, end: Math.max(this.#sent, this.#dueTokens() + 1) };
  }

  close(): void {
    this.#disarm();
  }

  #dueTokens(): number {
    return Math.floor((nowMicros() - this.#startMicros) / this.#stepMicros);
  }

  #arm(): () => void {
    const nextMicros = this.#startMicros + (this.#sent + 1) * this.#stepMicros;
    const delayMs = Math.max(WAKE_MS, (nextMicros - nowMicros()) / 1000 + MARGIN_MS);
    return systemClock.after(delayMs, () => this.#wake());
  }

  #wake(): void {
    const due = Math.min(this.#dueTokens(), this.#cut?.end ?? Infinity);
    while (this.#sent < due) this.#emit();
    if (this.#sent === this.#cut?.end) this.#answer(this.#cut);
    else this.#disarm = this.#arm();
  }

  #emit(): void {
    const firstOffset = this.#sent;
    this.#sent += 1;
    this.#call.write({
      tokenFrame: {
        turnId: this.#turnId,
        firstOffset,
        tokenCount: 1,
        text: this.#oracle.write(firstOffset, 1),
        engineMicros: Math.floor(this.#startMicros + this.#sent * this.#stepMicros) % 2 ** 32,
      },
    });
  }

  #answer({ seq, interrupt }: { readonly seq: number; readonly interrupt: Interrupt }): void {
    const generated = this.#sent;
    const effectiveOffset = Math.min(generated, interrupt.keepThroughOffset ?? generated);
    this.#call.write({
      controlAck: {
        seq,
        turnId: this.#turnId,
        outcome: ControlOutcome.CONTROL_OUTCOME_APPLIED,
        effectiveOffset,
        generatedOffset: generated,
        deliveredOffset: generated,
        wastedTokens: generated - effectiveOffset,
      },
    });
    const status = TurnStatus.TURN_STATUS_INTERRUPTED;
    this.#call.write({ turnEnded: { turnId: this.#turnId, status, endOffset: effectiveOffset } });
  }
}

function converse(call: Call, stepMicros: number): void {
  let turn: BareTurn | undefined;
  call.on('data', ({ seq, attach, startTurn, interrupt }: ConverseRequest) => {
    if (attach) call.write({ attached: { lastAppliedSeq: 0 } });
    if (startTurn) {
      turn?.close();
      turn = new BareTurn(call, { turnId: startTurn.turnId, seed: startTurn.params?.seed ?? 0, stepMicros });
    }
    if (interrupt) turn?.interrupt(seq, interrupt);
  });
  const gone = (): void => turn?.close();
  call.on('end', gone);
  call.on('error', gone);
  call.on('cancelled', gone);
}

async function listen(tokensPerSecond: number): Promise<string> {
  const stepMicros = 1e6 / tokensPerSecond;
  const { CreateSession, Converse } = sessionServiceDefinition();
  const server = new grpc.Server();
  let sessions = 0;
  server.addService(
    { CreateSession, Converse },
    {
      CreateSession: (
        _call: grpc.ServerUnaryCall<CreateSessionRequest, CreateSessionResponse__Input>,
        callback: grpc.sendUnaryData<CreateSessionResponse__Input>,
      ) => callback(null, { session: { sessionId: String((sessions += 1)) } }),
      Converse: (call: Call) => converse(call, stepMicros),
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return `127.0.0.1:${port}`;
}

const calls = {
  start: (tokensPerSecond: number): Promise<string> => listen(tokensPerSecond),
  // A reading errs low by what passes between its two clocks, most of all the first.
  clockOffset: () => clockOffsetMicros(),
};

export type BareChainEmitterCalls = typeof calls;
serveCalls(calls);
