import type { DoorBlock } from '../door/block.ts';
import { isFree, waitedFigure } from '../door/figures.ts';
import type { DoorTransport } from '../rig/door-client-process.ts';
import { costAtMost, countAtMost, type Cell, type Goal } from '../result.ts';
import { cellOf, largest, sum } from '../run.ts';
import { Histogram, millisecondsOf, percentile, spread } from '../statistics.ts';

export type Ways<Value> = Readonly<Record<DoorTransport, Value>>;

export type AddedRounds = {
  readonly id: string;
  /** One block of each round. */
  readonly streams: Ways<readonly DoorBlock[]>;
  /** Of each round: µs of each turn from its send to its first token, without the engine's own. */
  readonly turns: Ways<readonly (readonly number[])[]>;
};

const VIA = ['sse', 'websocket'] as const;
/** PERFORMANCE G3. */
const TTFT_US_MAX = 200;
const NEWEST_P50_US_MAX = 50;
const NEWEST_P99_US_MAX = 1_000;

const NOTES: Ways<readonly string[]> = {
  link: ['the engine’s link read by the rig itself; the gateway is up and carries nothing'],
  sse: ['through the gateway; added: percentile of the round less that of the same round’s link, median of rounds'],
  websocket: ['through the gateway, 8 lanes of one WebSocket'],
};

export function lineOf({ newest, stalls, waited, rigCore, lost, doubled }: DoorBlock): string {
  const { p50, p99 } = millisecondsOf(newest);
  const rig = `waited ${waited.toFixed(2)}, rig ${rigCore.toFixed(2)}`;
  return `newest ${p50.toFixed(3)} / ${p99.toFixed(3)} ms, stalls ${stalls}, ${rig}, lost ${lost}, doubled ${doubled}`;
}

/** Median over rounds of via − direct, both of one round. */
function added<Value>(via: readonly Value[], direct: readonly Value[], figure: (value: Value) => number): number {
  return spread(via.map((each, round) => figure(each) - figure(direct[round] as Value))).median;
}

const newestUs =
  (fraction: number) =>
  ({ newest }: DoorBlock): number =>
    newest.percentile(fraction);

const turnUs =
  (fraction: number) =>
  (micros: readonly number[]): number =>
    percentile(micros, fraction);

export function addedCells(rounds: AddedRounds): Cell[] {
  return (Object.keys(rounds.streams) as DoorTransport[]).map((way) => cell(rounds, way));
}

function cell({ id, streams, turns }: AddedRounds, way: DoorTransport): Cell {
  const blocks = streams[way];
  const newest = new Histogram();
  for (const block of blocks) newest.add(block.newest);
  const firsts = turns[way].flat();
  const over = {
    addedNewestUsP50: added(blocks, streams.link, newestUs(0.5)),
    addedNewestUsP99: added(blocks, streams.link, newestUs(0.99)),
    addedFirstTokenUsP50: added(turns[way], turns.link, turnUs(0.5)),
    addedFirstTokenUsP99: added(turns[way], turns.link, turnUs(0.99)),
  };
  return cellOf({
    id: `${id}-${way}`,
    sut: way === 'link' ? 'engine-link' : 'ours',
    referent: way === 'link' ? null : 'engine-link',
    newestMs: millisecondsOf(newest),
    lost: sum(blocks.map(({ lost }) => lost)),
    doubled: sum(blocks.map(({ doubled }) => doubled)),
    stalls: sum(blocks.map(({ stalls }) => stalls)),
    rigCpu: largest(blocks.map(({ rigCore }) => rigCore)),
    rssMiB: largest(blocks.map(({ rssMiB }) => rssMiB)),
    figures: {
      firstTokenUsP50: percentile(firsts, 0.5),
      firstTokenUsP99: percentile(firsts, 0.99),
      ...(way === 'link' ? {} : over),
      ...waitedFigure(blocks),
      turnsAbove30Ms: stalled(firsts),
      turns: firsts.length,
    },
    notes: NOTES[way],
  });
}

/** Requests that a delayed acknowledgement held up, on their way in or out. */
function stalled(micros: readonly number[]): number {
  return micros.filter((each) => each > 30_000).length;
}

export function addedGoals({ id, streams, turns }: AddedRounds): Goal[] {
  const all = Object.values(streams).flat();
  const isSound = all.every(isFree);
  const wrong = sum(all.map(({ lost, doubled }) => lost + doubled));
  const goal = (id: string, limit: string, [target, measured]: readonly [number, number]): Goal =>
    costAtMost({ id, limit, target, measured }, isSound);
  return [
    ...VIA.flatMap((way) => {
      const [own, direct, name] = [streams[way], streams.link, `${id} ${way}`];
      return [
        goal(`${name} first token p50`, 'added ≤ 200 µs', [TTFT_US_MAX, added(turns[way], turns.link, turnUs(0.5))]),
        goal(`${name} newest p50`, 'added ≤ 50 µs', [NEWEST_P50_US_MAX, added(own, direct, newestUs(0.5))]),
        goal(`${name} newest p99`, 'added ≤ 1,000 µs', [NEWEST_P99_US_MAX, added(own, direct, newestUs(0.99))]),
        goal(`${name} stalls out`, 'frames under way for above 30 ms: 0', [0, sum(own.map(({ stalls }) => stalls))]),
        goal(`${name} stalls in`, 'first tokens after above 30 ms: 0', [0, stalled(turns[way].flat())]),
      ];
    }),
    countAtMost({ id: `${id} lost or doubled`, limit: '0', target: 0, measured: wrong }),
  ];
}
