import { assert } from '../assert.ts';
import type { ModelGeometry } from './geometry.ts';
import { usableBytes } from './memory.ts';
import type { WaferProfile } from './profile.ts';

/*
 * R1 of WAFER §7: the layer is the unit. A chain is S wafers in order; stage s holds the layers [i, j).
 *
 *   K(i,j,s) = ⌊(C_s(1−r) − Σw_{i..j} − ends − drafter) / Σκ⌋, −1 if the weights overflow
 *   pass 1     B[s][j] = max_i min(B[s−1][i], K(i,j,s))           the best weakest stage
 *   pass 2     D[s][j] = min_i D[s−1][i] + (j−i)²  with K(i,j,s) ≥ B[S][L]
 *
 * Ties of pass 2 go to the smallest start index, last stage first: the scan runs down and an equal sum
 * replaces. The embedding is on stage 0, the head and the drafter on stage S−1 (R3, R4). O(L²·S), less by the
 * scans' early ends: K never rises as a stage grows.
 */

/** A wafer's part of a chain. */
export type Stage = {
  readonly firstLayer: number;
  readonly layers: number;
  /** Layers, ends and drafter. */
  readonly weightBytes: number;
  /** κ_s: layers and drafter. */
  readonly kvBytesPerToken: number;
  /** Context tokens whose KV fits beside these weights. */
  readonly kvTokens: number;
};

/** Contiguous stages that cover every layer once. */
export type Partition = {
  readonly stages: readonly Stage[];
  /** K_staged: the weakest stage's tokens, the capacity of the chain. */
  readonly kvTokens: number;
};

type Problem = {
  readonly geometry: ModelGeometry;
  /** C_s(1−r) of each wafer in chain order. */
  readonly usable: readonly number[];
  /** Sums over the layers before each index. */
  readonly weightBefore: Float64Array;
  readonly kvBefore: Float64Array;
};

/** A cell of a table: stage s ends before layer `to`; `before` is the row of stage s−1. */
type RowCell = { readonly s: number; readonly to: number; readonly before: Float64Array };

/**
 * Best partition of a model over wafers with these usable bytes, in chain order: the most context tokens, then the
 * least step time. `undefined` when no assignment of whole layers fits.
 */
export function partition(geometry: ModelGeometry, usable: readonly number[]): Partition | undefined {
  assert(usable.length > 0, 'a chain has at least one wafer');
  if (usable.length > geometry.layers) return undefined;
  const problem = problemOf(geometry, usable);
  const kvTokens = bestKvTokens(problem);
  if (kvTokens < 0) return undefined;
  const starts = leastSquareStarts(problem, kvTokens);
  const stages = starts.map((from, s) => stageOf(problem, s, from, starts[s + 1] ?? geometry.layers));
  return { stages, kvTokens };
}

/** Fewest whole wafers whose partition holds so many context tokens; `undefined` when one layer per wafer does not. */
export function wafersNeeded(
  geometry: ModelGeometry,
  profile: WaferProfile,
  contextTokens: number,
): number | undefined {
  const usable = usableBytes(profile.hardware);
  for (let wafers = 1; wafers <= geometry.layers; wafers += 1) {
    const chain = Array.from({ length: wafers }, () => usable);
    if (bestKvTokens(problemOf(geometry, chain)) >= contextTokens) return wafers;
  }
  return undefined;
}

function problemOf(geometry: ModelGeometry, usable: readonly number[]): Problem {
  const weightBefore = new Float64Array(geometry.layers + 1);
  const kvBefore = new Float64Array(geometry.layers + 1);
  let layer = 0;
  for (const run of geometry.layerRuns) {
    for (let i = 0; i < run.count; i += 1) {
      weightBefore[layer + 1] = at(weightBefore, layer) + run.weightBytes;
      kvBefore[layer + 1] = at(kvBefore, layer) + run.kvBytesPerToken;
      layer += 1;
    }
  }
  return { geometry, usable, weightBefore, kvBefore };
}

function stageOf(problem: Problem, s: number, from: number, to: number): Stage {
  return {
    firstLayer: from,
    layers: to - from,
    weightBytes: weightBytesOf(problem, s, from, to),
    kvBytesPerToken: kvBytesOf(problem, s, from, to),
    kvTokens: kvTokensOf(problem, s, from, to),
  };
}

