import { ReticleError } from '@reticle/core/domain';
import {
  planChain,
  prefillMicros,
  stepMicros,
  streamsMax,
  type ModelGeometry,
  type PrefillTime,
  type WaferProfile,
} from '@reticle/core/domain/wafer';

export type { PrefillTime } from '@reticle/core/domain/wafer';

/** Room of a chain without caps: what the wire's load figures can carry (`uint32`), in whole blocks. */
const TOKENS_UNCAPPED = 0xffff_ff80;
const STREAMS_UNCAPPED = 65_536;

/** What the simulator asks of a chain: times in µs, room in tokens and streams. */
export type PaceModel = {
  readonly layers: number;
  readonly chunkTokens: number;
  /** Most streams at once, prefilling ones included. */
  readonly slots: number;
  readonly kvTokens: number;
  /** k and α of the step width law (WAFER §6.1). */
  readonly stepTokensMax: number;
  readonly meanTokens: number;
  /** T_step while `streams` run at a mean context of `contextTokens`. */
  stepUs(streams: number, contextTokens: number): number;
  /** T_prefill and lane occupancy on an idle chain. */
  prefillUs(newTokens: number, cachedTokens: number): PrefillTime;
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
  const { geometry, profile, flatStepMicros } = options;
  if (flatStepMicros !== undefined) return flatPace(geometry, profile, flatStepMicros);
  const plan = planChain(options);
  if (plan === undefined) {
    const details = { wafers: String(options.wafers) };
    throw new ReticleError('value_out_of_range', 'the model does not fit on so many wafers', {
      param: 'wafers',
      details,
    });
  }
  return {
    layers: geometry.layers,
    chunkTokens: profile.chunkTokens,
    slots: streamsMax(plan),
    kvTokens: plan.kvTokens,
    stepTokensMax: plan.speculation.stepTokensMax,
    meanTokens: plan.speculation.alpha,
    stepUs: (streams, meanContextTokens) => stepMicros(plan, { streams, meanContextTokens }),
    prefillUs: (newTokens, cachedTokens) => prefillMicros(plan, { newTokens, cachedTokens }),
  };
}

function flatPace(geometry: ModelGeometry, profile: WaferProfile, flatStepMicros: number): PaceModel {
  const drafter = geometry.drafter.class;
  return {
    layers: geometry.layers,
    chunkTokens: profile.chunkTokens,
    slots: STREAMS_UNCAPPED,
    kvTokens: TOKENS_UNCAPPED,
    stepTokensMax: profile.stepTokensMax[drafter],
    meanTokens: profile.alpha[drafter],
    stepUs: () => flatStepMicros,
    prefillUs: () => ({ latencyUs: 0, occupancyUs: 0 }),
  };
}
