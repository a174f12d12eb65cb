import { assertNever } from '../assert.ts';
import {
  activePerLayer,
  attentionFlop,
  bytesPerParameter,
  kvBytesPerToken,
  prefillClass,
  type ModelGeometry,
} from './geometry.ts';
import type { Placement } from './memory.ts';
import { HIDDEN_UNIT, type StepRule, type WaferProfile } from './profile.ts';
import { speculation } from './speculation.ts';

/*
 * Latency model of WAFER §5.2 and §5.5; times in µs.
 *
 *   t_net  = τ0 + τ1·d/4096              t_w   = (A/L)·B/(BW·share)
 *   t_attn = x·max((κ/L)/(BW·share), φ/(F·share·η_a))
 *   t_mac  = 2·(A/L)/(F·share·η_m)       b     = max(1, N/L)
 *   t_l    = f_s·[max(t_net, t_w) + b·t_attn + (b−1)·t_mac]
 *   T_step = max(Σ_l t_l, min(N, L)·max_l t_l) + Σ hops + t_host (+ 2·L·t_hop when layers are split)
 *
 * share is 1/n_s on a planned stage and min(1, S/L) in the closed form. Both are a `ChainCost`: S stages with their
 * own share, or one stage that stands for all L layers. Everything below reads a `ChainCost` only.
 */

/** What one layer of a stage costs, and what its wafer holds. */
export type StageCost = {
  /** Layers that cost this. */
  readonly layers: number;
  readonly netUs: number;
  readonly weightUs: number;
  /** t_attn of one stream per context token. */
  readonly attentionUsPerToken: number;
  /** t_mac: one more stream in the same layer. */
  readonly marginalUs: number;
  /** Prefill of one token: GEMM, and attention per token of context before it. */
  readonly prefillUs: number;
  readonly prefillAttentionUsPerToken: number;
  /** KV of one context token and the weights on one wafer of this stage. */
  readonly kvBytesPerToken: number;
  readonly weightBytes: number;
};

/** A chain as the evaluators read it. */
export type ChainCost = {
  readonly layers: number;
  readonly wafers: number;
  readonly stages: readonly StageCost[];
  /** Hops, host and split layers: paid once per step. */
  readonly fixedUs: number;
  readonly stepRule: StepRule;
  readonly chunkTokens: number;
  /** IO·η_io of one wafer. */
  readonly ioBytesPerUs: number;
};

/** Load of a chain at one moment. */
export type Load = {
  /** N: running streams. */
  readonly streams: number;
  /** x: mean context of the running streams. */
  readonly meanContextTokens: number;
  /** f_s ≥ 1 of each stage; absent means 1. A `fixed` or `wafers` step rule does not read it. */
  readonly slow?: readonly number[];
};

/** Speed of a chain under a load. */
export type Speed = {
  readonly stepUs: number;
  /** Of one stream. */
  readonly tokensPerSecond: number;
  readonly chainTokensPerSecond: number;
};

/** Cost of a stage whose layers each have this share of a wafer; `kvBytes` and `weightBytes` are its wafer's. */
export function stageCost(
  geometry: ModelGeometry,
  profile: WaferProfile,
  stage: { readonly layers: number; readonly share: number; readonly kvBytes: number; readonly weightBytes: number },
): StageCost {
  const { hardware } = profile;
  const flopPerUs = hardware.flopPerUs * stage.share;
  const bytesPerUs = hardware.sramBytesPerUs * stage.share;
  const active = activePerLayer(geometry);
  const attentionUs = attentionFlop(geometry) / (flopPerUs * profile.attentionEfficiency);
  return {
    layers: stage.layers,
    netUs: profile.tau0Us + (profile.tau1Us * geometry.hidden) / HIDDEN_UNIT,
    weightUs: (active * bytesPerParameter(geometry)) / bytesPerUs,
    attentionUsPerToken: Math.max(kvBytesPerToken(geometry) / geometry.layers / bytesPerUs, attentionUs),
    marginalUs: (2 * active) / (flopPerUs * profile.marginalEfficiency),
    prefillUs: (2 * active) / (flopPerUs * profile.prefillEfficiency[prefillClass(geometry)]),
    prefillAttentionUsPerToken: attentionUs,
    kvBytesPerToken: stage.kvBytes,
    weightBytes: stage.weightBytes,
  };
}

/** Closed form: every layer has S/L of a wafer, at most one. More wafers than layers means split layers (R5). */
export function closedFormCost({ geometry, profile, wafers }: Placement): ChainCost {
  const { layers } = geometry;
  const stage = stageCost(geometry, profile, {
    layers,
    share: Math.min(1, wafers / layers),
    kvBytes: kvBytesPerToken(geometry) / wafers,
    weightBytes: geometry.weightBytes / wafers,
  });
  const splitUs = wafers > layers ? 2 * layers * profile.hopUs : 0;
  return chainCost(geometry, profile, {
    stages: [stage],
    wafers,
    hopsUs: (wafers - 1) * profile.hopUs + splitUs,
  });
}

