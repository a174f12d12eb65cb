import { usableBytes, type ModelGeometry } from '@reticle/core/domain/wafer';
import type { ChainMemo } from '../shard/chain-memo.ts';
import { isSufficient, rateAt, shardedChain, type ShardedChain, type ShardRequest } from '../shard/sharded-chain.ts';
import { chainOf } from '../shard/sweep.ts';
import { grouped, NEAREST_MAX, type Diagnostic, type Nearest } from './diagnostic.ts';

/** A chain length to judge, and the longest that any allowed pool could hold. */
export type ChainCase = {
  readonly request: ShardRequest;
  readonly wafers: number;
  readonly longest: number;
  /** Stands in the diagnostics, e.g. `md/agent-1t`. */
  readonly subject: string;
  readonly memo: ChainMemo;
};

/** A named check; what it finds is a refusal. */
type ChainCheck = (given: ChainCase, chain: ShardedChain | undefined) => Diagnostic | undefined;

/** KV is handed out in blocks of so many tokens (WAFER §6.4), so a nearest context is a multiple. */
const KV_BLOCK_TOKENS = 128;
/** Narrower formats that a model may be stored in (OPERATOR §3). */
const formats = [8, 4] as const;

/** Every check of WAFER §8 that a chain of this length fails, whatever wafers it would get; none when it is sufficient. */
export function chainDiagnostics(given: ChainCase): readonly Diagnostic[] {
  const chain = chainOf(given.request, given.wafers, given.memo);
  return checks.map((check) => check(given, chain)).filter((found) => found !== undefined);
}

const layerFits: ChainCheck = (given) => {
  const { request, wafers, subject } = given;
  const { layers } = request.geometry;
  if (wafers > layers) {
    return refuse('LayerExceedsSram', subject, {
      need: wafers,
      have: layers,
      unit: 'layers',
      nearest: otherLength(given),
    });
  }
  const need = largestLayerBytes(request.geometry, wafers);
  const have = usableBytes(request.profile.hardware);
  if (need <= have) return undefined;
  return refuse('LayerExceedsSram', subject, {
    need,
    have,
    unit: 'bytes of one layer',
    nearest: narrowerWeights(given),
  });
};

const holdsContext: ChainCheck = (given, chain) => {
  const { request, wafers, subject } = given;
  if (wafers > request.geometry.layers) return undefined;
  const have = Math.max(0, chain?.plan.kvTokens ?? 0);
  if (chain !== undefined && have >= request.contextTokensMax) return undefined;
  const shorter = downToBlock(have);
  const contexts = shorter > 0 ? [{ contextTokens: shorter }] : [];
  const nearest = [...longerChain(given), ...contexts.filter((each) => plans(given, each)), ...narrowerKv(given)];
  return refuse('KvShort', subject, { need: request.contextTokensMax, have, unit: 'tokens of one session', nearest });
};

const holdsStreams: ChainCheck = (given, chain) => {
  const { request, subject } = given;
  if (chain === undefined) return undefined;
  const { kvTokens } = chain.plan;
  const fitting = fittingStreams(request, chain);
  if (fitting >= request.streams) return undefined;
  const contextTokens = downToBlock(Math.floor(Math.max(0, kvTokens) / request.streams));
  const options: readonly Nearest[] = [
    ...longerChain(given),
    ...[{ contextTokens }].filter((each) => contextTokens > 0 && plans(given, { meanTokens: each.contextTokens })),
    ...[{ streams: fitting }].filter((each) => fitting > 0 && plans(given, each)),
    ...narrowerKv(given),
  ];
  const unit = `tokens × ${request.streams} streams`;
  return refuse('KvShort', subject, {
    need: request.contextTokensMean,
    have: `${grouped(kvTokens)} (${fitting} streams)`,
    unit,
    nearest: options,
  });
};

const keepsFloor: ChainCheck = (given, chain) => {
  const { request, subject } = given;
  if (chain === undefined) return undefined;
  const need = request.floorTokensPerSecond;
  const have = rateAt(request, chain.plan, request.streams);
  if (have >= need) return undefined;
  const options: readonly Nearest[] = [
    ...[{ streams: chain.streams }].filter(({ streams }) => streams > 0 && plans(given, { streams })),
    ...otherLength(given),
  ];
  const unit = chain.plan.drafterDropped ? 'tok/s without the drafter, which has no room' : 'tok/s';
  return refuse('FloorUnmet', subject, { need, have: Math.floor(have), unit, nearest: options });
};

const checks: readonly ChainCheck[] = [layerFits, holdsContext, holdsStreams, keepsFloor];

