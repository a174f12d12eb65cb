/**
 * Cuts under other conditions than an idle platform: many sessions cut side by side (the service promise P8), a client
 * that does not read, and 5,000 other sessions on the same gateway.
 */
import { join } from 'node:path';
import type { LocalChain } from '@reticle/core/domain';
import type { BenchOptions } from '../command-line.ts';
import type { ClientCalls } from '../plane/client-process.ts';
import { benchFlatChain } from '../rig/bench-flat.ts';
import { startPlatform, type BenchPlatform } from '../rig/platform.ts';
import { Core, cpuBetween, RigProcess } from '../rig/rig-process.ts';
import { costAtMost, countAtMost, type Cell, type Goal } from '../result.ts';
import { cellOf, disposing, sum } from '../run.ts';
import { percentile } from '../statistics.ts';
import type { CutterCalls, CutterOrder, CutterReport } from './client-process.ts';
import { figuresOf } from './figures.ts';

const TOKENS_PER_SECOND = 1_000;
const WARM_CUTS = 100;
const PAUSED_MS = 30;
const SERVICE_CUTS = 10_000;
const SERVICE_SESSIONS = 50;
/** Cut side by side where the client must not wait busily. */
const SIDE_BY_SIDE = 4;
const LOAD = { connections: 50, streamsPerConnection: 100, tokensPerSecond: 5 };
const MIB = 1024 * 1024;

const slow = { name: 'bench-slow', digest: `sha256:${'5e'.repeat(32)}` };
const slowChain: LocalChain = {
  ...benchFlatChain(LOAD.tokensPerSecond),
  servedName: slow.name,
  modelDigest: slow.digest,
};

export type Measured = { readonly cells: readonly Cell[]; readonly goals: readonly Goal[] };
type Say = (text: string) => void;
export type CutClient = RigProcess<CutterCalls>;

type Cuts = CutterReport & { readonly rigCpu: number; readonly rssMiB: number };
type CutOrder = Pick<CutterOrder, 'cuts' | 'sessions' | 'pausedMs' | 'secondsMax' | 'signalsAt'>;

/** The variants whose cells the options ask for. */
export async function cutVariants(options: BenchOptions, say: Say): Promise<Measured> {
  const cells: Cell[] = [];
  const goals: Goal[] = [];
  for (const [id, run] of Object.entries(variants)) {
    if (options.only !== undefined && !id.startsWith(options.only)) continue;
    const measured = await run(id, options, say);
    cells.push(...measured.cells);
    goals.push(...measured.goals);
  }
  return { cells, goals };
}

const variants: Readonly<Record<string, (id: string, options: BenchOptions, say: Say) => Promise<Measured>>> = {
  [`service-${SERVICE_SESSIONS}x1000`]: service,
  'paused-reader-4x1000': pausedReader,
  'beside-5000': besideMany,
};

function service(id: string, options: BenchOptions, say: Say): Promise<Measured> {
  return withPlatform([], async (platform, client) => {
    const order = { cuts: options.short ? 500 : SERVICE_CUTS, sessions: SERVICE_SESSIONS, pausedMs: 0 };
    const report = await cut(platform, client, { ...order, secondsMax: options.seconds });
    say(`${id}: ${report.cuts.length} cuts`);
    const micros = report.cuts.map(({ ackMicros }) => ackMicros);
    const enough = report.cuts.length >= order.cuts;
    const limit = 'client’s send to the receipt, which follows the last token';
    return {
      cells: [
        cellFor(id, report, [`${SERVICE_SESSIONS} sessions at 1,000 tok/s on one gateway, each cut every 0.1 s`]),
      ],
      goals: [
        goal('P8 service p50', `${limit} ≤ 5 ms`, { target: 5, measured: percentile(micros, 0.5) / 1000, enough }),
        goal('P8 service p99', `${limit} ≤ 20 ms`, { target: 20, measured: percentile(micros, 0.99) / 1000, enough }),
        stale(id, report),
      ],
    };
  });
}

function pausedReader(id: string, options: BenchOptions, say: Say): Promise<Measured> {
  return withPlatform([], async (platform, client) => {
    const order = { cuts: options.short ? 40 : 400, sessions: SIDE_BY_SIDE, pausedMs: PAUSED_MS };
    const report = await cut(platform, client, { ...order, secondsMax: options.seconds });
    say(`${id}: ${report.cuts.length} cuts`);
    const note = `the client reads nothing for ${PAUSED_MS} ms before and after the cut; its receipt comes when it reads`;
    return { cells: [cellFor(id, report, [note])], goals: [stale(id, report)] };
  });
}

