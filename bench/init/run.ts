/**
 * Bench `init`: how long the first token of a session takes when everything is still to be done, and when the session
 * waits with its prefix evaluated and its client holds a resume token (PERFORMANCE G5). The profile takes no time for
 * prefill, so that what is left is overhead; the first decode step of 1 ms is in both and is taken off.
 */
import { join } from 'node:path';
import { costAtMost, type Figures } from '../result.ts';
import { startPlatform } from '../rig/platform.ts';
import { Core, cpuBetween, RigProcess } from '../rig/rig-process.ts';
import { cellOf, disposing, type Bench } from '../run.ts';
import { percentile, ratioSpread } from '../statistics.ts';
import type { InitClientCalls, InitReport } from './client-process.ts';

const CELL = 'first-token-prepared';
const TOKENS_PER_SECOND = 1_000;
const STEP_MICROS = 1e6 / TOKENS_PER_SECOND;
const PREFIX_TOKENS = 2_000;
/** Of each kind in a run, divided over its rounds. */
const SESSIONS = 1_000;
const SESSIONS_SHORT = 100;
const WARM_SESSIONS = 50;
const RATIO_MAX = 0.25;
const PREPARED_MS_MAX = 1;
const MIB = 1024 * 1024;

export const initBench: Bench = async (options, say) => {
  if (options.only !== undefined && !CELL.startsWith(options.only)) return { cells: [], goals: [], skipped: [] };
  const { rounds, seconds, short } = options;
  const file = join(import.meta.dirname, 'client-process.ts');
  const client = new RigProcess<InitClientCalls>({ file, core: Core.rig });
  const platform = await startPlatform({ tokensPerSecond: TOKENS_PER_SECOND, engineCore: Core.rig });
  return await disposing([client, platform], async () => {
    const { address, apiKey, gateway } = platform;
    const order = { address, apiKey, prefixTokens: PREFIX_TOKENS, secondsMax: seconds };
    await client.call('run', { ...order, sessions: WARM_SESSIONS });
    const sessions = Math.ceil((short ? SESSIONS_SHORT : SESSIONS) / rounds);
    const reports: InitReport[] = [];
    const before = await client.sample();
    for (let round = 1; round <= rounds; round += 1) {
      const report = await client.call('run', { ...order, sessions });
      reports.push(report);
      say(`round ${round}/${rounds}: prepared ${p50Ms(report.preparedMicros)}, cold ${p50Ms(report.coldMicros)} ms`);
    }
    const rigCpu = cpuBetween(before, await client.sample()).core;
    const rssMiB = (await gateway.sample()).rssBytes / MIB;
    return outcome(reports, { rigCpu, rssMiB });
  });
};

/** Overhead of a first token: without the decode step that makes it. */
const overheads = (micros: readonly number[]): number[] => micros.map((each) => (each - STEP_MICROS) / 1000);
const p50Ms = (micros: readonly number[]): number => Number(percentile(overheads(micros), 0.5).toPrecision(3));

function figuresOf(micros: readonly number[]): Figures {
  const overhead = overheads(micros);
  return {
    sessions: micros.length,
    overheadMsP50: percentile(overhead, 0.5),
    overheadMsP99: percentile(overhead, 0.99),
    firstTokenMsP50: percentile(micros, 0.5) / 1000,
  };
}

function outcome(reports: readonly InitReport[], rig: { readonly rigCpu: number; readonly rssMiB: number }) {
  const ratio = ratioSpread(
    reports.map(({ preparedMicros }) => p50Ms(preparedMicros)),
    reports.map(({ coldMicros }) => p50Ms(coldMicros)),
  );
  const prepared = figuresOf(reports.flatMap(({ preparedMicros }) => preparedMicros));
  const cold = figuresOf(reports.flatMap(({ coldMicros }) => coldMicros));
  const common = { sut: 'ours', lost: 0, doubled: 0, ...rig };
  const notes = ['both from the client, without TLS; the prefix of 2,000 tokens takes the profile no time'];
  const ms = prepared['overheadMsP50'] as number;
  return {
    cells: [
      cellOf({ ...common, id: CELL, referent: 'first-token-cold', ratio, figures: prepared, notes }),
      cellOf({ ...common, id: 'first-token-cold', figures: cold }),
    ],
    goals: [
      costAtMost(
        {
          id: 'G5 ratio',
          limit: `overhead of a prepared first token ÷ cold, p50 ≤ ${RATIO_MAX}`,
          target: RATIO_MAX,
          measured: ratio.median,
        },
        true,
      ),
      costAtMost(
        {
          id: 'G5 prepared',
          limit: `overhead of a prepared first token at the client, p50 ≤ ${PREPARED_MS_MAX} ms`,
          target: PREPARED_MS_MAX,
          measured: ms,
        },
        true,
      ),
    ],
    skipped: [],
  };
}
