import { costAtMost, countAtMost, type Cell, type Goal } from '../result.ts';
import { cellOf, largest, RIG_BOUND, STARVED, sum } from '../run.ts';
import { Histogram, millisecondsOf, ratioSpread, spread, type Spread } from '../statistics.ts';
import type { DoorBlock } from './block.ts';

export type DoorVariant = 'sse' | 'ws' | 'sse-untold' | 'nginx' | 'node-http';

/** Blocks of the variants that ran, one of each round. */
export type DoorRounds = Readonly<Partial<Record<DoorVariant, readonly DoorBlock[]>>>;

export type DoorGroup = { readonly id: string; readonly streams: number };

const TOKENS_PER_SECOND = 1_000;
/** Below this share of the wanted rate a block says nothing of the system (PERFORMANCE §10.2). */
const RATE_MIN = 0.99;

const NOTES: Readonly<Record<DoorVariant, readonly string[]>> = {
  sse: [
    'authentication, metering, traces and metrics by OTLP every second; ratio: CPU per frame, a frame is one event',
    'newest: from the driver’s step, or the emitter’s write, to the client; stalls: frames under way for above 30 ms',
  ],
  ws: ['the same over WebSockets of 8 lanes each'],
  'sse-untold': ['nothing is exported, and nobody can ask for metrics; counting goes on'],
  nginx: [
    'proxy_buffering off, HTTP/1.1 keep-alive to the emitter, one process; the same events, without their making',
  ],
  'node-http': ['a relay of pipes on node:http in front of the same emitter'],
};

export function lineOf({
  usPerFrame,
  usPerToken,
  tokens,
  frames,
  core,
  waited,
  rigCore,
  newest,
  lost,
  doubled,
}: DoorBlock): string {
  const { p50, p99 } = millisecondsOf(newest);
  const costs = `${usPerFrame.toFixed(1)} µs per frame, ${usPerToken.toFixed(1)} per token, ${(tokens / frames).toFixed(2)} tokens a frame`;
  const cores = `core ${core.toFixed(2)}, waited ${waited.toFixed(2)}, rig ${rigCore.toFixed(2)}`;
  return `${costs}, ${cores}, newest ${p50.toFixed(2)} / ${p99.toFixed(2)} ms, lost ${lost}, doubled ${doubled}`;
}

const perFrame = (blocks: readonly DoorBlock[]): number[] => blocks.map(({ usPerFrame }) => usPerFrame);
const perToken = (blocks: readonly DoorBlock[]): number[] => blocks.map(({ usPerToken }) => usPerToken);

/** CPU per frame ÷ another variant's of the same rounds; undefined when either did not run. */
function frameRatio(rounds: DoorRounds, ours: DoorVariant, referent: DoorVariant): Spread | undefined {
  const [left, right] = [rounds[ours], rounds[referent]];
  return left === undefined || right === undefined ? undefined : ratioSpread(perFrame(left), perFrame(right));
}

export function cellsOf(group: DoorGroup, rounds: DoorRounds): Cell[] {
  return (Object.keys(rounds) as DoorVariant[]).flatMap((variant) => {
    const blocks = rounds[variant];
    return blocks === undefined ? [] : [cell(group, { variant, blocks, rounds })];
  });
}

type Measured = { readonly variant: DoorVariant; readonly blocks: readonly DoorBlock[]; readonly rounds: DoorRounds };

function cell(group: DoorGroup, { variant, blocks, rounds }: Measured): Cell {
  const isOurs = variant !== 'nginx' && variant !== 'node-http';
  const referent = ['nginx', 'node-http'].find((name) => isOurs && rounds[name as DoorVariant] !== undefined);
  const ratio = referent === undefined ? undefined : frameRatio(rounds, variant, referent as DoorVariant);
  const naive = isOurs ? frameRatio(rounds, variant, 'node-http') : undefined;
  return cellOf({
    id: `${group.id}-${variant}`,
    sut: isOurs ? 'ours' : variant,
    referent: referent ?? null,
    ratio: ratio ?? null,
    cpuUsPerToken: spread(perToken(blocks)),
    newestMs: millisecondsOf(newestOf(blocks)),
    lost: sum(blocks.map(({ lost }) => lost)),
    doubled: sum(blocks.map(({ doubled }) => doubled)),
    stalls: sum(blocks.map(({ stalls }) => stalls)),
    rigCpu: largest(blocks.map(({ rigCore }) => rigCore)),
    rssMiB: largest(blocks.map(({ rssMiB }) => rssMiB)),
    writesPerTurn: writesOf(blocks),
    figures: {
      usPerFrame: spread(perFrame(blocks)),
      tokensPerFrame: spread(blocks.map(({ tokens, frames }) => tokens / frames)),
      core: spread(blocks.map(({ core }) => core)),
      ...waitedFigure(blocks),
      rateOfWanted: spread(blocks.map((block) => rateOf(group, block))),
      ...(naive === undefined ? {} : { frameRatioToNodeHttp: naive }),
    },
    notes: NOTES[variant],
  });
}

