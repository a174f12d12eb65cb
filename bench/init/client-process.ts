/** First tokens of sessions that begin cold and of sessions that were prepared, in turn. */
import { BENCH_MODEL } from '../rig/bench-flat.ts';
import { monotonicMicros, serveCalls } from '../rig/calls.ts';
import { GrpcConnection } from '../rig/grpc-connection.ts';
import { createSession, SessionClient, type SessionName } from '../rig/session-client.ts';

export type InitOrder = {
  readonly address: string;
  readonly apiKey: string;
  /** Of each kind. */
  readonly sessions: number;
  /** Of the system prompt, which is the prefix of every session. */
  readonly prefixTokens: number;
  /** No session begins after this. */
  readonly secondsMax: number;
};

/** From the user's wish to the first token, one per session. */
export type InitReport = {
  /** Connect, authenticate, create with its prefix, attach, start. */
  readonly coldMicros: readonly number[];
  /** On an open connection: attach by resume token and start, sent together. */
  readonly preparedMicros: readonly number[];
};

const FIRST_ID = 16_384;
const TURN_ID = 'turn';
/** More than come before the cut. */
const OUTPUT_TOKENS = 10_000;

type Session = SessionName & { readonly connection: GrpcConnection };

/** Attaches, starts a turn, and resolves at its first token; the turn is cut and the stream ended behind it. */
function firstToken({ connection, ...name }: Session, seed: number): Promise<number> {
  const first = Promise.withResolvers<number>();
  const done = Promise.withResolvers<void>();
  const client = SessionClient.attach(name, {
    connection,
    creditTokens: 64,
    events: {
      frame: () => {
        first.resolve(monotonicMicros());
        client.interrupt({ turnId: TURN_ID });
      },
      control: ({ turnEnded }) => {
        if (turnEnded) client.end();
      },
      ended: (problem) => {
        first.reject(new Error(problem ?? 'the stream ended before a token'));
        done.resolve();
      },
    },
  });
  client.startTurn(TURN_ID, seed, { maxOutputTokens: OUTPUT_TOKENS });
  // The next one begins when this one is over, so that they do not share the machine.
  return first.promise.then(async (micros) => {
    await done.promise;
    return micros;
  });
}

async function run({ address, apiKey, sessions, prefixTokens, secondsMax }: InitOrder): Promise<InitReport> {
  const authorization = `Bearer ${apiKey}`;
  const prefix = [{ tokens: { tokenIds: Array.from({ length: prefixTokens }, (_, index) => FIRST_ID + index) } }];
  const run = monotonicMicros();
  const request = (kind: string, session: number) => ({
    requestId: `${kind}-${run}-${session}`,
    model: BENCH_MODEL,
    prefix,
  });
  const kept = new GrpcConnection(address, { authorization });
  const coldMicros: number[] = [];
  const preparedMicros: number[] = [];
  const endMicros = run + secondsMax * 1e6;
  for (let session = 0; session < sessions && monotonicMicros() < endMicros; session += 1) {
    const { resumeToken } = await createSession(kept, request('prepared', session));
    const preparedFrom = monotonicMicros();
    preparedMicros.push((await firstToken({ connection: kept, resumeToken }, session)) - preparedFrom);

    const coldFrom = monotonicMicros();
    const connection = new GrpcConnection(address, { authorization });
    const { sessionId } = await createSession(connection, request('cold', session));
    coldMicros.push((await firstToken({ connection, sessionId }, session)) - coldFrom);
    connection.close();
  }
  kept.close();
  return { coldMicros, preparedMicros };
}

const calls = { run };

export type InitClientCalls = typeof calls;
serveCalls(calls);
