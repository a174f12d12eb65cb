/** One client that sends large first turns after a pause and waits for their start. */
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMicros, serveCalls } from '../rig/calls.ts';
import { GrpcConnection } from '../rig/grpc-connection.ts';
import { SessionClient } from '../rig/session-client.ts';

export type WindowOrder = {
  readonly address: string;
  readonly apiKey: string;
  readonly turns: number;
  /** Quiet time before each turn. */
  readonly idleMs: number;
  /** Tokens of the turn's input. */
  readonly inputTokens: number;
};

export type WindowReport = {
  /** Send of the turn to its start, one per turn. */
  readonly startMicros: readonly number[];
  /** Of one request, without framing. */
  readonly requestBytes: number;
};

/** Ids of three varint bytes. */
const FIRST_ID = 16_384;
const IDS = 100_000;

async function startOf(order: WindowOrder, ids: readonly number[]): Promise<number> {
  // A first turn is the first large thing on its connection.
  const connection = new GrpcConnection(order.address, { authorization: `Bearer ${order.apiKey}` });
  const started = Promise.withResolvers<number>();
  const client = await SessionClient.open({
    connection,
    requestId: `window-${monotonicMicros()}`,
    creditTokens: 64,
    events: {
      frame: () => {},
      control: ({ turnStarted, turnEnded }) => {
        if (turnStarted) started.resolve(monotonicMicros());
        // After a start this is the end that was asked for, and changes nothing.
        if (turnEnded) started.reject(new Error(`the turn ended: ${JSON.stringify(turnEnded)}`));
      },
      ended: (problem) => started.reject(new Error(problem ?? 'the stream ended')),
    },
  });
  try {
    await sleep(order.idleMs);
    const sentMicros = monotonicMicros();
    client.startTurn('turn', 0, { inputIds: ids, maxOutputTokens: 1 });
    return (await started.promise) - sentMicros;
  } finally {
    connection.close();
  }
}

const calls = {
  async run(order: WindowOrder): Promise<WindowReport> {
    const ids = Array.from({ length: order.inputTokens }, (_, index) => FIRST_ID + (index % IDS));
    const startMicros: number[] = [];
    for (let turn = 0; turn < order.turns; turn += 1) startMicros.push(await startOf(order, ids));
    return { startMicros, requestBytes: ids.length * 3 };
  },
};

export type WindowClientCalls = typeof calls;
serveCalls(calls);
