import type { EngineDriver } from '../contract.ts';
import type { Fault, FaultLogEntry } from './faults/fault.ts';
import type { WaferSimHealth } from './health.ts';
import { waferSimSettings, type WaferSimCounters, type WaferSimOptions } from './options.ts';
import { WaferSimDriver } from './wafer-sim-driver.ts';

export { chainOptions } from './chain-options.ts';
export { decodeHashText, turnTagOf } from './content/hash-content.ts';
export type { DecodedHashToken } from './content/hash-content.ts';
export type { OracleKey } from './content/oracle-key.ts';
export type { TurnContent } from './content/token-write.ts';
export { turnContent } from './content/turn-content.ts';
export type { KeyedTurnContent, TurnContentOptions } from './content/turn-content.ts';
export { turnLength } from './content/turn-length.ts';
export { writtenTokens } from './content/written-tokens.ts';
export type { WrittenTokens } from './content/written-tokens.ts';
export { faultOf, faultScript } from './faults/fault-schema.ts';
export type {
  Fault,
  FaultKind,
  FaultLogEntry,
  FaultScript,
  FaultTrigger,
  GarbledField,
  ScriptedFault,
} from './faults/fault.ts';
export type { StageHealth, WaferSimHealth } from './health.ts';
export type { ParkFigures } from './kv-keeper.ts';
export type { AnswerAsk } from './script/plan-answer.ts';
export type { ItemSpan } from './script/scripted-content.ts';
export type { WaferSimCounters, WaferSimOptions } from './options.ts';

/** The simulator with its own figures and faults beside the contract. */
export type WaferSim = EngineDriver & {
  readonly counters: WaferSimCounters;
  /** Faults that began and ended, oldest first. */
  readonly faultLog: readonly FaultLogEntry[];
  /**
   * Begins a fault now.
   *
   * @throws ReticleError for one that this chain cannot have
   */
  inject(fault: Fault): void;
  /** Breaks the chain, as found by whoever watches its stages; told once as `broken`. */
  breakChain(reason: string): void;
  health(): WaferSimHealth;
};

/**
 * A simulated chain of wafers (WAFER §6). It paces on the given clock, holds no timer at rest except for faults to
 * come, and stops for good at `close`.
 *
 * @throws ReticleError `value_out_of_range` when the model does not fit on so many wafers, and for a fault script
 *   that the chain cannot have
 */
export function createWaferSim(options: WaferSimOptions): WaferSim {
  return new WaferSimDriver(waferSimSettings(options));
}
