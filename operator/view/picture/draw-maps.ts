import { mapLegend, type PoolMap, type SlotMark } from './pool-map.ts';

/** Slots of one line, in groups: 64 with their number fit 80 columns. */
const LINE_SLOTS = 64;
const GROUP_SLOTS = 8;

/** Pools as lines of text, the legend last. Nothing for no pool. */
export function drawMaps(maps: readonly PoolMap[]): readonly string[] {
  if (maps.length === 0) return [];
  return [...maps.flatMap((map) => [...drawMap(map), '']), mapLegend];
}

function drawMap(map: PoolMap): readonly string[] {
  const { pool, region, hall, topology, slots, counts } = map;
  const { claimed, free, spare, faulty, total } = counts;
  const figures = [
    `${claimed} in chains`,
    `${free} free`,
    `${spare} spare`,
    ...(faulty === 0 ? [] : [`${faulty} faulty`]),
  ];
  const head = `${pool}  ${region}, hall ${hall}, ${topology}, ${total} wafers in ${slots} slots: ${figures.join(', ')}`;
  const closed = map.service === 'Open' ? [] : [`  ${map.service}: ${map.serviceReason ?? ''}`];
  return [head, ...closed, ...rows(map.marks), ...map.chains.map(drawChain), ...faults(map.marks)];
}

function rows(marks: readonly SlotMark[]): readonly string[] {
  const lines: string[] = [];
  for (let from = 0; from < marks.length; from += LINE_SLOTS) {
    const line = marks.slice(from, from + LINE_SLOTS).map(({ mark }) => mark);
    const groups: string[] = [];
    for (let at = 0; at < line.length; at += GROUP_SLOTS) groups.push(line.slice(at, at + GROUP_SLOTS).join(''));
    lines.push(`  ${String(from).padStart(3)}  ${groups.join(' ')}`);
  }
  return lines;
}

function drawChain({ letter, replica, wafers, streams, tokensPerSecond }: PoolMap['chains'][number]): string {
  const speed = tokensPerSecond === undefined ? '' : `, ${streams ?? 0} streams at ${tokensPerSecond} tok/s`;
  return `    ${letter}  ${replica}  ${wafers} wafers${speed}`;
}

/** At most this many faulty wafers are named. */
const FAULTS_MAX = 8;

function faults(marks: readonly SlotMark[]): readonly string[] {
  const faulty = marks.filter(({ fault }) => fault !== undefined);
  const named = faulty
    .slice(0, FAULTS_MAX)
    .map(({ slot, wafer = '', fault = '' }) => `    slot ${slot}  ${wafer}  ${fault}`);
  const more = faulty.length - named.length;
  return more > 0 ? [...named, `    and ${more} more`] : named;
}
