import { assert } from '../assert.ts';
import type { ModelGeometry } from './geometry.ts';
import {
  chainCost,
  chainLoadMicros,
  chainPrefillMicros,
  chainRestoreMicros,
  chainStepMicros,
  speedOf,
  stageCost,
  type ChainCost,
  type Load,
  type PrefillTime,
  type Speed,
} from './latency.ts';
import { streamsCap, usableBytes } from './memory.ts';
import { partition, type Partition, type Stage } from './partition.ts';
import type { WaferProfile } from './profile.ts';
import { speculation, type Speculation } from './speculation.ts';

/** A model on a chain of wafers, with everything the evaluators need worked out once. */
export type ChainPlan = {
  readonly geometry: ModelGeometry;
  readonly profile: WaferProfile;
  readonly stages: readonly Stage[];
  /** K_staged: context tokens that the chain holds. */
  readonly kvTokens: number;
  readonly speculation: Speculation;
  /** True when the drafter has no room on the last wafer: α is that of no drafter (WAFER §7 R4). */
  readonly drafterDropped: boolean;
  readonly cost: ChainCost;
};

/** What a chain is planned from. */
export type ChainRequest = {
  readonly geometry: ModelGeometry;
  readonly profile: WaferProfile;
  /** Number of whole wafers, or each wafer's own SRAM bytes in chain order. */
  readonly wafers: number | readonly number[];
  /** Stages that are followed by an edge into another rack; each such edge pays `crossRackUs` more (R6). */
  readonly crossRackEdges?: number;
};

/** Plans a chain. `undefined` when no assignment of whole layers to these wafers fits. */
export function planChain(request: ChainRequest): ChainPlan | undefined {
  const { geometry, profile } = request;
  const usable = usableOf(request);
  const placed = placeWithDrafter(geometry, usable);
  if (placed === undefined) return undefined;
  const { found, drafterDropped } = placed;
  return {
    geometry,
    profile,
    stages: found.stages,
    kvTokens: found.kvTokens,
    speculation: speculation(profile, drafterDropped ? 'none' : geometry.drafter.class),
    drafterDropped,
    cost: costOf(request, found.stages),
  };
}

function usableOf({ profile, wafers }: ChainRequest): number[] {
  const { hardware } = profile;
  if (typeof wafers !== 'number') return wafers.map((sramBytes) => usableBytes(hardware, sramBytes));
  assert(Number.isInteger(wafers) && wafers > 0, 'a chain has a whole number of wafers');
  return Array.from({ length: wafers }, () => usableBytes(hardware));
}

type Placed = { readonly found: Partition; readonly drafterDropped: boolean };

/** A drafter stays only if the chain still holds a token beside it. */
function placeWithDrafter(geometry: ModelGeometry, usable: readonly number[]): Placed | undefined {
  const withDrafter = partition(geometry, usable);
  const { drafter } = geometry;
  if (drafter.weightBytes === 0 && drafter.kvBytesPerToken === 0) {
    return withDrafter && { found: withDrafter, drafterDropped: false };
  }
  if (withDrafter !== undefined && withDrafter.kvTokens > 0) return { found: withDrafter, drafterDropped: false };
  const none = { class: 'none', weightBytes: 0, kvBytesPerToken: 0 } as const;
  const alone = partition({ ...geometry, drafter: none }, usable);
  return alone && { found: alone, drafterDropped: true };
}

function costOf({ geometry, profile, crossRackEdges = 0 }: ChainRequest, stages: readonly Stage[]): ChainCost {
  return chainCost(geometry, profile, {
    stages: stages.map((stage) =>
      stageCost(geometry, profile, {
        layers: stage.layers,
        share: 1 / stage.layers,
        kvBytes: stage.kvBytesPerToken,
        weightBytes: stage.weightBytes,
      }),
    ),
    wafers: stages.length,
    hopsUs: (stages.length - 1) * profile.hopUs + crossRackEdges * profile.crossRackUs,
  });
}

/** T_step in µs with the plan's real stages. Allocates nothing; one pass over the stages. */
export function stepMicros(plan: ChainPlan, load: Load): number {
  return chainStepMicros(plan.cost, load);
}

/** Step time and rates of a plan under a load. */
export function evaluatePlan(plan: ChainPlan, load: Load): Speed {
  return speedOf(stepMicros(plan, load), plan.speculation.alpha, load.streams);
}

/** T_prefill on an idle chain and its occupancy of the prefill lane; no new tokens take no time. */
export function prefillMicros(
  plan: ChainPlan,
  tokens: { readonly newTokens: number; readonly cachedTokens: number },
): PrefillTime {
  return chainPrefillMicros(plan.cost, tokens);
}

/** T_restore (and T_park) of so many context tokens, in µs. */
export function restoreMicros(plan: ChainPlan, tokens: number): number {
  return chainRestoreMicros(plan.cost, tokens);
}

/** Weight load of the fullest wafer, in µs. */
export function loadMicros(plan: ChainPlan): number {
  return chainLoadMicros(plan.cost);
}

/** α of the plan: mean tokens per step. */
export function alpha(plan: ChainPlan): number {
  return plan.speculation.alpha;
}

/** k of the plan: most tokens of one step. */
export function stepTokensMax(plan: ChainPlan): number {
  return plan.speculation.stepTokensMax;
}

/** p of the truncated geometric law of the step width (WAFER §6.1); 0 when every step makes one token. */
export function stepProbability(plan: ChainPlan): number {
  return plan.speculation.stepProbability;
}

/** b_max·L: most streams that may run at once. */
export function streamsMax(plan: ChainPlan): number {
  return streamsCap(plan.geometry, plan.profile);
}