/** Joins stages and the hops between them to a chain. */
export function chainCost(
  geometry: ModelGeometry,
  profile: WaferProfile,
  chain: { readonly stages: readonly StageCost[]; readonly wafers: number; readonly hopsUs: number },
): ChainCost {
  return {
    layers: geometry.layers,
    wafers: chain.wafers,
    stages: chain.stages,
    fixedUs: chain.hopsUs + profile.hostUs,
    stepRule: profile.stepRule,
    chunkTokens: profile.chunkTokens,
    ioBytesPerUs: profile.hardware.ioBytesPerUs * profile.ioEfficiency,
  };
}

/** t_l without f_s: one layer of a stage. */
export function layerMicros(stage: StageCost, layers: number, load: Load): number {
  const sharing = Math.max(1, load.streams / layers);
  return (
    Math.max(stage.netUs, stage.weightUs) +
    sharing * stage.attentionUsPerToken * load.meanContextTokens +
    (sharing - 1) * stage.marginalUs
  );
}

/** T_step of a chain, in µs. */
export function chainStepMicros(cost: ChainCost, load: Load): number {
  const rule = cost.stepRule;
  switch (rule.kind) {
    case 'layers':
      return layeredStepMicros(cost, load);
    case 'wafers':
      return cost.wafers * rule.waferUs;
    case 'fixed':
      return rule.stepUs;
    default:
      return assertNever(rule);
  }
}

function layeredStepMicros(cost: ChainCost, load: Load): number {
  let passUs = 0;
  let slowestUs = 0;
  for (let s = 0; s < cost.stages.length; s += 1) {
    const stage = cost.stages[s];
    if (stage === undefined) continue;
    const layerUs = layerMicros(stage, cost.layers, load) * (load.slow?.[s] ?? 1);
    passUs += stage.layers * layerUs;
    slowestUs = Math.max(slowestUs, layerUs);
  }
  return Math.max(passUs, Math.min(load.streams, cost.layers) * slowestUs) + cost.fixedUs;
}

/** T_prefill and the time for which it holds the prefill lane, in µs. */
export type PrefillTime = { readonly latencyUs: number; readonly occupancyUs: number };

/**
 * Prefill of new tokens behind cached ones. Chunks follow each other through the layers: the first passes all of
 * them, each further one costs the slowest layer. Equal stages give `(⌈new/c⌉ + L − 1)·t_chunk` (WAFER §5.5).
 */
export function chainPrefillMicros(
  cost: ChainCost,
  { newTokens, cachedTokens }: { readonly newTokens: number; readonly cachedTokens: number },
): PrefillTime {
  const chunks = Math.ceil(newTokens / cost.chunkTokens);
  if (chunks <= 0) return { latencyUs: 0, occupancyUs: 0 };
  const contextTokens = cachedTokens + newTokens / 2;
  let fillUs = 0;
  let slowestUs = 0;
  for (const stage of cost.stages) {
    const chunkUs = chunkMicros(stage, cost.chunkTokens, contextTokens);
    fillUs += stage.layers * chunkUs;
    slowestUs = Math.max(slowestUs, chunkUs);
  }
  return { latencyUs: fillUs + (chunks - 1) * slowestUs, occupancyUs: chunks * slowestUs };
}

/** t_chunk: one chunk in one layer, at a mean context. */
export function chunkMicros(stage: StageCost, chunkTokens: number, contextTokens: number): number {
  return Math.max(stage.netUs, chunkTokens * (stage.prefillUs + stage.prefillAttentionUsPerToken * contextTokens));
}

/** T_restore (and T_park) in µs: each wafer moves the KV of its own layers, and the fullest one ends last. */
export function chainRestoreMicros(cost: ChainCost, tokens: number): number {
  const bytes = cost.stages.reduce((most, stage) => Math.max(most, stage.kvBytesPerToken), 0) * tokens;
  return bytes / cost.ioBytesPerUs;
}

/** Lower bound of the weight load in µs; compile and health checks come on top. */
export function chainLoadMicros(cost: ChainCost): number {
  return cost.stages.reduce((most, stage) => Math.max(most, stage.weightBytes), 0) / cost.ioBytesPerUs;
}

/** KV transfer of an external prefill over a link, in µs: the first term of T_pd (WAFER §5.5). */
export function transferMicros(geometry: ModelGeometry, tokens: number, linkBytesPerUs: number): number {
  return (kvBytesPerToken(geometry) * tokens) / linkBytesPerUs;
}

/** Rates of a chain whose steps yield α tokens. */
export function speedOf(stepUs: number, alpha: number, streams: number): Speed {
  const tokensPerSecond = (alpha * 1e6) / stepUs;
  return { stepUs, tokensPerSecond, chainTokensPerSecond: streams * tokensPerSecond };
}

/** Closed-form speed of a model on so many wafers, without a partition: fixtures and sweeps (WAFER §5.2). */
export function estimate(placement: Placement, load: Load): Speed {
  const { alpha } = speculation(placement.profile, placement.geometry.drafter.class);
  return speedOf(chainStepMicros(closedFormCost(placement), load), alpha, load.streams);
}
