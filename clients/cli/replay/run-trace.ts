import type { Clock } from '@reticle/core/flow';
import { isReticleError, type ReticleClient, type Turn } from '@reticle/sdk';
import { TurnMeter } from '../turn-meter.ts';
import { brokenTokens, type RequestOutcome, type Tally } from './tally.ts';
import { inputIds, type TraceRow } from './trace.ts';

export type RunOptions = {
  readonly client: ReticleClient;
  readonly clock: Clock;
  readonly rows: readonly TraceRow[];
  /** Trace seconds per second. */
  readonly speed: number;
  /** Sessions at once; an arrival past it waits its turn. */
  readonly concurrency: number;
  readonly tally: Tally;
  /** Ends the run early: no further arrival, running turns are cut. */
  readonly signal: AbortSignal;
};

/** Replays the rows open-loop: arrivals follow the trace, whatever the answers do. */
export async function runTrace(options: RunOptions): Promise<void> {
  const { rows, clock, speed, concurrency, signal, tally } = options;
  const startMs = clock.nowMs();
  const running = new Set<Promise<void>>();
  for (const [index, row] of rows.entries()) {
    await until(clock, startMs + row.atMs / speed, signal);
    if (running.size >= concurrency) await Promise.race(running);
    if (signal.aborted) break;
    const one = replayRow(options, index, row).then((outcome) => tally.request(outcome));
    const tracked: Promise<void> = one.finally(() => running.delete(tracked));
    running.add(tracked);
  }
  await Promise.all(running);
}

function until(clock: Clock, dueMs: number, signal: AbortSignal): Promise<void> {
  const waitMs = dueMs - clock.nowMs();
  if (waitMs <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const cancel = clock.after(waitMs, done);
    function done(): void {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}

/** One request: a session of its own, one turn of the row's lengths. Never rejects for what the service does. */
async function replayRow(options: RunOptions, index: number, row: TraceRow): Promise<RequestOutcome> {
  const { client, clock, signal } = options;
  const meter = new TurnMeter(clock.nowMs());
  const seen = { lost: 0, doubled: 0 };
  let wrongLength = false;
  let code: string | undefined;
  try {
    const session = await client.createSession();
    try {
      const tokens = inputIds(index, Math.max(1, row.inputTokens));
      const maxOutputTokens = Math.max(1, row.outputTokens);
      const turn = session.turn({ tokens }, { maxOutputTokens, outputLength: 'exact', signal });
      turn.onMoved(({ startOffset }) => meter.moved(startOffset));
      wrongLength = (await readTurn(options, turn, meter, seen)) !== maxOutputTokens;
    } finally {
      await session.close();
    }
  } catch (error) {
    if (!isReticleError(error) && !signal.aborted) throw error;
    code = isReticleError(error) ? error.code : 'interrupted';
    const broken = brokenTokens(error);
    seen.lost += broken.lost;
    seen.doubled += broken.doubled;
  }
  const { firstTokenMs, tokensPerSecond } = meter;
  return { firstTokenMs, tokensPerSecond, ...seen, wrongLength, code };
}

/** Reads a turn to its end and checks every offset itself; gives the length that the service says it had. */
async function readTurn(
  { clock, tally }: RunOptions,
  turn: Turn,
  meter: TurnMeter,
  seen: { lost: number; doubled: number },
): Promise<number> {
  let expected = 0;
  let lastMs: number | undefined;
  for await (const frame of turn) {
    const { firstOffset, tokenCount } = frame;
    const nowMs = clock.nowMs();
    meter.frame(frame, nowMs);
    tally.frame(tokenCount, lastMs === undefined ? undefined : nowMs - lastMs);
    lastMs = nowMs;
    seen.lost += Math.max(0, firstOffset - expected);
    seen.doubled += Math.max(0, expected - firstOffset);
    expected = Math.max(expected, firstOffset + tokenCount);
  }
  const { endOffset } = await turn.ended;
  seen.lost += Math.max(0, endOffset - expected);
  return endOffset;
}
