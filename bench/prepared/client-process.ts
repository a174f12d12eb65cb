/** First events of turns that begin cold and of turns that were prepared, over WebSocket, in turn. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BENCH_MODEL } from '../rig/bench-flat.ts';
import { monotonicMicros, serveCalls } from '../rig/calls.ts';
import { webSocketPort, type TurnPortOptions } from '../rig/turn-ports.ts';

export type PreparedOrder = TurnPortOptions & {
  /** Of each kind. */
  readonly turns: number;
  /** Of the text that stands before the question. */
  readonly prefixBytes: number;
  /** No turn begins after this. */
  readonly secondsMax: number;
};

/** From the user's wish to the first event of the answer, one per turn. */
export type PreparedReport = {
  /** Connect, authenticate, send everything. */
  readonly coldMicros: readonly number[];
  /** On an open connection, behind `generate: false` with the prefix. */
  readonly preparedMicros: readonly number[];
};

const OUTPUT_TOKENS = 1;
/** A person reads and types for longer; the work behind a prewarm's answer is over by then. */
const PAUSE_MS = 100;
const SENTENCE = 'Rows are kept in the order of their values. ';

type Prefix = { readonly model: string; readonly input: readonly object[] };

const message = (content: string) => ({ type: 'message', role: 'user', content });

async function cold(order: PreparedOrder, { model, input }: Prefix): Promise<number> {
  const fromMicros = monotonicMicros();
  const port = await webSocketPort(order);
  const asked = [...input, message('Which row is the first?')];
  const { eventMicros } = await port.turn({ model, input: asked, max_output_tokens: OUTPUT_TOKENS });
  port.close();
  return eventMicros - fromMicros;
}

async function prepared(order: PreparedOrder, prefix: Prefix): Promise<number> {
  const port = await webSocketPort(order);
  const { responseId } = await port.turn({ ...prefix, generate: false });
  await sleep(PAUSE_MS);
  const { model } = prefix;
  const input = [message('Which row is the first?')];
  const turn = { model, input, previous_response_id: responseId, max_output_tokens: OUTPUT_TOKENS };
  const { sentMicros, eventMicros } = await port.turn(turn);
  port.close();
  return eventMicros - sentMicros;
}

async function run(order: PreparedOrder): Promise<PreparedReport> {
  const { turns, prefixBytes, secondsMax } = order;
  const startMicros = monotonicMicros();
  const untilMicros = startMicros + secondsMax * 1e6;
  const coldMicros: number[] = [];
  const preparedMicros: number[] = [];
  // Every conversation is another one, so that none finds another one's prefix warm.
  const prefix = (name: string): Prefix => {
    const text = `${name} of ${startMicros}. ${SENTENCE.repeat(Math.ceil(prefixBytes / SENTENCE.length))}`;
    return { model: BENCH_MODEL, input: [message(text)] };
  };
  for (let turn = 0; turn < turns && monotonicMicros() < untilMicros; turn += 1) {
    preparedMicros.push(await prepared(order, prefix(`Prepared ${turn}`)));
    coldMicros.push(await cold(order, prefix(`Cold ${turn}`)));
  }
  return { coldMicros, preparedMicros };
}

const calls = { run };

export type PreparedClientCalls = typeof calls;
serveCalls(calls);
