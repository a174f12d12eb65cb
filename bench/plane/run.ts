/**
 * Bench `plane`: gRPC sessions through one gateway process, beside a bare grpc-js emitter and a grpc-js relay with a
 * stream on both sides for every session, all with the same streams, connections and window. The window is ours: the
 * gateway's tokens per frame of the block before, at the pace.
 */
import type { BenchOptions } from '../command-line.ts';
import { costAtMost, countAtMost, type Cell, type Goal } from '../result.ts';
import { cellOf, largest, sum, type Bench } from '../run.ts';
import { Histogram, millisecondsOf, ratioSpread, spread } from '../statistics.ts';
import { runBareEmitter, runOurs, runStreamRelay, type PlaneBlock, type PlaneLoad } from './block.ts';

const TOKENS_PER_SECOND = 1_000;
/** Long enough for a sample of every function that matters. */
const PROFILE_SECONDS = 2;
/** Above the rig's own limit the wall clock says nothing of the system (PERFORMANCE §10.2). */
const RATE_SHORTFALL_MAX = 0.01;

const SCALES = [
  { id: 'grpc-100x1000', connections: 1, streamsPerConnection: 100 },
  { id: 'grpc-1000x1000', connections: 10, streamsPerConnection: 100 },
] as const;
type Scale = (typeof SCALES)[number];

type Blocks = {
  readonly ours: PlaneBlock[];
  readonly bare: PlaneBlock[];
  readonly relay: PlaneBlock[];
  readonly windows: number[];
};

export const planeBench: Bench = async (options, say) => {
  const cells: Cell[] = [];
  const goals: Goal[] = [];
  for (const scale of SCALES) {
    if (options.only !== undefined && !scale.id.startsWith(options.only)) continue;
    const blocks = await runBlocks(scale, options, say);
    const ours = oursCell(scale, blocks);
    cells.push(ours, bareCell(scale, blocks), relayCell(scale, blocks));
    goals.push(...goalsOf(scale, ours, blocks));
  }
  return { cells, goals, skipped: [] };
};

async function runBlocks(scale: Scale, options: BenchOptions, say: (text: string) => void): Promise<Blocks> {
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
    profileSeconds: 0,
  };
  const blocks: Blocks = { ours: [], bare: [], relay: [], windows: [] };
  for (let round = 1; round <= rounds; round += 1) {
    const told = (what: string, block: PlaneBlock): void =>
      say(`round ${round}/${rounds} ${scale.id} ${what}: ${lineOf(block)}`);
    const ours = await runOurs({ ...load, profileSeconds: PROFILE_SECONDS });
    blocks.ours.push(ours);
    told('ours', ours);
    const windowMs = Math.max(1, Math.round(((ours.tokens / ours.frames) * 1000) / TOKENS_PER_SECOND));
    blocks.windows.push(windowMs);
    const bare = await runBareEmitter(load, windowMs);
    blocks.bare.push(bare);
    told(`bare emitter, window ${windowMs} ms`, bare);
    const relay = await runStreamRelay(load, windowMs);
    blocks.relay.push(relay);
    told('relay', relay);
  }
  return blocks;
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
    writesPerTurn: writesPerTurn(blocks),
    figures: {
      connections: scale.connections,
      core: spread(blocks.map((block) => block.core)),
      tokensPerFrame: spread(blocks.map((block) => block.tokens / block.frames)),
      usPerFrame: spread(blocks.map((block) => (block.usPerToken * block.tokens) / block.frames)),
      rateOfWanted: spread(blocks.map((block) => block.tokens / block.seconds / wanted)),
    },
  };
}

/** Largest of the rounds; null where it could not be counted. */
function writesPerTurn(blocks: readonly PlaneBlock[]): number | null {
  const counted = blocks.map((block) => block.writesPerTurn).filter((value) => value !== null);
  return counted.length === 0 ? null : largest(counted);
}

function oursCell(scale: Scale, { ours, bare, relay, windows }: Blocks): Cell {
  const profile = ours.at(-1)?.profile;
  const common = commonOf(scale, ours);
  return cellOf({
    ...common,
    id: scale.id,
    sut: 'ours',
    referent: 'grpcjs-bare',
    ratio: ratioSpread(usPerToken(ours), usPerToken(bare)),
    figures: {
      ...common.figures,
      referentWindowMs: spread(windows),
      ratioToRelay: ratioSpread(usPerToken(ours), usPerToken(relay)),
    },
    notes: [
      'delays are emission to receipt through engine, link and gateway, not less a direct path',
      'stalls: gaps above 35 ms between frames of one stream',
      ...(profile === undefined
        ? []
        : [
            `busy time of the gateway by part, last round: ${profile.parts.join(', ')}`,
            `by function: ${profile.functions.join(', ')}`,
          ]),
    ],
  });
}

function bareCell(scale: Scale, { bare }: Blocks): Cell {
  const common = commonOf(scale, bare);
  return cellOf({
    ...common,
    id: `${scale.id}-bare`,
    sut: 'grpcjs-bare',
    notes: ['grpc-js and proto-loader; text written before the run, window of our block of the same round'],
  });
}

function relayCell(scale: Scale, { relay }: Blocks): Cell {
  return cellOf({
    ...commonOf(scale, relay),
    id: `${scale.id}-relay`,
    sut: 'grpcjs-stream-per-session',
    notes: ['grpc-js and proto-loader on both sides, fed by the bare emitter on the rig’s core'],
  });
}

function usPerToken(blocks: readonly PlaneBlock[]): number[] {
  return blocks.map((block) => block.usPerToken);
}

function goalsOf(scale: Scale, cell: Cell, { ours, relay }: Blocks): Goal[] {
  const wanted = scale.connections * scale.streamsPerConnection * TOKENS_PER_SECOND;
  const slow = ours.some((block) => block.tokens / block.seconds / wanted < 1 - RATE_SHORTFALL_MAX);
  const decidable = !cell.rigBound && !slow;
  const goal = (id: string, limit: string, target: number, measured: number | null): Goal =>
    costAtMost({ id: `${scale.id} ${id}`, limit, target, measured }, decidable);
  const wrong = cell.lost + cell.doubled;
  return [
    goal('G1b ratio', 'CPU per token ÷ bare grpc-js emitter ≤ 1.7', 1.7, cell.ratio?.median ?? null),
    goal(
      'G1b relay ratio',
      'CPU per token ÷ grpc-js relay with a stream per session ≤ 0.75',
      0.75,
      ratioSpread(usPerToken(ours), usPerToken(relay)).median,
    ),
    goal('newest p50', '≤ 10 ms', 10, cell.newestMs?.p50 ?? null),
    goal('newest p99', '≤ 25 ms', 25, cell.newestMs?.p99 ?? null),
    goal('core', '≤ 0.70 of the gateway’s core', 0.7, spread(ours.map((block) => block.core)).median),
    countAtMost({
      id: `${scale.id} writes per turn and socket`,
      limit: '≤ 1 (H7)',
      target: 1,
      measured: cell.writesPerTurn,
    }),
    countAtMost({ id: `${scale.id} lost or doubled`, limit: '0', target: 0, measured: wrong }),
  ];
}
