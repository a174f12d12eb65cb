import { evaluatePlan, prefillMicros, restoreMicros, usableBytes } from '@reticle/core/domain/wafer';
import { refOf, type Action } from '../action.ts';
import { canonicalJson } from '../digest/canonical-json.ts';
import { sha256 } from '../digest/sha256.ts';
import { utcText } from '../digest/utc-text.ts';
import type { PlannedStage, ReplicaPlan, StoredReplica } from '../facts.ts';
import type { Objective } from '../place/demand.ts';
import type { WaferState } from '../pool-state.ts';
import type { ShardedChain } from '../shard/sharded-chain.ts';

/** A reservation that is not whole by then is aborted (OPERATOR §10). */
export const RESERVE_MS = 120_000;

/** A chain on its wafers, as a replica's plan is written from it. */
export type PlannedChain = {
  readonly replica: StoredReplica;
  readonly pool: string;
  /** In stage order. */
  readonly wafers: readonly WaferState[];
  readonly chain: ShardedChain;
  readonly objective: Objective;
  readonly inputsDigest: string;
  readonly profileDigest: string;
  readonly inventoryRevision: string;
  readonly nowMs: number;
};

/** Step 1 of OPERATOR §10: the next epoch with its plan and a pending fence. */
export function writePlanAction(planned: PlannedChain): Action {
  const { replica, nowMs } = planned;
  const epoch = replica.spec.epoch + 1;
  const fence = { epoch, outcome: 'Pending', deadline: utcText(nowMs + RESERVE_MS) } as const;
  return {
    kind: 'writePlan',
    target: refOf(replica),
    because: 'Placed',
    body: { epoch, plan: planOf(planned), fence },
  };
}

/** The plan; its digest says what runs where, and leaves out every epoch. */
export function planOf(planned: PlannedChain): ReplicaPlan {
  const { replica, pool, objective, inputsDigest, profileDigest, inventoryRevision } = planned;
  const stages = stagesOf(planned);
  const predicted = predictedOf(planned);
  return {
    revision: (replica.spec.plan?.revision ?? 0) + 1,
    digest: sha256(digestText({ inputsDigest, pool, predicted, profileDigest, stages })),
    inputsDigest,
    plannedFromGeneration: replica.meta.generation,
    inventoryRevision,
    profileDigest,
    pool,
    stages,
    objective,
    predicted,
  };
}

type What = Pick<ReplicaPlan, 'inputsDigest' | 'pool' | 'predicted' | 'profileDigest' | 'stages'>;

/** Canonical JSON of what runs where, every epoch left out; keys stand in their order. A cell writes hundreds at once. */
export function digestText({ stages, ...rest }: What): string {
  const head = canonicalJson(rest).slice(0, -1);
  return `${head},"stages":[${stages.map(stageText).join(',')}]}`;
}

function stageText({ firstLayer, kvBytes, lastLayer, reserveBytes, stage, wafer, weightBytes }: PlannedStage): string {
  const on = wafer === undefined ? '' : `,"wafer":${JSON.stringify(wafer)}`;
  return (
    `{"firstLayer":${firstLayer},"kvBytes":${kvBytes},"lastLayer":${lastLayer},"reserveBytes":${reserveBytes},` +
    `"stage":${stage}${on},"weightBytes":${weightBytes}}`
  );
}

/** Layers, weights and KV of each stage; what its wafer keeps besides. KV is counted for what the chain holds. */
function stagesOf({ wafers, chain }: PlannedChain): readonly PlannedStage[] {
  const { hardware } = chain.plan.profile;
  return chain.plan.stages.map((stage, index): PlannedStage => {
    const state = wafers[index];
    const sramBytes = (hardware.sramBytes * (1_000 - (state?.defectPermille ?? 0))) / 1_000;
    return {
      stage: index,
      firstLayer: stage.firstLayer,
      lastLayer: stage.firstLayer + stage.layers - 1,
      weightBytes: Math.round(stage.weightBytes),
      kvBytes: Math.round(stage.kvBytesPerToken * chain.plan.kvTokens),
      reserveBytes: Math.round(sramBytes - usableBytes(hardware, sramBytes)),
      ...(state === undefined ? {} : { wafer: state.wafer.meta.name, waferEpoch: state.wafer.spec.epoch + 1 }),
    };
  });
}

/** Tokens of a chunk-sized prompt stand for the prefill rate. */
const PREFILL_TOKENS = 4_096;

function predictedOf({ chain, replica }: PlannedChain): ReplicaPlan['predicted'] {
  const { plan, streams } = chain;
  const contextTokens = replica.spec.inputs.shape.contextTokensMean;
  const speed = evaluatePlan(plan, { streams, meanContextTokens: contextTokens });
  const { occupancyUs } = prefillMicros(plan, { newTokens: PREFILL_TOKENS, cachedTokens: 0 });
  return {
    tokensPerSecond: Math.floor(speed.tokensPerSecond),
    streams,
    kvTokens: plan.kvTokens,
    prefillTokensPerSecond: Math.floor((PREFILL_TOKENS * 1e6) / occupancyUs),
    restoreMs: Math.ceil(restoreMicros(plan, contextTokens) / 1_000),
    alphaClass: plan.drafterDropped ? 'none' : plan.geometry.drafter.class,
  };
}
