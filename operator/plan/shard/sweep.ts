import { kvTokensPooled, streamsFitting } from '@reticle/core/domain/wafer';
import type { ChainMemo } from './chain-memo.ts';
import { isSufficient, shardedChain, type ShardedChain, type ShardRequest } from './sharded-chain.ts';

/*
 * S sweep of WAFER §7: the chain length that serves most users of the pools it may use.
 *
 *   score(S) = Σ_pools ⌊(slots − minHot)/S⌋ · N(S)      ties to the smaller S
 *
 * A partition costs milliseconds and a sweep has tens of them, so lengths are tried by falling upper bound: K_pooled
 * bounds K_staged (WAFER §5.5), hence N. The search ends where no bound is above the best score found.
 *
 * Lengths that keep the floor with all the streams they hold come first; only where there is none, one is taken
 * that keeps it with fewer streams.
 */

/** What the sweep needs of a pool. */
export type PoolSize = { readonly slots: number; readonly minHot: number };

type Candidate = { readonly wafers: number; readonly bound: number };

/** The best sufficient length, or undefined when no length from 1 to min(L, slots − spares) is sufficient. */
export function sweep(request: ShardRequest, pools: readonly PoolSize[], memo: ChainMemo): ShardedChain | undefined {
  const search = { request, pools, memo, lengths: candidates(request, pools) };
  return bestOf(search, (chain) => !chain.floorLowers) ?? bestOf(search, () => true);
}

type Search = {
  readonly request: ShardRequest;
  readonly pools: readonly PoolSize[];
  readonly memo: ChainMemo;
  readonly lengths: readonly Candidate[];
};

type Scored = { readonly chain: ShardedChain; readonly score: number };

function bestOf(
  { request, pools, memo, lengths }: Search,
  admits: (chain: ShardedChain) => boolean,
): ShardedChain | undefined {
  let best: Scored | undefined;
  for (const { wafers, bound } of lengths) {
    if (best !== undefined && bound < best.score) break;
    const chain = chainOf(request, wafers, memo);
    if (chain === undefined || !isSufficient(request, chain) || !admits(chain)) continue;
    const found = { chain, score: chainsIn(pools, wafers) * chain.streams };
    if (best === undefined || isBetter(found, best)) best = found;
  }
  return best?.chain;
}

function isBetter(found: Scored, best: Scored): boolean {
  return found.score > best.score || (found.score === best.score && found.chain.wafers < best.chain.wafers);
}

/** The chain of so many undamaged wafers; `undefined` when no assignment of whole layers fits. */
export function chainOf(request: ShardRequest, wafers: number, memo: ChainMemo): ShardedChain | undefined {
  const plan = memo.plan(request.geometry, request.profile, wafers);
  return plan && shardedChain(request, plan);
}

/** Σ_pools ⌊(slots − minHot)/S⌋: chains that the pools hold when nothing else stands in them (R7). */
export function chainsIn(pools: readonly PoolSize[], wafers: number): number {
  return pools.reduce((sum, { slots, minHot }) => sum + Math.floor(Math.max(0, slots - minHot) / wafers), 0);
}

/** Most wafers that a chain may have: one layer each, and the room of the largest pool. */
export function longestChain(request: ShardRequest, pools: readonly PoolSize[]): number {
  const room = pools.reduce((most, { slots, minHot }) => Math.max(most, slots - minHot), 0);
  return Math.min(request.geometry.layers, room);
}

function candidates(request: ShardRequest, pools: readonly PoolSize[]): readonly Candidate[] {
  const longest = longestChain(request, pools);
  return Array.from({ length: Math.max(0, longest) }, (_, index) => {
    const wafers = index + 1;
    return { wafers, bound: chainsIn(pools, wafers) * streamsBound(request, wafers) };
  }).toSorted((a, b) => b.bound - a.bound || a.wafers - b.wafers);
}

/**
 * Upper bound of N. The pooled figure counts all weights of the checkpoint, a staged chain its layers and ends, which
 * may be less by what the checkpoint holds besides; the lesser of the two keeps the bound a bound.
 */
function streamsBound(request: ShardRequest, wafers: number): number {
  const { geometry, profile } = request;
  const layerBytes = geometry.layerRuns.reduce((sum, run) => sum + run.count * run.weightBytes, 0);
  const weightBytes = Math.min(geometry.weightBytes, layerBytes);
  const pooled = kvTokensPooled({ geometry: { ...geometry, weightBytes }, profile, wafers });
  return streamsFitting(pooled, request.contextTokensMean, request);
}
