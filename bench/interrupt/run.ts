/**
 * Bench `interrupt`: one session at 1,000 tok/s on an otherwise idle platform, cut in band at random moments. What
 * the engine generated after the client's send is counted on the engine's own step clock (PERFORMANCE G6).
 */
import { join } from 'node:path';
import type { BenchOptions } from '../command-line.ts';
import { startPlatform, type BenchPlatform } from '../rig/platform.ts';
import { Core, cpuBetween, RigProcess } from '../rig/rig-process.ts';
import { costAtMost, countAtMost, isValid, type Figures, type Goal } from '../result.ts';
import { cellOf, disposing, largest, sum, type Bench } from '../run.ts';
import { percentile } from '../statistics.ts';
import type { CutRecord, CutterCalls } from './client-process.ts';

const TOKENS_PER_SECOND = 1_000;
const CUTS = 1_200;
const CUTS_SHORT = 120;
const CUTS_FOR_CLAIM = 1_000;
const WARM_CUTS = 40;
const MIB = 1024 * 1024;
const clientFile = join(import.meta.dirname, 'client-process.ts');

const CELL = 'in-band-1x1000-idle';

export const interruptBench: Bench = async (options, say) => {
  if (options.only !== undefined && !CELL.startsWith(options.only)) return { cells: [], goals: [], skipped: [] };
  // Engine and gateway share the system's core: a client that waits for a moment is busy.
  const platform = await startPlatform(TOKENS_PER_SECOND, Core.system);
  const client = new RigProcess<CutterCalls>({ file: clientFile, core: Core.rig });
  const run = await disposing([client, platform], () => cutAll({ platform, client, options, say }));
  const cell = cellOf({
    id: CELL,
    sut: 'ours',
    lost: run.lost,
    doubled: run.doubled,
    rigCpu: run.rigCpu,
    rssMiB: run.rssMiB,
    figures: figuresOf(run.cuts),
    notes: [
      'generatedAfterSend = generated_offset − tokens due at the send; wastedTokens = the receipt’s, keeping what had come',
      'the rig’s CPU is the client’s wait for the moment of a cut, and binds nothing',
    ],
  });
  // A claim needs its number of cuts; a short run is none.
  const decidable = isValid([cell]) && run.cuts.length >= (options.short ? CUTS_SHORT : CUTS_FOR_CLAIM);
  return { cells: [{ ...cell, rigBound: false }], goals: goalsOf(run.cuts, decidable), skipped: [] };
};

type Cutting = {
  readonly platform: BenchPlatform;
  readonly client: RigProcess<CutterCalls>;
  readonly options: BenchOptions;
  readonly say: (text: string) => void;
};

async function cutAll({ platform, client, options, say }: Cutting) {
  const { short, seconds, rounds } = options;
  const { address, apiKey, clockOffsetMicros, gateway } = platform;
  const order = { address, apiKey, clockOffsetMicros, tokensPerSecond: TOKENS_PER_SECOND, secondsMax: seconds };
  await client.call('run', { ...order, cuts: WARM_CUTS });
  const run = { cuts: [] as CutRecord[], lost: 0, doubled: 0 };
  const before = await client.sample();
  for (let round = 1; round <= rounds; round += 1) {
    const report = await client.call('run', { ...order, cuts: short ? CUTS_SHORT : CUTS });
    run.cuts.push(...report.cuts);
    run.lost += report.lost;
    run.doubled += report.doubled;
    say(`round ${round}/${rounds}: ${report.cuts.length} cuts, ${report.tokens} tokens`);
  }
  const rigCpu = cpuBetween(before, await client.sample()).core;
  return { ...run, rigCpu, rssMiB: (await gateway.sample()).rssBytes / MIB };
}

function figuresOf(cuts: readonly CutRecord[]): Figures {
  const of = (field: keyof CutRecord): number[] => cuts.map((cut) => cut[field]);
  const after = of('after');
  return {
    cuts: cuts.length,
    ...quantiles('generatedAfterSend', after),
    shareWithinOne: after.filter((tokens) => tokens <= 1).length / after.length,
    shareWithinThree: after.filter((tokens) => tokens <= 3).length / after.length,
    ...quantiles('wastedTokens', of('wasted')),
    receiptMsP50: percentile(of('ackMicros'), 0.5) / 1000,
    receiptMsP99: percentile(of('ackMicros'), 0.99) / 1000,
    staleTokens: sum(of('stale')),
    offsetsFrom: Math.min(...of('due')),
    offsetsTo: largest(of('due')),
  };
}

function quantiles(name: string, values: readonly number[]): Readonly<Record<string, number>> {
  return {
    [`${name}P50`]: percentile(values, 0.5),
    [`${name}P99`]: percentile(values, 0.99),
    [`${name}Max`]: largest(values),
  };
}

function goalsOf(cuts: readonly CutRecord[], decidable: boolean): Goal[] {
  const after = cuts.map((cut) => cut.after);
  const stale = sum(cuts.map((cut) => cut.stale));
  const limit = 'tokens generated after the send, step clock';
  return [
    costAtMost({ id: 'G6 p50', limit: `${limit} ≤ 1`, target: 1, measured: percentile(after, 0.5) }, decidable),
    costAtMost({ id: 'G6 p99', limit: `${limit} ≤ 3`, target: 3, measured: percentile(after, 0.99) }, decidable),
    countAtMost({ id: 'stale tokens after a receipt', limit: '0', target: 0, measured: stale }),
  ];
}
