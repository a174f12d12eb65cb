import { kvBytesPerToken, type ModelGeometry } from './geometry.ts';
import type { WaferHardware, WaferProfile } from './profile.ts';

/** A model on so many whole wafers of one class. */
export type Placement = {
  readonly geometry: ModelGeometry;
  readonly profile: WaferProfile;
  readonly wafers: number;
};

/** Bytes of a wafer that weights and KV may use: C·(1−r). `sramBytes` is a damaged wafer's own capacity. */
export function usableBytes(hardware: WaferHardware, sramBytes: number = hardware.sramBytes): number {
  return (sramBytes * (100 - hardware.reservePercent)) / 100;
}

/**
 * K_pooled: context tokens that would fit if KV could lie anywhere in the chain, the upper bound for quick what-if
 * (WAFER §5.5). Negative room counts as none.
 */
export function kvTokensPooled({ geometry, profile, wafers }: Placement): number {
  const room = wafers * usableBytes(profile.hardware) - geometry.weightBytes;
  return Math.max(0, Math.floor(room / kvBytesPerToken(geometry)));
}

/** Fewest wafers whose pooled memory holds the weights and so many context tokens. */
export function wafersPooled(geometry: ModelGeometry, profile: WaferProfile, contextTokens: number): number {
  const bytes = geometry.weightBytes + contextTokens * kvBytesPerToken(geometry);
  return Math.ceil(bytes / usableBytes(profile.hardware));
}

/** N: streams of one context length that fit, by KV (N_kv = ⌊K/x⌋) and by the streams that may share the layers. */
export function streamsFitting(
  kvTokens: number,
  contextTokens: number,
  { geometry, profile }: Pick<Placement, 'geometry' | 'profile'>,
): number {
  return Math.min(Math.floor(kvTokens / contextTokens), streamsCap(geometry, profile));
}

/** b_max·L: most streams that may run on a chain, whatever their context. */
export function streamsCap(geometry: ModelGeometry, profile: WaferProfile): number {
  return profile.streamsPerLayerMax * geometry.layers;
}
