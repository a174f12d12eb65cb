/**
 * Bench `link`: engine process to receiver process, no gateway.
 *
 * - `engine`: 1,000 streams × 1,947 tok/s. The same load into nothing, behind the driver and behind the host,
 *   gives the cost by part.
 * - `ratio`: the engine's one multiplexed stream beside a gRPC stream per session, both fed by the same simulator
 *   on the same wakes, 16 ms apart: the referent saturates its receiver below that (PERFORMANCE §2.1).
 */
import { limits } from '@reticle/proto/contract';
import type { BenchOptions } from '../command-line.ts';
import { costAtMost, countAtMost, type Cell, type Goal } from '../result.ts';
import { cellOf, largest, RIG_BOUND, sum, type Bench } from '../run.ts';
import { Histogram, millisecondsOf, ratioSpread, spread, type Spread } from '../statistics.ts';
import { runBlock, type Block, type BlockOrder } from './block.ts';
import type { EmitterPart } from './emitter-process.ts';

const STREAMS = 1_000;
const TOKENS_PER_SECOND = 1_947;
const RATIO_TOKENS_PER_SECOND = 1_000;
const RATIO_WINDOW_MS = 16;
const RATIO_SECONDS_MAX = 5;
const LINKS = 1;
const SETTLE_SECONDS = 1;

type Blocks = { readonly [Part in EmitterPart]: Block[] };

export const linkBench: Bench = async (options, say) => {
  const wanted = (id: string): boolean => options.only === undefined || id.startsWith(options.only);
  const cells: Cell[] = [];
  const goals: Goal[] = [];
  if (wanted('engine')) {
    const blocks = await engineBlocks(options, say);
    cells.push(...engineCells(blocks));
    goals.push(...engineGoals(blocks));
  }
  if (wanted('ratio')) {
    const blocks = await ratioBlocks(options, say);
    const cell = ratioCell(blocks);
    cells.push(cell);
    goals.push(...ratioGoals(blocks, cell));
  }
  return { cells, goals, skipped: [] };
};

function emptyBlocks(): Blocks {
  return { driver: [], host: [], engine: [], 'stream-per-session': [] };
}

async function interleaved(
  { rounds }: BenchOptions,
  parts: readonly EmitterPart[],
  order: Omit<BlockOrder, 'part' | 'warmSeconds' | 'streams'>,
  say: (text: string) => void,
): Promise<Blocks> {
  const blocks = emptyBlocks();
  // The host's rings grow until they hold their bound; only then is its cost the lasting one.
  const warmSeconds = limits.ringTokens / order.tokensPerSecond + SETTLE_SECONDS;
  for (let round = 1; round <= rounds; round += 1) {
    for (const part of parts) {
      const block = await runBlock({ ...order, part, streams: STREAMS, warmSeconds });
      blocks[part].push(block);
      const ends = [block.emitterUsPerToken, block.receiverUsPerToken].map((each) => each.toFixed(3)).join(' / ');
      say(`round ${round}/${rounds} ${part}: ${ends} µs per token (sender / receiver)`);
    }
  }
  return blocks;
}

function engineBlocks(options: BenchOptions, say: (text: string) => void): Promise<Blocks> {
  const order = { tokensPerSecond: TOKENS_PER_SECOND, windowMs: undefined, seconds: options.seconds };
  return interleaved(options, ['driver', 'host', 'engine'], order, say);
}

function ratioBlocks(options: BenchOptions, say: (text: string) => void): Promise<Blocks> {
  const seconds = Math.min(options.seconds, RATIO_SECONDS_MAX);
  const order = { tokensPerSecond: RATIO_TOKENS_PER_SECOND, windowMs: RATIO_WINDOW_MS, seconds };
  return interleaved(options, ['engine', 'stream-per-session', 'host', 'driver'], order, say);
}

const emitter = (block: Block): number => block.emitterUsPerToken;
const receiver = (block: Block): number => block.receiverUsPerToken;

/** Difference round by round. */
function less(left: readonly Block[], right: readonly Block[]): number[] {
  return left.map((block, round) => block.emitterUsPerToken - (right[round]?.emitterUsPerToken ?? NaN));
}

function rateErrorPercent({ tokens, seconds }: Block): number {
  return (tokens / seconds / (STREAMS * TOKENS_PER_SECOND) - 1) * 100;
}

function merged(blocks: readonly Block[]): Histogram {
  const all = new Histogram();
  for (const { newest } of blocks) all.add(newest);
  return all;
}

function partCell(id: string, blocks: readonly Block[]): Cell {
  return cellOf({
    id,
    sut: 'ours',
    cpuUsPerToken: spread(blocks.map(emitter)),
    lost: 0,
    doubled: 0,
    rigCpu: 0,
    rssMiB: largest(blocks.map((block) => block.emitterRssMiB)),
    figures: { core: spread(blocks.map((block) => block.emitterCore)) },
  });
}

