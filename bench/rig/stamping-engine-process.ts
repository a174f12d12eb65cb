/** An engine with profile `bench-flat` that notes when each row of tokens leaves its driver, before host and link. */
import { createLogger, standardError, systemClock, systemEnv } from '@reticle/core/process';
import {
  EngineHost,
  listenLinks,
  publishPresence,
  type DriverEvents,
  type EngineInput,
  type StartWork,
} from '@reticle/services/engine';
import { chainOptions, createWaferSim, type WaferSim } from '@reticle/services/engine/wafer-sim';
import type { EngineConfig } from '@reticle/services/main';
import { streamOfItem } from './asked-turn.ts';
import { busOf } from './bus-of.ts';
import { clockOffsetMicros, monotonicMicros, serveCalls } from './calls.ts';
import { Stamps, type StampedStreams } from './stamps.ts';

export type EngineStamps = {
  readonly rows: StampedStreams;
  /** Of each start since the recording began: from the driver's start of a turn to its first row, µs. */
  readonly firstRowMicros: readonly number[];
  /** Rate that was given up for lateness, so far. */
  readonly paceSlipSeconds: number;
};

const logger = createLogger({ level: 'warn', clock: systemEnv().clock, output: standardError() });
const stamps = new Stamps();
/** By the driver's stream: the rig's number of it. */
const numbers: number[] = [];
/** By the driver's stream: when it was started, until its first row. */
const startedMicros: (number | undefined)[] = [];
let firstRowMicros: number[] = [];
let driver: WaferSim | undefined;

/** A turn over a link names its stream as its seed, one of the surfaces in its message. */
function numberOf({ params, input }: StartWork): number {
  const asked = input.map((piece: EngineInput) => (piece.kind === 'item' ? streamOfItem(piece.json) : undefined));
  return params.seed ?? asked.findLast((each) => each !== undefined) ?? -1;
}

function noteRows(batch: Parameters<DriverEvents['step']>[0]): void {
  const nowMicros = monotonicMicros();
  for (let row = 0; row < batch.rows; row += 1) {
    const stream = batch.stream[row] as number;
    const from = startedMicros[stream];
    if (from !== undefined) {
      firstRowMicros.push(nowMicros - from);
      startedMicros[stream] = undefined;
    }
    const end = (batch.firstOffset[row] as number) + (batch.count[row] as number);
    stamps.note(numbers[stream] ?? -1, end, nowMicros);
  }
}

function stamped(inner: WaferSim): WaferSim {
  const connect = inner.connect.bind(inner);
  const start = inner.start.bind(inner);
  inner.start = (work) => {
    numbers[work.stream] = numberOf(work);
    startedMicros[work.stream] = monotonicMicros();
    start(work);
  };
  inner.connect = (events) =>
    connect({
      prefilled: (op, result) => events.prefilled(op, result),
      started: (stream, result) => events.started(stream, result),
      mark: (stream, mark) => events.mark(stream, mark),
      step: (batch) => {
        noteRows(batch);
        events.step(batch);
      },
      ended: (stream, result) => events.ended(stream, result),
      halted: (stream, generated) => events.halted(stream, generated),
      failed: (subject, error) => events.failed(subject, error),
      broken: (reason) => events.broken(reason),
    });
  return inner;
}

const calls = {
  /** Resolves to the `host:port` of its links. */
  async start({ engineId, region, replicaEpoch, chain, host: bind, nats }: EngineConfig): Promise<string> {
    driver = stamped(createWaferSim({ ...chainOptions(chain), clock: systemClock, pace: chain.engine.pace }));
    const host = new EngineHost({ driver, clock: systemClock, identity: { engineId, region, replicaEpoch } });
    const { port } = await listenLinks({ host, bind: `${bind}:0`, clock: systemClock });
    const address = `${bind}:${port}`;
    const bus = await busOf(nats, logger);
    publishPresence({ host, address, cell: region, publish: (subject, bytes) => bus.publish(subject, bytes) });
    return address;
  },
  clockOffset: () => clockOffsetMicros(),
  record(): void {
    firstRowMicros = [];
    stamps.begin();
  },
  stamps: (): EngineStamps => ({
    rows: stamps.take(),
    firstRowMicros,
    paceSlipSeconds: driver?.counters.paceSlipSeconds ?? 0,
  }),
};

export type StampingEngineCalls = typeof calls;
serveCalls(calls);