/** Largest of the rounds; null where it could not be counted. */
function writesOf(blocks: readonly DoorBlock[]): number | null {
  const counted = blocks.map(({ writesPerTurn }) => writesPerTurn).filter(Number.isFinite);
  return counted.length === 0 ? null : largest(counted);
}

function newestOf(blocks: readonly DoorBlock[]): Histogram {
  const all = new Histogram();
  for (const { newest } of blocks) all.add(newest);
  return all;
}

function rateOf({ streams }: DoorGroup, { tokens, seconds }: DoorBlock): number {
  return tokens / seconds / (streams * TOKENS_PER_SECOND);
}

/** Every goal that the group's variants decide (PERFORMANCE G1a, G1c, H9). */
export function goalsOf(group: DoorGroup, rounds: DoorRounds): Goal[] {
  const ratio = (id: string, limit: string, of: readonly [DoorVariant, DoorVariant, number]): Goal => {
    const [ours, referent, target] = of;
    const measured = frameRatio(rounds, ours, referent)?.median ?? null;
    return costAtMost(
      { id: `${group.id} ${id}`, limit, target, measured },
      isSound(group, [rounds[ours], rounds[referent]]),
    );
  };
  const ratios = [
    ratio('G1a nginx', 'SSE CPU per frame ÷ nginx ≤ 1.5', ['sse', 'nginx', 1.5]),
    ratio('G1a naive relay', 'SSE CPU per frame ÷ node:http relay ≤ 0.6', ['sse', 'node-http', 0.6]),
    ratio('G1c', 'WebSocket lanes CPU per frame ÷ nginx’s SSE ≤ 1', ['ws', 'nginx', 1]),
    ratio('H9 telemetry', 'SSE CPU per frame with telemetry ÷ without ≤ 1.03', ['sse', 'sse-untold', 1.03]),
  ];
  const hasReferents = rounds['node-http'] !== undefined;
  const delays = (['sse', 'ws'] as const).flatMap((variant) => delayGoals(group, variant, rounds[variant]));
  const all = Object.values(rounds).flat();
  const writes = (['sse', 'ws'] as const).map((variant) => {
    const measured = writesOf(rounds[variant] ?? []);
    return countAtMost({
      id: `${group.id} ${variant} writes`,
      limit: 'per loop turn and socket ≤ 1 (H7)',
      target: 1,
      measured,
    });
  });
  const measured = sum(all.map(({ lost, doubled }) => lost + doubled));
  return [
    ...(hasReferents ? ratios : delays),
    ...writes,
    countAtMost({ id: `${group.id} lost or doubled`, limit: '0', target: 0, measured }),
  ];
}

const NEWEST_P99_MS = 5;

/** So many streams are sustained when their rate is kept and their newest tokens are not late. */
function delayGoals(group: DoorGroup, variant: DoorVariant, blocks: readonly DoorBlock[] = []): Goal[] {
  if (blocks.length === 0) return [];
  const isSoundRig = blocks.every(isFree);
  const worst = spread(blocks.map(({ newest }) => millisecondsOf(newest).p99)).median;
  const shortfall = 1 - spread(blocks.map((block) => rateOf(group, block))).median;
  const id = `${group.id} ${variant}`;
  return [
    costAtMost(
      {
        id: `${id} newest p99`,
        limit: `≤ ${NEWEST_P99_MS} ms, median of rounds`,
        target: NEWEST_P99_MS,
        measured: worst,
      },
      isSoundRig,
    ),
    costAtMost(
      { id: `${id} shortfall`, limit: 'of the rate ≤ 1 %', target: 1 - RATE_MIN, measured: Math.max(0, shortfall) },
      isSoundRig,
    ),
  ];
}

/** A ratio says something where both sides had their core and kept the rate. */
function isSound(group: DoorGroup, sides: readonly (readonly DoorBlock[] | undefined)[]): boolean {
  return sides.every((blocks) => {
    return blocks?.every((block) => isFree(block) && rateOf(group, block) >= RATE_MIN) ?? false;
  });
}

/** Median of the rounds, where the kernel tells it. */
export function waitedFigure(blocks: readonly DoorBlock[]): { readonly waitedForCore?: Spread } {
  const told = blocks.map(({ waited }) => waited).filter(Number.isFinite);
  return told.length === 0 ? {} : { waitedForCore: spread(told) };
}

/** Neither the rig bound it, nor did other processes take its core. */
export function isFree({ rigCore, waited }: DoorBlock): boolean {
  return rigCore <= RIG_BOUND && !(waited > STARVED);
}
