import type { StoredPool } from '../facts.ts';
import { WORN_PERMILLE, type WaferState } from '../pool-state.ts';

type Fabric = StoredPool['spec']['fabric'];

/** Free neighbours in slot order; on a ring the last slot neighbours the first. */
type Run = readonly WaferState[];

/** Lengths of the runs of free slots. */
export function runLengths(fabric: Fabric, free: readonly WaferState[]): readonly number[] {
  return runs(fabric, free).map((run) => run.length);
}

/** Length of the longest run; 0 without any free wafer. */
export function largestRun(fabric: Fabric, free: readonly WaferState[]): number {
  return runs(fabric, free).reduce((most, run) => Math.max(most, run.length), 0);
}

/**
 * Wafers for a chain of this length in stage order (OPERATOR §9.4): any slots of a switched pool, whole racks before
 * halves; on a line or ring the best-fit run, at the end that has fewer worn wafers. Undefined when there is none.
 */
export function windowIn(
  fabric: Fabric,
  free: readonly WaferState[],
  wafers: number,
): readonly WaferState[] | undefined {
  if (free.length < wafers) return undefined;
  if (fabric.topology === 'Switched') return switchedWindow(fabric, free, wafers);
  const fitting = runs(fabric, free).filter((run) => run.length >= wafers);
  const best = fitting.toSorted((a, b) => leastWorn(a, wafers) - leastWorn(b, wafers) || a.length - b.length)[0];
  return best && endOf(best, wafers);
}

/** Wafers above the limit of wear. */
export function wornCount(wafers: readonly WaferState[]): number {
  return wafers.reduce((sum, wafer) => sum + (isWorn(wafer) ? 1 : 0), 0);
}

function isWorn({ defectPermille }: WaferState): boolean {
  return defectPermille > WORN_PERMILLE;
}

/** Both ends of the run are tried; equal ends give the lower one, so that holes stay on one side. */
function endOf(run: Run, wafers: number): Run {
  const low = run.slice(0, wafers);
  const high = run.slice(run.length - wafers);
  return wornCount(high) < wornCount(low) ? high : low;
}

function leastWorn(run: Run, wafers: number): number {
  return wornCount(endOf(run, wafers));
}

function runs(fabric: Fabric, free: readonly WaferState[]): readonly Run[] {
  const found: WaferState[][] = [];
  let last: WaferState[] = [];
  for (const wafer of free) {
    const before = last.at(-1);
    if (before === undefined || slotOf(before) !== slotOf(wafer) - 1) {
      last = [];
      found.push(last);
    }
    last.push(wafer);
  }
  return fabric.topology === 'Ring' ? joinedRing(fabric, found) : found;
}

/** The run at the end of a ring goes on at its beginning. */
function joinedRing({ slots }: Fabric, found: readonly Run[]): readonly Run[] {
  const [first] = found;
  const last = found.at(-1);
  if (first === undefined || last === undefined || first === last) return found;
  const [head] = first;
  const tail = last.at(-1);
  const wraps = head !== undefined && tail !== undefined && slotOf(head) === 0 && slotOf(tail) === slots - 1;
  return wraps ? [...found.slice(1, -1), [...last, ...first]] : found;
}

/**
 * Sound wafers before worn ones, then whole racks by their lowest slot, then the fullest of the broken racks. A chain
 * that needs only a part of the last whole rack takes broken ones for it where they suffice.
 */
function switchedWindow({ rackSize }: Fabric, free: readonly WaferState[], wafers: number): readonly WaferState[] {
  const sound = free.filter((wafer) => !isWorn(wafer));
  if (sound.length < wafers) {
    const worn = free.filter(isWorn).toSorted((a, b) => a.defectPermille - b.defectPermille || slotOf(a) - slotOf(b));
    return [...sound, ...worn.slice(0, wafers - sound.length)].toSorted((a, b) => slotOf(a) - slotOf(b));
  }
  const racks = racksOf(sound);
  const whole = racks.filter((rack) => rack.length >= rackSize);
  const broken = racks.filter((rack) => rack.length < rackSize).toSorted((a, b) => b.length - a.length);
  const taken = whole.slice(0, Math.floor(wafers / rackSize));
  const rest = wafers - taken.reduce((sum, rack) => sum + rack.length, 0);
  const left = [
    ...broken.filter((rack) => rack.length <= rest),
    ...whole.slice(taken.length),
    ...broken.filter((rack) => rack.length > rest),
  ];
  return [...taken.flat(), ...left.flat().slice(0, Math.max(0, rest))].slice(0, wafers);
}

function racksOf(free: readonly WaferState[]): readonly (readonly WaferState[])[] {
  const racks = new Map<string, WaferState[]>();
  for (const wafer of free) {
    const { rack } = wafer.wafer.spec;
    const known = racks.get(rack);
    if (known === undefined) racks.set(rack, [wafer]);
    else known.push(wafer);
  }
  return [...racks.values()];
}

function slotOf({ wafer }: WaferState): number {
  return wafer.spec.slot;
}

/** Edges of the closed ring whose ends stand in different racks (R3, R6). */
export function rackCrossings(chain: readonly WaferState[]): number {
  return chain.reduce((sum, { wafer }, index) => {
    const next = chain[(index + 1) % chain.length];
    return sum + (next !== undefined && next.wafer.spec.rack !== wafer.spec.rack ? 1 : 0);
  }, 0);
}
