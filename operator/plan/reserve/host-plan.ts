import type { ModelGeometry } from '@reticle/core/domain/wafer';
import { refOf, type Action } from '../action.ts';
import { canonicalJson } from '../digest/canonical-json.ts';
import { sha256 } from '../digest/sha256.ts';
import { utcText } from '../digest/utc-text.ts';
import type { ReplicaView } from '../replica-view.ts';
import { RESERVE_MS } from './write-plan.ts';

/** The plan of an engine without wafers: one stage with every layer, anywhere in its region (OPERATOR §10). */
export function hostPlanAction({ replica, nowMs }: ReplicaView, { layers, weightBytes }: ModelGeometry): Action {
  const epoch = replica.spec.epoch + 1;
  const { streams, contextTokensMean } = replica.spec.inputs.shape;
  const stage = {
    stage: 0,
    firstLayer: 0,
    lastLayer: layers - 1,
    weightBytes: Math.round(weightBytes),
    kvBytes: 0,
    reserveBytes: 0,
  };
  const inputsDigest = sha256(canonicalJson(replica.spec.inputs));
  // Nothing is known of the host's speed: what it is asked to hold is what it is planned for.
  const predicted = { tokensPerSecond: 0, streams, kvTokens: streams * contextTokensMean };
  const plan = {
    revision: (replica.spec.plan?.revision ?? 0) + 1,
    digest: sha256(canonicalJson({ inputsDigest, stages: [stage], predicted })),
    inputsDigest,
    plannedFromGeneration: replica.meta.generation,
    stages: [stage],
    objective: { spreadViolations: 0, hopNanos: 0, fragmentationDelta: 0, stranded: 0, imbalancePermille: 0 },
    predicted,
  };
  const fence = { epoch, outcome: 'Pending', deadline: utcText(nowMs + RESERVE_MS) } as const;
  return { kind: 'writePlan', target: refOf(replica), because: 'Placed', body: { epoch, plan, fence } };
}
