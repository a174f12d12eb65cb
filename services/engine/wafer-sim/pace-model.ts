import { ReticleError } from '@reticle/core/domain';
import {
  planChain,
  prefillMicros,
  restoreMicros,
  stepMicros,
  streamsMax,
  usableBytes,
  type ChainPlan,
  type ModelGeometry,
  type PrefillTime,
  type StageCost,
  type WaferProfile,
} from '@reticle/core/domain/wafer';
import type { ChainWear } from './faults/chain-wear.ts';

export type { PrefillTime } from '@reticle/core/domain/wafer';

/** Room of a chain without caps: what the wire's load figures can carry (`uint32`), in whole blocks. */
const TOKENS_UNCAPPED = 0xffff_ff80;
const STREAMS_UNCAPPED = 65_536;
/** Host memory for parked KV, bytes per wafer (WAFER §6.4, assumption). */
const PARK_BYTES_PER_WAFER = 256e9;
/** What a dead share q adds to t_net: t_net × (1 + 0.5·q) (WAFER §6.5, assumption). */
const DEAD_NET_SHARE = 0.5;

/** What the simulator asks of a chain: times in µs, room in tokens and streams. */
export type PaceModel = {
  readonly layers: number;
  readonly stages: number;
  readonly chunkTokens: number;
  /** Most streams at once, prefilling ones included. */
  readonly slots: number;
  readonly kvTokens: number;
  /** Tokens whose copies the park store holds. */
  readonly parkTokens: number;
  /** k and α of the step width law (WAFER §6.1). */
  readonly stepTokensMax: number;
  readonly meanTokens: number;
  /** T_step while `streams` run at a mean context of `contextTokens`. */
  stepUs(streams: number, contextTokens: number): number;
  /** T_prefill and lane occupancy on an idle chain. */
  prefillUs(newTokens: number, cachedTokens: number): PrefillTime;
  /** T_restore and T_park (WAFER §5.5). */
  restoreUs(tokens: number): number;
  /** t_l of each stage, for comparing it with the plan's (`reticle_engine_stage_step_ratio`). */
  layerUs(streams: number, contextTokens: number): readonly number[];
  /** This chain under faults; asked of the chain as planned. */
  worn(wear: ChainWear): PaceModel;
};

export type PaceModelOptions = {
  readonly geometry: ModelGeometry;
  readonly profile: WaferProfile;
  readonly wafers: number;
  /**
   * Every step takes exactly this long, whatever runs; prefill takes no time, and neither slots nor KV bound the
   * chain: the shape of the profile `bench-flat` (WAFER §6.1).
   */
  readonly flatStepMicros?: number;
};

/**
 * The chain's speed and room, from its plan (WAFER §5, §7).
 *
 * @throws ReticleError `value_out_of_range` when the model does not fit on so many wafers
 */
export function paceModel(options: PaceModelOptions): PaceModel {
  if (options.flatStepMicros !== undefined) return flatPace(options, options.flatStepMicros);
  const plan = planChain(options);
  if (plan === undefined) {
    const details = { wafers: String(options.wafers) };
    throw new ReticleError('value_out_of_range', 'the model does not fit on so many wafers', {
      param: 'wafers',
      details,
    });
  }
  return plannedPace(plan);
}

function plannedPace(plan: ChainPlan): PaceModel {
  const { geometry, profile, stages, cost } = plan;
  const fullest = Math.max(...stages.map((stage) => stage.kvBytesPerToken));
  return {
    layers: geometry.layers,
    stages: stages.length,
    chunkTokens: profile.chunkTokens,
    slots: streamsMax(plan),
    kvTokens: plan.kvTokens,
    parkTokens: Math.floor(PARK_BYTES_PER_WAFER / fullest),
    stepTokensMax: plan.speculation.stepTokensMax,
    meanTokens: plan.speculation.alpha,
    stepUs: (streams, meanContextTokens) => stepMicros(plan, { streams, meanContextTokens }),
    prefillUs: (newTokens, cachedTokens) => prefillMicros(plan, { newTokens, cachedTokens }),
    restoreUs: (tokens) => restoreMicros(plan, tokens),
    layerUs: (streams, meanContextTokens) => {
      const load = { streams, meanContextTokens };
      return cost.stages.map(
        (stage) => stepMicros(oneLayer(plan, stage), load) / Math.min(Math.max(1, streams), plan.cost.layers),
      );
    },
    worn: (wear) => wornPace(plan, wear),
  };
}