/** Idle first, then with the load, on the same processes. */
function besideMany(id: string, options: BenchOptions, say: Say): Promise<Measured> {
  return withPlatform([slowChain], async (platform, client) => {
    const order = { cuts: options.short ? 100 : 1_000, sessions: SIDE_BY_SIDE, pausedMs: 0 };
    const idle = await cut(platform, client, { ...order, secondsMax: options.seconds });
    say(`${id}: ${idle.cuts.length} cuts while idle`);
    const file = join(import.meta.dirname, '..', 'plane', 'client-process.ts');
    const load = new RigProcess<ClientCalls>({ file, core: Core.rig });
    return await disposing([load], async () => {
      const { address, apiKey, clockOffsetMicros } = platform;
      await load.call('run', { ...LOAD, address, apiKey, clockOffsetMicros, sameSeed: false, model: slow });
      say(`${id}: ${LOAD.connections * LOAD.streamsPerConnection} sessions stream`);
      const before = await platform.gateway.sample();
      const loaded = await cut(platform, client, { ...order, secondsMax: options.seconds });
      const { core } = cpuBetween(before, await platform.gateway.sample());
      const counts = await load.call('counts');
      const [problem] = counts.problems;
      if (problem !== undefined) throw new Error(`${counts.problems.length} background streams ended: ${problem}`);
      const ratio = percentile(after(loaded), 0.99) / Math.max(1, percentile(after(idle), 0.99));
      const cell = cellFor(id, loaded, [
        `beside 5,000 sessions at ${LOAD.tokensPerSecond} tok/s each, every token in a frame of its own`,
      ]);
      const lost = cell.lost + counts.lost + counts.altered;
      const figures = { ...cell.figures, gatewayCore: core, generatedAfterSendP99OverIdle: ratio };
      return {
        cells: [
          { ...cell, lost, doubled: cell.doubled + counts.doubled, referent: `${id}-idle`, figures },
          cellFor(`${id}-idle`, idle, ['the same processes before the load']),
        ],
        goals: [
          goal('G6 loaded', 'tokens generated after the send, p99 with 5,000 sessions ÷ idle ≤ 2', {
            target: 2,
            measured: ratio,
            enough: loaded.cuts.length >= order.cuts && idle.cuts.length >= order.cuts,
          }),
          stale(id, loaded),
        ],
      };
    });
  });
}

async function withPlatform(
  others: readonly LocalChain[],
  work: (platform: BenchPlatform, client: CutClient) => Promise<Measured>,
): Promise<Measured> {
  const client: CutClient = new RigProcess({ file: join(import.meta.dirname, 'client-process.ts'), core: Core.rig });
  const platform = await startPlatform({ tokensPerSecond: TOKENS_PER_SECOND, engineCore: Core.rig, others });
  return await disposing([client, platform], () => work(platform, client));
}

/** Cuts in a warmed-up client. */
export async function cut(
  { address, apiKey, clockOffsetMicros, gateway }: BenchPlatform,
  client: CutClient,
  order: CutOrder,
): Promise<Cuts> {
  const target = { address, apiKey, clockOffsetMicros, tokensPerSecond: TOKENS_PER_SECOND };
  await client.call('run', { ...target, ...order, cuts: WARM_CUTS });
  const before = await client.sample();
  const report = await client.call('run', { ...target, ...order });
  const rigCpu = cpuBetween(before, await client.sample()).core;
  return { ...report, rigCpu, rssMiB: (await gateway.sample()).rssBytes / MIB };
}

export function cellFor(id: string, report: Cuts, notes: readonly string[]): Cell {
  const { cuts, lost, doubled, rigCpu, rssMiB } = report;
  return cellOf({ id, sut: 'ours', lost, doubled, rigCpu, rssMiB, figures: figuresOf(cuts), notes });
}

const after = (report: Cuts): number[] => report.cuts.map((each) => each.after);

type Decision = { readonly target: number; readonly measured: number; readonly enough: boolean };

export function goal(id: string, limit: string, { target, measured, enough }: Decision): Goal {
  return costAtMost({ id, limit, target, measured }, enough);
}

export function stale(id: string, report: Cuts): Goal {
  const measured = sum(report.cuts.map((each) => each.stale));
  return countAtMost({ id: `${id} stale tokens after a receipt`, limit: '0', target: 0, measured });
}
