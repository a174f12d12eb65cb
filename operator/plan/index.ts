export { refOf } from './action.ts';
export type { Action, ChildBody, Finding, Ref, ReplicaBody } from './action.ts';
export type {
  Change,
  ChildFact,
  Facts,
  LoadFact,
  NodeFact,
  PhaseFact,
  PodFact,
  PresenceFact,
  ReplicaPlan,
  ScaleFact,
  StoredClass,
  StoredDeployment,
  StoredModel,
  StoredObject,
  StoredPool,
  StoredReplica,
  StoredWafer,
  WaferFact,
} from './facts.ts';
export { inventory } from './inventory/inventory.ts';
export { renderDiagnostic } from './nofit/diagnostic.ts';
export type { Diagnostic, Nearest } from './nofit/diagnostic.ts';
export { PlanMemo } from './plan-memo.ts';
export { plan } from './plan.ts';
export type { Plan } from './plan.ts';
export { planName, podName } from './replica-name.ts';
export { COMMIT_GATE, DRAIN_FINALIZER } from './replica-view.ts';
export { chainCapacity, scale, scaleState } from './scale/scale.ts';
export type { ChainCapacity, Scaled, ScaleSample, ScaleState } from './scale/scale.ts';
export { changed, snapshotOf } from './snapshot.ts';
export type { Snapshot } from './snapshot.ts';
