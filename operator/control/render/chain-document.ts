import { createHash } from 'node:crypto';
import { base32, CHAIN_FORMAT, RANDOM_ID_BYTES, type ChainDocument, type ChainStage } from '@reticle/core/domain';
import { canonicalJson } from '@reticle/core/domain/tokens';
import { toChain, type Model, type WaferClass } from '@reticle/operator/api';
import { podName, type ReplicaPlan, type StoredReplica } from '@reticle/operator/plan';

/** What a replica's chain is made of beside the replica itself. */
export type ChainOf = {
  readonly replica: StoredReplica;
  readonly plan: ReplicaPlan;
  readonly servedName: string;
  readonly model: Pick<Model, 'spec'>;
  readonly waferClass: Pick<WaferClass, 'spec'>;
  /** What hosts call their wafers, by the name of the Wafer. */
  readonly hardwareIds: ReadonlyMap<string, string>;
};

/** What every pod of this epoch is given (OPERATOR §10 step 3). */
export function chainDocument(of: ChainOf): ChainDocument {
  const { replica, plan, servedName, model, waferClass } = of;
  const { meta, spec } = replica;
  const engineArgs = spec.inputs.engine.args;
  return {
    format: CHAIN_FORMAT,
    replica: {
      namespace: meta.namespace ?? '',
      name: meta.name,
      uid: meta.uid,
      epoch: spec.epoch,
      engineId: engineId(meta.uid),
    },
    planDigest: plan.digest,
    region: spec.region,
    chain: toChain({ servedName, engineArgs, model, waferClass, wafers: plan.stages.length }),
    stages: plan.stages.map((stage) => stageOf(of, stage)),
    tokensPerSecond: plan.predicted.tokensPerSecond,
  };
}

/** The engine of a replica, the same at every epoch: 128 bits of a hash of its uid. */
export function engineId(replicaUid: string): string {
  const bytes = createHash('sha256').update(`reticle engine ${replicaUid}`).digest();
  return base32(bytes.subarray(0, RANDOM_ID_BYTES));
}

function stageOf({ replica, hardwareIds }: ChainOf, stage: ReplicaPlan['stages'][number]): ChainStage {
  const { meta, spec } = replica;
  const { wafer = meta.name, waferEpoch = spec.epoch, firstLayer, lastLayer } = stage;
  return {
    stage: stage.stage,
    wafer,
    hardwareId: hardwareIds.get(wafer) ?? wafer,
    waferEpoch,
    firstLayer,
    lastLayer,
    programId: programId(replica, stage),
    host: `${podName(meta.name, spec.epoch, stage.stage)}.${meta.name}.${meta.namespace ?? ''}.svc`,
  };
}

/** SHA-256 of what a stage runs: its model, its layers and what the wafer keeps for them (WAFER §6.5). */
function programId({ spec }: StoredReplica, stage: ReplicaPlan['stages'][number]): string {
  const { firstLayer, lastLayer, weightBytes } = stage;
  const { modelDigest, engine } = spec.inputs;
  const what = { modelDigest, driver: engine.driver, image: engine.image ?? '', firstLayer, lastLayer, weightBytes };
  return createHash('sha256').update(canonicalJson(what)).digest('hex');
}
