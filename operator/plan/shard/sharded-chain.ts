import { evaluatePlan, streamsFitting, type ChainPlan } from '@reticle/core/domain/wafer';
import type { ModelGeometry, WaferProfile } from '@reticle/core/domain/wafer';

/** What a chain is cut for: a model on a wafer class, the context it serves, and what a tier is promised. */
export type ShardRequest = {
  readonly geometry: ModelGeometry;
  readonly profile: WaferProfile;
  /** Bits that the geometry's bytes were counted with. */
  readonly weightBits: number;
  readonly kvBits: number;
  /** Longest context of the model; a chain holds at least one such session (OPERATOR §9.2). */
  readonly contextTokensMax: number;
  /** x: mean context of the streams. */
  readonly contextTokensMean: number;
  /** Turns that must run at once. */
  readonly streams: number;
  /** Of one stream; the highest floor of the deployment's tiers. */
  readonly floorTokensPerSecond: number;
};

/** A chain of so many wafers with what it promises. */
export type ShardedChain = {
  readonly wafers: number;
  readonly plan: ChainPlan;
  /** N: most streams of the mean context that fit and keep the floor; 0 when not one does. */
  readonly streams: number;
  /** True when more streams fit than keep the floor: part of the KV is bought in vain. */
  readonly floorLowers: boolean;
  /** Of one stream when N run; of a lone stream when N is 0. */
  readonly tokensPerSecond: number;
};

/** What this chain promises for this request. */
export function shardedChain(request: ShardRequest, plan: ChainPlan): ShardedChain {
  const fitting = streamsFitting(Math.max(0, plan.kvTokens), request.contextTokensMean, plan);
  const streams = streamsAtFloor(request, plan, fitting);
  const tokensPerSecond = rateAt(request, plan, Math.max(1, streams));
  return { wafers: plan.stages.length, plan, streams, floorLowers: streams < fitting, tokensPerSecond };
}

/** Tokens per second of one stream when so many run at the mean context. */
export function rateAt(request: ShardRequest, plan: ChainPlan, streams: number): number {
  return evaluatePlan(plan, { streams, meanContextTokens: request.contextTokensMean }).tokensPerSecond;
}

/** N = min(⌊K/x⌋, b_max·L), lowered to where the rate keeps the floor: the rate never rises with N (WAFER §5.2). */
function streamsAtFloor(request: ShardRequest, plan: ChainPlan, fitting: number): number {
  let low = 0;
  let high = fitting;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (rateAt(request, plan, middle) >= request.floorTokensPerSecond) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Whether a chain holds a session of the model's full context and so many streams at the floor. */
export function isSufficient(request: ShardRequest, chain: ShardedChain): boolean {
  return chain.plan.kvTokens >= request.contextTokensMax && chain.streams >= request.streams;
}