/** The plan with the figures that its wafers, hops and I/O still have. */
function wornPace(plan: ChainPlan, wear: ChainWear): PaceModel {
  const { cost } = plan;
  const addedUs = wear.hopUs.reduce((sum, addUs) => sum + addUs, 0);
  const worn: ChainPlan = {
    ...plan,
    kvTokens: Math.floor(wear.kv * Math.min(...plan.stages.map((_, s) => stageTokens(plan, s, wear.dead[s] ?? 0)))),
    cost: {
      ...cost,
      stages: cost.stages.map((stage, s) => wornStage(stage, wear.slow[s] ?? 1, wear.dead[s] ?? 0)),
      fixedUs: cost.fixedUs + addedUs,
      ioBytesPerUs: cost.ioBytesPerUs / wear.io,
    },
  };
  const pace = { ...plannedPace(worn), ...drafted(plan.speculation, wear) };
  if (cost.stepRule.kind === 'layers') return pace;
  return {
    ...pace,
    stepUs: (streams, context) => wornStepUs(stepMicros(plan, { streams, meanContextTokens: context }), wear),
  };
}

/** Context tokens whose KV a stage holds with a share of its tiles dead: C_s × (1 − q), as WAFER §5.5. */
function stageTokens({ profile, stages, kvTokens }: ChainPlan, s: number, dead: number): number {
  const stage = stages[s];
  if (stage === undefined || dead === 0) return stage?.kvTokens ?? kvTokens;
  const usable = usableBytes(profile.hardware, profile.hardware.sramBytes * (1 - dead));
  return Math.max(0, Math.floor((usable - stage.weightBytes) / stage.kvBytesPerToken));
}

/** F, BW × (1 − q), t_net × (1 + 0.5·q), and all of it × f. */
function wornStage(stage: StageCost, slow: number, dead: number): StageCost {
  const share = slow / Math.max(1 - dead, Number.EPSILON);
  return {
    ...stage,
    netUs: stage.netUs * slow * (1 + DEAD_NET_SHARE * dead),
    weightUs: stage.weightUs * share,
    attentionUsPerToken: stage.attentionUsPerToken * share,
    marginalUs: stage.marginalUs * share,
    prefillUs: stage.prefillUs * share,
    prefillAttentionUsPerToken: stage.prefillAttentionUsPerToken * share,
  };
}

function oneLayer(plan: ChainPlan, stage: StageCost): ChainPlan {
  const stepRule = { kind: 'layers' } as const;
  return { ...plan, cost: { ...plan.cost, stages: [{ ...stage, layers: 1 }], fixedUs: 0, stepRule } };
}

function drafted(planned: Pick<PaceModel, 'stepTokensMax'> & { readonly alpha: number }, { drafterOff }: ChainWear) {
  if (drafterOff) return { stepTokensMax: 1, meanTokens: 1 };
  return { stepTokensMax: planned.stepTokensMax, meanTokens: planned.alpha };
}

/** A step whose time is given as a whole passes the chain as slowly as its slowest stage. */
function wornStepUs(stepUs: number, { slow, hopUs }: ChainWear): number {
  return stepUs * Math.max(1, ...slow) + hopUs.reduce((sum, addUs) => sum + addUs, 0);
}

function flatPace({ geometry, profile, wafers }: PaceModelOptions, flatStepMicros: number): PaceModel {
  const drafter = geometry.drafter.class;
  const pace: PaceModel = {
    layers: geometry.layers,
    stages: wafers,
    chunkTokens: profile.chunkTokens,
    slots: STREAMS_UNCAPPED,
    kvTokens: TOKENS_UNCAPPED,
    parkTokens: Infinity,
    stepTokensMax: profile.stepTokensMax[drafter],
    meanTokens: profile.alpha[drafter],
    stepUs: () => flatStepMicros,
    prefillUs: () => ({ latencyUs: 0, occupancyUs: 0 }),
    restoreUs: () => 0,
    layerUs: () => Array.from({ length: wafers }, () => 1),
    worn: (wear) => ({
      ...pace,
      ...drafted({ stepTokensMax: pace.stepTokensMax, alpha: pace.meanTokens }, wear),
      kvTokens: Math.floor(wear.kv * TOKENS_UNCAPPED),
      stepUs: () => wornStepUs(flatStepMicros, wear),
      layerUs: () => wear.slow,
    }),
  };
  return pace;
}