function engineCells({ driver, host, engine }: Blocks): Cell[] {
  const figures = {
    receiverUsPerToken: spread(engine.map(receiver)),
    pumpAndTextUsPerToken: spread(driver.map(emitter)),
    hostLedgerUsPerToken: spread(less(host, driver)),
    emitAndLinkUsPerToken: spread(less(engine, host)),
    core: spread(engine.map((block) => block.emitterCore)),
    tokensPerSecond: spread(engine.map((block) => block.tokens / block.seconds)),
    rateErrorPercent: spread(engine.map(rateErrorPercent)),
    messagesPerWake: spread(engine.map((block) => block.frames / block.wakes)),
    splitsPerWake: spread(engine.map((block) => block.splits / block.wakes)),
    bytesPerToken: spread(engine.map((block) => block.bytes / block.tokens)),
    paceSlipSeconds: sum(engine.map((block) => block.paceSlipSeconds)),
  };
  const whole = cellOf({
    id: 'engine-1000x1947',
    sut: 'ours',
    cpuUsPerToken: spread(engine.map(emitter)),
    newestMs: millisecondsOf(merged(engine)),
    lost: sum(engine.map((block) => block.lost)),
    doubled: sum(engine.map((block) => block.doubled)),
    rigCpu: largest(engine.map((block) => block.receiverCore)),
    rssMiB: largest(engine.map((block) => block.emitterRssMiB)),
    figures,
    notes: [
      'CPU of the engine process; parts are differences of the cells below within a round',
      'newest: due time of a frame’s newest token to its arrival, checks of the frame included',
      'splitsPerWake: further messages of wakes above 65,536 tokens, which come after a stall of 33 ms or more',
    ],
  });
  return [whole, partCell('driver-1000x1947', driver), partCell('host-1000x1947', host)];
}

/** The least accurate round decides. */
function worstRateErrorPercent({ engine }: Blocks): number {
  return largest(engine.map((block) => Math.abs(rateErrorPercent(block))));
}

function engineGoals(blocks: Blocks): Goal[] {
  const { engine } = blocks;
  const rigBound = engine.some((block) => block.receiverCore > RIG_BOUND);
  const cost = (id: string, limit: string, target: number, measured: number): Goal =>
    costAtMost({ id, limit, target, measured }, !rigBound);
  const wrong = sum(engine.map(({ lost, doubled }) => lost + doubled));
  const perWake = spread(engine.map((block) => block.frames / block.wakes)).median;
  return [
    cost('engine CPU', '≤ 0.5 µs per token at 1,000 × 1,947 tok/s', 0.5, spread(engine.map(emitter)).median),
    cost('rate error', '≤ 0.5 %, worst round', 0.5, worstRateErrorPercent(blocks)),
    countAtMost({ id: 'lost, doubled or altered', limit: '0', target: 0, measured: wrong }),
    // Sender and receiver are read a moment apart: a hundredth of slack is not a second message.
    countAtMost({ id: 'messages per wake', limit: `≤ links (${LINKS})`, target: LINKS * 1.01, measured: perWake }),
    cost('G1d receiver', '≤ 0.15 µs per token, checks included', 0.15, spread(engine.map(receiver)).median),
  ];
}

function bothEnds(blocks: readonly Block[]): number[] {
  return blocks.map((block) => block.emitterUsPerToken + block.receiverUsPerToken);
}

/** What the transport adds to its source, both ends. */
function transport(blocks: readonly Block[], source: readonly Block[]): number[] {
  return less(blocks, source).map((emit, round) => emit + (blocks[round]?.receiverUsPerToken ?? NaN));
}

function transportRatio({ engine, host, driver, 'stream-per-session': referent }: Blocks): Spread {
  return ratioSpread(transport(engine, host), transport(referent, driver));
}

function ratioCell(blocks: Blocks): Cell {
  const { engine, 'stream-per-session': referent } = blocks;
  const both = [...engine, ...referent];
  return cellOf({
    id: `ratio-1000x1000-w${RATIO_WINDOW_MS}`,
    sut: 'ours',
    referent: 'grpcjs-stream-per-session',
    cpuUsPerToken: spread(bothEnds(engine)),
    ratio: ratioSpread(bothEnds(engine), bothEnds(referent)),
    newestMs: millisecondsOf(merged(engine)),
    lost: sum(both.map((block) => block.lost)),
    doubled: sum(both.map((block) => block.doubled)),
    rigCpu: largest(both.map((block) => block.receiverCore)),
    rssMiB: largest(engine.map((block) => block.emitterRssMiB)),
    figures: {
      referentUsPerToken: spread(bothEnds(referent)),
      senderRatio: ratioSpread(engine.map(emitter), referent.map(emitter)),
      receiverRatio: ratioSpread(engine.map(receiver), referent.map(receiver)),
      transportRatio: transportRatio(blocks),
      senderUsPerToken: spread(engine.map(emitter)),
      receiverUsPerToken: spread(engine.map(receiver)),
      referentSenderUsPerToken: spread(referent.map(emitter)),
      referentReceiverUsPerToken: spread(referent.map(receiver)),
      tokensPerMessage: spread(engine.map((block) => block.tokens / block.frames)),
      referentTokensPerMessage: spread(referent.map((block) => block.tokens / block.frames)),
    },
    notes: [
      'both ends; ours holds the simulator and the host ledger, the referent the simulator alone',
      'transportRatio: both without their source (the host into nothing, the driver into nothing) of the same round',
    ],
  });
}

function ratioGoals(blocks: Blocks, cell: Cell): Goal[] {
  const measured = cell.ratio?.median ?? null;
  const net = transportRatio(blocks).median;
  const ends = 'CPU per token ÷ stream per session, both ends';
  const decidable = !cell.rigBound;
  return [
    costAtMost({ id: 'C2', limit: `${ends} ≤ 0.35`, target: 0.35, measured }, decidable),
    costAtMost({ id: 'C2 transport alone', limit: '≤ 0.35', target: 0.35, measured: net }, decidable),
    costAtMost({ id: 'G1d transport alone', limit: '≤ 0.2', target: 0.2, measured: net }, decidable),
  ];
}
