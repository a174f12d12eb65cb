import type { WaferState } from './faults/chain-wear.ts';
import type { ParkFigures } from './kv-keeper.ts';

/** One stage of the chain as its gauges show it. */
export type StageHealth = {
  /** t_l now ÷ t_l as planned, at the present load: `reticle_engine_stage_step_ratio{stage}`. */
  readonly stepRatio: number;
  /** Added to the hop behind this stage, µs. */
  readonly hopAddedMicros: number;
  /** Dead share q of the wafer's tiles. */
  readonly deadShare: number;
  readonly wafer: WaferState;
};

/** What an operator sees of a simulated chain; a hang shows in nothing but missing tokens. */
export type WaferSimHealth = {
  readonly serving: boolean;
  /** Why the chain does not serve. */
  readonly broken: string | undefined;
  readonly stages: readonly StageHealth[];
  /** Time of restore and park ÷ planned time. */
  readonly ioRatio: number;
  /** K now ÷ K as planned. */
  readonly kvRatio: number;
  /** α now. */
  readonly tokensPerStep: number;
  /** A wafer is not as planned any more. */
  readonly planNeeded: boolean;
  readonly stepMicros: number;
  readonly kvTokensTotal: number;
  readonly park: ParkFigures;
};
