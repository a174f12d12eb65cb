import type { EngineDriver } from '../contract.ts';
import { waferSimSettings, type WaferSimCounters, type WaferSimOptions } from './options.ts';
import { WaferSimDriver } from './wafer-sim-driver.ts';

export { decodeHashText, turnTagOf } from './content/hash-content.ts';
export type { DecodedHashToken } from './content/hash-content.ts';
export type { OracleKey } from './content/oracle-key.ts';
export type { TurnContent } from './content/token-write.ts';
export { turnContent } from './content/turn-content.ts';
export type { KeyedTurnContent, TurnContentOptions } from './content/turn-content.ts';
export { turnLength } from './content/turn-length.ts';
export { writtenTokens } from './content/written-tokens.ts';
export type { WrittenTokens } from './content/written-tokens.ts';
export type { WaferSimCounters, WaferSimOptions } from './options.ts';

/** The simulator with its own figures beside the contract's. */
export type WaferSim = EngineDriver & { readonly counters: WaferSimCounters };

/**
 * A simulated chain of wafers (WAFER §6). It paces on the given clock, holds no timer at rest, and stops for good
 * at `close`.
 *
 * @throws ReticleError `value_out_of_range` when the model does not fit on so many wafers
 */
export function createWaferSim(options: WaferSimOptions): WaferSim {
  return new WaferSimDriver(waferSimSettings(options));
}
