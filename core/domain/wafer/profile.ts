import { assert } from '../assert.ts';
import type { SpeculationClass } from './geometry.ts';

/** One value for each speculation class. */
export type BySpeculation = Readonly<Record<SpeculationClass, number>>;

/** A wafer's hardware in the units of the model: bytes, FLOP and microseconds (WAFER §2). */
export type WaferHardware = {
  readonly generation: string;
  readonly sramBytes: number;
  /** Share of SRAM held for code, activations and routing tables. */
  readonly reservePercent: number;
  /** Dense 16-bit rate. */
  readonly flopPerUs: number;
  readonly sramBytesPerUs: number;
  /** Off-wafer I/O of the whole wafer. */
  readonly ioBytesPerUs: number;
};

/**
 * What a decode step costs. `layers`: the model of WAFER §5.2. `wafers`: so long per wafer of the chain, the
 * synchronous I/O of the launch profile. `fixed`: the same for any load, for load benches (WAFER §6.1).
 */
export type StepRule =
  | { readonly kind: 'layers' }
  | { readonly kind: 'wafers'; readonly waferUs: number }
  | { readonly kind: 'fixed'; readonly stepUs: number };

/** A wafer class as the latency and memory model reads it (WAFER §5.1). */
export type WaferProfile = {
  readonly name: string;
  readonly hardware: WaferHardware;
  readonly stepRule: StepRule;
  /** τ0 and τ1: dependent mesh collectives of a layer, constant and per `HIDDEN_UNIT` of width. */
  readonly tau0Us: number;
  readonly tau1Us: number;
  readonly hopUs: number;
  readonly crossRackUs: number;
  readonly hostUs: number;
  /** α: tokens accepted per decode step. */
  readonly alpha: BySpeculation;
  /** k: most tokens of one step. */
  readonly stepTokensMax: BySpeculation;
  /** η_a, η_m, η_io: share of the peak reached by attention, by one more stream's GEMM, by off-wafer I/O. */
  readonly attentionEfficiency: number;
  readonly marginalEfficiency: number;
  readonly ioEfficiency: number;
  /** η_p. */
  readonly prefillEfficiency: { readonly moe: number; readonly dense: number };
  readonly chunkTokens: number;
  /** b_max: most streams that share a layer. */
  readonly streamsPerLayerMax: number;
};

/** The fields of `WaferClass.spec` that the model reads, all defaults filled (OPERATOR §3). */
export type WaferClassSpec = {
  readonly generation: string;
  readonly sramBytes: number;
  readonly reservePercent: number;
  readonly denseTeraflops: number;
  readonly sramGigabytesPerSecond: number;
  readonly ioGigabytesPerSecond: number;
  readonly profile: {
    readonly name: string;
    readonly tau0Nanos: number;
    readonly tau1Nanos: number;
    readonly hopNanos: number;
    readonly crossRackNanos: number;
    readonly hostNanos: number;
    readonly alphaMilli: BySpeculation;
    readonly stepTokensMax: BySpeculation;
    readonly attentionMilli: number;
    readonly marginalMilli: number;
    readonly ioMilli: number;
    readonly prefillMilli: { readonly moe: number; readonly dense: number };
    readonly chunkTokens: number;
    readonly streamsPerLayerMax: number;
  };
};

/** Width to which τ1 refers (WAFER §5.2: `τ0 + τ1·d/4096`). */
export const HIDDEN_UNIT = 4_096;

/** Profile of a wafer class. The class is validated before (operator/api); a broken one is a defect. */
export function waferProfile(spec: WaferClassSpec): WaferProfile {
  const { profile } = spec;
  const alpha = milliByClass(profile.alphaMilli);
  for (const name of ['none', 'moe', 'dense'] as const) {
    assert(alpha[name] >= 1 && alpha[name] <= profile.stepTokensMax[name], 'α lies between 1 and the widest step');
  }
  return {
    name: profile.name,
    hardware: {
      generation: spec.generation,
      sramBytes: spec.sramBytes,
      reservePercent: spec.reservePercent,
      flopPerUs: spec.denseTeraflops * 1e6,
      sramBytesPerUs: spec.sramGigabytesPerSecond * 1e3,
      ioBytesPerUs: spec.ioGigabytesPerSecond * 1e3,
    },
    stepRule: { kind: 'layers' },
    tau0Us: profile.tau0Nanos / 1e3,
    tau1Us: profile.tau1Nanos / 1e3,
    hopUs: profile.hopNanos / 1e3,
    crossRackUs: profile.crossRackNanos / 1e3,
    hostUs: profile.hostNanos / 1e3,
    alpha,
    stepTokensMax: profile.stepTokensMax,
    attentionEfficiency: profile.attentionMilli / 1e3,
    marginalEfficiency: profile.marginalMilli / 1e3,
    ioEfficiency: profile.ioMilli / 1e3,
    prefillEfficiency: { moe: profile.prefillMilli.moe / 1e3, dense: profile.prefillMilli.dense / 1e3 },
    chunkTokens: profile.chunkTokens,
    streamsPerLayerMax: profile.streamsPerLayerMax,
  };
}

function milliByClass(milli: BySpeculation): BySpeculation {
  return { none: milli.none / 1e3, moe: milli.moe / 1e3, dense: milli.dense / 1e3 };
}
