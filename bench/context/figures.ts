import { costAtMost, countAtMost, type Cell, type Goal } from '../result.ts';
import { wireNotes, type WireName } from '../rig/wired-platform.ts';
import { cellOf, largest } from '../run.ts';
import { percentile, ratioSpread, spread } from '../statistics.ts';
import type { ContextWay } from './client-process.ts';

export type ContextPoint = {
  readonly wire: WireName;
  /** Thousands of tokens before the turns that are measured. */
  readonly thousands: number;
  readonly way: ContextWay;
};

/** One point in one round. */
export type ContextBlock = {
  /** Of each turn: send to end, without what the engine took to its only row. */
  readonly overheadMicros: readonly number[];
  readonly requestBytes: number;
  /** CPU of a turn. */
  readonly gatewayUs: number;
  readonly engineUs: number;
  readonly rigCore: number;
  readonly rssMiB: number;
};

export type ContextResult = ContextPoint & { readonly blocks: readonly ContextBlock[] };

/** PERFORMANCE G4. */
const SLOPE_MAX = 1.1;
const OVERHEAD_SHARE_MAX = 0.05;
const TIME_SHARE_MAX = 0.15;
const [SHORT, LONG] = [1, 128];

const NOTES: Readonly<Record<ContextWay, string>> = {
  session: 'a WebSocket that is kept; a turn brings its message and the id of the response before',
  'kept-id': 'HTTP on a connection that is kept, with the id of the response before',
  'kept-full': 'HTTP on a connection that is kept; every turn brings the whole conversation',
  'fresh-full': 'HTTP on a connection of its own for each turn, which brings the whole conversation',
};
export function nameOf({ wire, thousands, way }: ContextPoint): string {
  return `${wire}-${thousands}k-${way}`;
}

const timeOf = ({ overheadMicros }: ContextBlock): number => percentile(overheadMicros, 0.5) / 1000;
const gatewayOf = ({ gatewayUs }: ContextBlock): number => gatewayUs;
const bytesOf = ({ requestBytes }: ContextBlock): number => requestBytes;

export function lineOf(block: ContextBlock): string {
  const { gatewayUs, engineUs, requestBytes } = block;
  return `${timeOf(block).toFixed(2)} ms, gateway ${gatewayUs.toFixed(0)} µs, engine ${engineUs.toFixed(0)} µs, ${requestBytes} bytes a turn`;
}

type Of = (block: ContextBlock) => number;
type Place = readonly [ContextPoint['wire'], number, ContextWay];

/** Median over rounds of one point's figure ÷ another's of the same round; undefined when either did not run. */
function ratio(results: readonly ContextResult[], of: Of, [left, right]: readonly [Place, Place]) {
  const [own, other] = [left, right].map(([wire, thousands, way]) => {
    const found = results.find((each) => nameOf(each) === nameOf({ wire, thousands, way }));
    return found === undefined || found.blocks.length === 0 ? undefined : found.blocks.map(of);
  });
  return own === undefined || other === undefined ? undefined : ratioSpread(own, other);
}

export function contextCells(results: readonly ContextResult[]): Cell[] {
  return results.filter(({ blocks }) => blocks.length > 0).map((result) => cell(results, result));
}

function cell(results: readonly ContextResult[], result: ContextResult): Cell {
  const { blocks, wire, thousands, way } = result;
  const own: Place = [wire, thousands, way];
  const others = (['kept-id', 'kept-full', 'fresh-full'] as const).flatMap((other) => {
    const times = way === 'session' ? ratio(results, timeOf, [own, [wire, thousands, other]]) : undefined;
    return times === undefined ? [] : [[`timeRatioTo-${other}`, times] as const];
  });
  const all = blocks.flatMap(({ overheadMicros }) => overheadMicros);
  return cellOf({
    id: nameOf(result),
    sut: 'ours',
    lost: 0,
    doubled: 0,
    rigCpu: largest(blocks.map(({ rigCore }) => rigCore)),
    rssMiB: largest(blocks.map(({ rssMiB }) => rssMiB)),
    figures: {
      overheadMs: spread(blocks.map(timeOf)),
      overheadMsP99: percentile(all, 0.99) / 1000,
      gatewayUsPerTurn: spread(blocks.map(gatewayOf)),
      engineUsPerTurn: spread(blocks.map(({ engineUs }) => engineUs)),
      requestBytes: largest(blocks.map(bytesOf)),
      turns: all.length,
      ...Object.fromEntries(others),
    },
    notes: [NOTES[way], ...wireNotes[wire]],
  });
}

export function contextGoals(results: readonly ContextResult[]): Goal[] {
  const cost = (id: string, limit: string, [of, target, ...places]: readonly [Of, number, Place, Place]): Goal => {
    const measured = ratio(results, of, places)?.median ?? null;
    return costAtMost({ id, limit, target, measured }, true);
  };
  const near: Place = ['loopback', LONG, 'session'];
  const far: Place = ['rtt20', LONG, 'session'];
  const start: Place = ['loopback', SHORT, 'session'];
  const growth = ratio(results, bytesOf, [near, start]);
  const places = `${LONG}k ÷ ${SHORT}k`;
  return [
    cost('G4 slope CPU', `gateway CPU of a session’s turn, ${places} ≤ ${SLOPE_MAX}`, [
      gatewayOf,
      SLOPE_MAX,
      near,
      start,
    ]),
    cost('G4 slope time', `non-model time of a session’s turn, ${places} ≤ ${SLOPE_MAX}`, [
      timeOf,
      SLOPE_MAX,
      near,
      start,
    ]),
    cost('G4 overhead', `gateway CPU of a turn at ${LONG}k, session ÷ full resend ≤ ${OVERHEAD_SHARE_MAX}`, [
      gatewayOf,
      OVERHEAD_SHARE_MAX,
      near,
      ['loopback', LONG, 'kept-full'],
    ]),
    cost('G4 time', `non-model time at ${LONG}k and 20 ms, session ÷ new connection ≤ ${TIME_SHARE_MAX}`, [
      timeOf,
      TIME_SHARE_MAX,
      far,
      ['rtt20', LONG, 'fresh-full'],
    ]),
    cost('G4 time without slow start', `the same on a wire without slow start ≤ ${TIME_SHARE_MAX}`, [
      timeOf,
      TIME_SHARE_MAX,
      far,
      ['rtt20-open', LONG, 'fresh-full'],
    ]),
    countAtMost({
      id: 'C4 bytes',
      limit: `bytes of a session’s turn, ${places} ≤ 1`,
      target: 1,
      measured: growth?.median ?? null,
    }),
  ];
}
