/**
 * Bench `plane`: gRPC sessions through one gateway process, beside a bare grpc-js emitter with the same streams,
 * connections and window. The window is ours: the gateway's tokens per frame of the block before, at the pace.
 */
import type { BenchOptions } from '../command-line.ts';
import { costAtMost, countAtMost, type Cell, type Goal } from '../result.ts';
import { cellOf, largest, sum, type Bench } from '../run.ts';
import { Histogram, millisecondsOf, ratioSpread, spread } from '../statistics.ts';
import { runBareEmitter, runOurs, type PlaneBlock, type PlaneLoad } from './block.ts';

const TOKENS_PER_SECOND = 1_000;
/** Above the rig's own limit the wall clock says nothing of the system (PERFORMANCE §10.2). */
const RATE_SHORTFALL_MAX = 0.01;

const SCALES = [
  { id: 'grpc-100x1000', connections: 1, streamsPerConnection: 100 },
  { id: 'grpc-1000x1000', connections: 10, streamsPerConnection: 100 },
] as const;
type Scale = (typeof SCALES)[number];

type Pair = { readonly ours: PlaneBlock[]; readonly bare: PlaneBlock[]; readonly windows: number[] };

export const planeBench: Bench = async (options, say) => {
  const cells: Cell[] = [];
  const goals: Goal[] = [];
  for (const scale of SCALES) {
    if (options.only !== undefined && !scale.id.startsWith(options.only)) continue;
    const pair = await runPair(scale, options, say);
    const ours = oursCell(scale, pair);
    cells.push(ours, bareCell(scale, pair));
    goals.push(...goalsOf(scale, ours, pair));
  }
  const reason = 'the gateway is compared with the bare emitter alone';
  const skipped = [{ peer: 'per-stream grpc-js relay (second ratio of G1b)', reason, install: 'none' }];
  return { cells, goals, skipped };
};

async function runPair(scale: Scale, options: BenchOptions, say: (text: string) => void): Promise<Pair> {
  const { connections, streamsPerConnection } = scale;
  const { rounds, seconds, short } = options;
  // Rings and windows have settled after ten seconds at this pace; a short run does not wait for that.
  const warmSeconds = short ? 3 : 10;
  const load: PlaneLoad = {
    connections,
    streamsPerConnection,
    tokensPerSecond: TOKENS_PER_SECOND,
    warmSeconds,
    seconds,
  };
  const pair: Pair = { ours: [], bare: [], windows: [] };
  for (let round = 1; round <= rounds; round += 1) {
    const ours = await runOurs(load);
    pair.ours.push(ours);
    say(`round ${round}/${rounds} ${scale.id} ours: ${lineOf(ours)}`);
    const windowMs = Math.max(1, Math.round(((ours.tokens / ours.frames) * 1000) / TOKENS_PER_SECOND));
    const bare = await runBareEmitter(load, windowMs);
    pair.bare.push(bare);
    pair.windows.push(windowMs);
    say(`round ${round}/${rounds} ${scale.id} bare emitter, window ${windowMs} ms: ${lineOf(bare)}`);
  }
  return pair;
}

function lineOf({ usPerToken, core, rigCore, newest, lost, doubled }: PlaneBlock): string {
  const { p50, p99 } = millisecondsOf(newest);
  const cores = `core ${core.toFixed(2)}, rig ${rigCore.toFixed(2)}`;
  return `${usPerToken.toFixed(2)} µs per token, ${cores}, newest ${p50.toFixed(1)} / ${p99.toFixed(1)} ms, lost ${lost}, doubled ${doubled}`;
}

function merged(blocks: readonly PlaneBlock[], which: 'newest' | 'oldest'): Histogram {
  const all = new Histogram();
  for (const block of blocks) all.add(block[which]);
  return all;
}

function commonOf(scale: Scale, blocks: readonly PlaneBlock[]) {
  const wanted = scale.connections * scale.streamsPerConnection * TOKENS_PER_SECOND;
  return {
    cpuUsPerToken: spread(blocks.map((block) => block.usPerToken)),
    newestMs: millisecondsOf(merged(blocks, 'newest')),
    oldestMs: millisecondsOf(merged(blocks, 'oldest')),
    lost: sum(blocks.map((block) => block.lost)),
    doubled: sum(blocks.map((block) => block.doubled)),
    stalls: sum(blocks.map((block) => block.stalls)),
    rigCpu: largest(blocks.map((block) => block.rigCore)),
    rssMiB: largest(blocks.map((block) => block.rssMiB)),
    figures: {
      connections: scale.connections,
      core: spread(blocks.map((block) => block.core)),
      tokensPerFrame: spread(blocks.map((block) => block.tokens / block.frames)),
      usPerFrame: spread(blocks.map((block) => (block.usPerToken * block.tokens) / block.frames)),
      rateOfWanted: spread(blocks.map((block) => block.tokens / block.seconds / wanted)),
    },
  };
}

function oursCell(scale: Scale, { ours, bare, windows }: Pair): Cell {
  const common = commonOf(scale, ours);
  return cellOf({
    ...common,
    id: scale.id,
    sut: 'ours',
    referent: 'grpcjs-bare',
    ratio: ratioSpread(usPerToken(ours), usPerToken(bare)),
    figures: { ...common.figures, referentWindowMs: spread(windows) },
    notes: [
      'delays are emission to receipt through engine, link and gateway, not less a direct path',
      'stalls: gaps above 35 ms between frames of one stream',
    ],
  });
}

function bareCell(scale: Scale, { bare }: Pair): Cell {
  const common = commonOf(scale, bare);
  return cellOf({
    ...common,
    id: `${scale.id}-bare`,
    sut: 'grpcjs-bare',
    notes: ['grpc-js and proto-loader; text written before the run, window of our block of the same round'],
  });
}

function usPerToken(blocks: readonly PlaneBlock[]): number[] {
  return blocks.map((block) => block.usPerToken);
}

function goalsOf(scale: Scale, cell: Cell, { ours }: Pair): Goal[] {
  const wanted = scale.connections * scale.streamsPerConnection * TOKENS_PER_SECOND;
  const slow = ours.some((block) => block.tokens / block.seconds / wanted < 1 - RATE_SHORTFALL_MAX);
  const decidable = !cell.rigBound && !slow;
  const goal = (id: string, limit: string, target: number, measured: number | null): Goal =>
    costAtMost({ id: `${scale.id} ${id}`, limit, target, measured }, decidable);
  const wrong = cell.lost + cell.doubled;
  return [
    goal('G1b ratio', 'CPU per token ÷ bare grpc-js emitter ≤ 1.7', 1.7, cell.ratio?.median ?? null),
    goal('newest p50', '≤ 10 ms', 10, cell.newestMs?.p50 ?? null),
    goal('newest p99', '≤ 25 ms', 25, cell.newestMs?.p99 ?? null),
    goal('core', '≤ 0.70 of the gateway’s core', 0.7, spread(ours.map((block) => block.core)).median),
    countAtMost({ id: `${scale.id} lost or doubled`, limit: '0', target: 0, measured: wrong }),
  ];
}
