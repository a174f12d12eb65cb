import { assertNever } from '@reticle/core/domain';
import { TILES_PER_WAFER } from './fault-schema.ts';
import type { Fault } from './fault.ts';

/** Dead share of a wafer beyond which it is degraded, and failed (WAFER §6.5, assumption). */
const DEGRADED_SHARE = 0.02;
const FAILED_SHARE = 0.05;

/** What faults do to a chain's figures, all of them together. */
export type ChainWear = {
  /** f_s of each stage. */
  readonly slow: readonly number[];
  /** Dead share q of each stage's wafer. */
  readonly dead: readonly number[];
  /** Added µs of each hop. */
  readonly hopUs: readonly number[];
  readonly io: number;
  readonly kv: number;
  readonly drafterOff: boolean;
};

export type WaferState = 'ok' | 'degraded' | 'failed' | 'crashed';

export function unworn(stages: number): ChainWear {
  const each = (value: number) => Array.from({ length: stages }, () => value);
  return { slow: each(1), dead: each(0), hopUs: each(0), io: 1, kv: 1, drafterOff: false };
}

/** Factors multiply, added times and dead tiles add up. */
export function wearOf(faults: readonly Fault[], stages: number): ChainWear {
  let wear = unworn(stages);
  for (const fault of faults) wear = { ...wear, ...wearing(wear, fault) };
  return wear;
}

function wearing(wear: ChainWear, fault: Fault): Partial<ChainWear> {
  switch (fault.kind) {
    case 'stageSlow':
      return { slow: changed(wear.slow, fault.stage, (slow) => slow * fault.factor) };
    case 'hopSlow':
      return { hopUs: changed(wear.hopUs, fault.edge, (addedUs) => addedUs + fault.addMicros) };
    case 'ioSlow':
      return { io: wear.io * fault.factor };
    case 'kvPressure':
      return { kv: wear.kv * fault.factor };
    case 'alphaDrop':
      return { drafterOff: true };
    case 'defect':
      return { dead: changed(wear.dead, fault.stage, (dead) => Math.min(1, dead + fault.tiles / TILES_PER_WAFER)) };
    case 'stageCrash':
    case 'hang':
    case 'garble':
      return {};
    default:
      return assertNever(fault);
  }
}

function changed(values: readonly number[], index: number, change: (value: number) => number): readonly number[] {
  return values.map((value, other) => (other === index ? change(value) : value));
}

/** State of a wafer by its dead share q. */
export function waferState(deadShare: number): WaferState {
  if (deadShare > FAILED_SHARE) return 'failed';
  return deadShare > DEGRADED_SHARE ? 'degraded' : 'ok';
}