/** K(i,j,s). It never rises as a stage grows. */
function kvTokensOf(problem: Problem, s: number, from: number, to: number): number {
  const room = at(problem.usable, s) - weightBytesOf(problem, s, from, to);
  return room < 0 ? -1 : Math.floor(room / kvBytesOf(problem, s, from, to));
}

function weightBytesOf(problem: Problem, s: number, from: number, to: number): number {
  const { weightBefore, geometry, usable } = problem;
  const drafterBytes = s === usable.length - 1 ? geometry.drafter.weightBytes : 0;
  return at(weightBefore, to) - at(weightBefore, from) + endBytesOn(problem, s) + drafterBytes;
}

function kvBytesOf({ kvBefore, geometry, usable }: Problem, s: number, from: number, to: number): number {
  const drafterBytes = s === usable.length - 1 ? geometry.drafter.kvBytesPerToken : 0;
  return at(kvBefore, to) - at(kvBefore, from) + drafterBytes;
}

/** Embedding first, head last; a single wafer needs one copy of tied ends, a chain one at each end (R3). */
function endBytesOn({ geometry, usable }: Problem, s: number): number {
  const first = s === 0 ? geometry.endBytes : 0;
  const last = s === usable.length - 1 ? geometry.endBytes : 0;
  return geometry.tiedEmbeddings && usable.length === 1 ? first : first + last;
}

/** Pass 1: B[S][L]. Row s holds the best over all ways to put the layers [0, j) on the stages 0..s. */
function bestKvTokens(problem: Problem): number {
  const { layers } = problem.geometry;
  const stages = problem.usable.length;
  let before = new Float64Array(layers + 1).fill(-1);
  before[0] = Number.POSITIVE_INFINITY;
  for (let s = 0; s < stages; s += 1) {
    const row = new Float64Array(layers + 1).fill(-1);
    for (let to = s + 1; to <= layers - (stages - 1 - s); to += 1) {
      row[to] = bestEnd(problem, { s, to, before });
    }
    before = row;
  }
  return at(before, layers);
}

function bestEnd(problem: Problem, { s, to, before }: RowCell): number {
  let best = -1;
  for (let from = to - 1; from >= s; from -= 1) {
    const kvTokens = kvTokensOf(problem, s, from, to);
    if (kvTokens <= best) break;
    best = Math.max(best, Math.min(at(before, from), kvTokens));
  }
  return best;
}

/** Pass 2: start index of each stage. */
function leastSquareStarts(problem: Problem, kvTokens: number): number[] {
  const { layers } = problem.geometry;
  const chosen: Int32Array[] = [];
  let before = new Float64Array(layers + 1).fill(Number.POSITIVE_INFINITY);
  before[0] = 0;
  for (let s = 0; s < problem.usable.length; s += 1) {
    const row = new Float64Array(layers + 1).fill(Number.POSITIVE_INFINITY);
    const starts = new Int32Array(layers + 1);
    for (let to = s + 1; to <= layers; to += 1) {
      const best = leastSquareEnd(problem, { s, to, before }, kvTokens);
      row[to] = best.sum;
      starts[to] = best.from;
    }
    chosen.push(starts);
    before = row;
  }
  assert(at(before, layers) < Number.POSITIVE_INFINITY, 'pass 2 reaches what pass 1 found');
  let to = layers;
  const starts = chosen.toReversed().map((row) => (to = at(row, to)));
  return starts.toReversed();
}

function leastSquareEnd(
  problem: Problem,
  { s, to, before }: RowCell,
  kvTokens: number,
): { readonly sum: number; readonly from: number } {
  let best = { sum: Number.POSITIVE_INFINITY, from: 0 };
  for (let from = to - 1; from >= s; from -= 1) {
    if (kvTokensOf(problem, s, from, to) < kvTokens) break;
    const sum = at(before, from) + (to - from) ** 2;
    if (sum <= best.sum) best = { sum, from };
  }
  return best;
}

function at(values: ArrayLike<number>, index: number): number {
  const value = values[index];
  assert(value !== undefined, 'index inside the table');
  return value;
}