type Detail = Diagnostic['detail'];

function refuse(code: Diagnostic['code'], subject: string, detail: Detail): Diagnostic {
  return { code, subject, detail: { ...detail, nearest: detail.nearest.slice(0, NEAREST_MAX) } };
}

/** Streams by KV and layers alone, the floor left aside. */
function fittingStreams(request: ShardRequest, { plan }: ShardedChain): number {
  return shardedChain({ ...request, floorTokensPerSecond: 0 }, plan).streams;
}

/** Weights that one wafer must hold together, the ends on the first and last (R2, R3); one layer per wafer at best. */
function largestLayerBytes({ layerRuns, endBytes }: ModelGeometry, wafers: number): number {
  const heaviest = layerRuns.reduce((most, run) => Math.max(most, run.weightBytes), 0);
  const first = (layerRuns[0]?.weightBytes ?? 0) + endBytes;
  const last = (layerRuns.at(-1)?.weightBytes ?? 0) + endBytes;
  return wafers === 1 ? heaviest : Math.max(heaviest, first, last);
}

function downToBlock(tokens: number): number {
  return tokens - (tokens % KV_BLOCK_TOKENS);
}

type Variation = {
  readonly wafers?: number;
  readonly streams?: number;
  readonly contextTokens?: number;
  readonly meanTokens?: number;
};

/** Whether the case with these values instead of its own is sufficient: what `nearest` offers must itself plan. */
function plans(given: ChainCase, { wafers, streams, contextTokens, meanTokens }: Variation): boolean {
  const { request } = given;
  const contextTokensMax = contextTokens ?? request.contextTokensMax;
  const varied = {
    ...request,
    streams: streams ?? request.streams,
    contextTokensMax,
    contextTokensMean: Math.min(meanTokens ?? request.contextTokensMean, contextTokensMax),
  };
  const chain = chainOf(varied, wafers ?? given.wafers, given.memo);
  return chain !== undefined && isSufficient(varied, chain);
}

function longerChain(given: ChainCase): readonly Nearest[] {
  const longest = Math.min(given.longest, given.request.geometry.layers);
  for (let wafers = given.wafers + 1; wafers <= longest; wafers += 1) {
    if (plans(given, { wafers })) return [{ wafers, ...streamsOf(given, wafers) }];
  }
  return [];
}

/** The nearest sufficient length either way, a shorter one before a longer one: fewer hops. */
function otherLength(given: ChainCase): readonly Nearest[] {
  const longest = Math.min(given.longest, given.request.geometry.layers);
  for (let away = 1; away < Math.max(longest, given.wafers); away += 1) {
    const found = [given.wafers - away, given.wafers + away].find(
      (wafers) => wafers >= 1 && wafers <= longest && plans(given, { wafers }),
    );
    if (found !== undefined) return [{ wafers: found, ...streamsOf(given, found) }];
  }
  return [];
}

function streamsOf(given: ChainCase, wafers: number): { readonly streams?: number } {
  const streams = chainOf(given.request, wafers, given.memo)?.streams;
  return streams === undefined ? {} : { streams };
}

/** KV at fewer bits, where that alone makes the case plan. */
function narrowerKv(given: ChainCase): readonly Nearest[] {
  const { request } = given;
  const found = formats.find((bits) => bits < request.kvBits && holds(given, { kv: bits / request.kvBits, weight: 1 }));
  return found === undefined ? [] : [{ kvBits: found }];
}

/** Weights at fewer bits, where that alone makes the case plan. */
function narrowerWeights(given: ChainCase): readonly Nearest[] {
  const { request } = given;
  const found = formats.find(
    (bits) => bits < request.weightBits && holds(given, { kv: 1, weight: bits / request.weightBits }),
  );
  return found === undefined ? [] : [{ weightBits: found }];
}

type Ratios = { readonly kv: number; readonly weight: number };

function holds(given: ChainCase, ratios: Ratios): boolean {
  const request = { ...given.request, geometry: rescaled(given.request.geometry, ratios) };
  const chain = chainOf(request, given.wafers, given.memo);
  return chain !== undefined && isSufficient(request, chain);
}

/** The ends keep their format, as in published checkpoints (WAFER §4). */
function rescaled(geometry: ModelGeometry, { kv, weight }: Ratios): ModelGeometry {
  const layerRuns = geometry.layerRuns.map((run) => ({
    ...run,
    weightBytes: run.weightBytes * weight,
    kvBytesPerToken: run.kvBytesPerToken * kv,
  }));
  return { ...geometry, layerRuns };
}
