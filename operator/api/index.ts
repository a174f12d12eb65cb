export { decodeValue } from './decode.ts';
export { decodeStored } from './decode-stored.ts';
export { drainAnnotations } from './drain-annotations.ts';
export { waferSimArgs } from './engine-args.ts';
export type { Driver, WaferSimArgs } from './engine-args.ts';
export { gatewayConfigSchema } from './gateway-config.ts';
export type { GatewayConfigFile } from './gateway-config.ts';
export { API_VERSION, GROUP } from './kind.ts';
export type { Column, Kind } from './kind.ts';
export { declaredKinds, decodeObject, kinds } from './kinds.ts';
export type { DeclaredObject, Decoded, KindRegistry, ReticleObject } from './kinds.ts';
export type { CapacityPhase, CapacityPhaseSpec, PhaseState } from './capacity-phase.ts';
export { phaseStates } from './capacity-phase.ts';
export type { ModelDeployment, ModelDeploymentSpec } from './model-deployment.ts';
export { replicaPhases, retireReasons } from './model-replica.ts';
export type {
  ModelReplica,
  ModelReplicaSpec,
  PlannedStage,
  ReplicaFence,
  ReplicaPhase,
  ReplicaPlan,
  RetireReason,
} from './model-replica.ts';
export type { Model, ModelSpec } from './model.ts';
export { noFitWords } from './no-fit-words.ts';
export type { NoFitWords } from './no-fit-words.ts';
export { formatPath } from './problem.ts';
export type { Problem, ProblemCode, Segments } from './problem.ts';
export type { AccessTier } from './access-tier.ts';
export { conditionTypes, noFitCodes, reasonClasses, reasonMessage, reasonNames, reasons } from './reasons.ts';
export type {
  Condition,
  ConditionType,
  NoFitCode,
  Reason,
  ReasonClass,
  ReasonRow,
  Severity,
  ShortName,
} from './reasons.ts';
export { sameValue } from './same-value.ts';
export type { Presence, Schema, SchemaNode, NodeRule } from './schema.ts';
export type { KindOf, ObjectMeta, OwnerReference, SpecOf, StatusOf, Stored } from './stored.ts';
export type { Tenant } from './tenant.ts';
export { toAccess } from './to-access.ts';
export type { Place } from './to-access.ts';
export { toChain } from './to-chain.ts';
export type { ChainParts } from './to-chain.ts';
export { toGeometry, toProfile } from './to-wafer.ts';
export { refuseWrite } from './transition.ts';
export { utcMs } from './utc-time.ts';
export { subjectOf, validateScene } from './validate-scene.ts';
export type { SceneProblem } from './validate-scene.ts';
export type { WaferClass, WaferClassSpec } from './wafer-class.ts';
export type { WaferPool, WaferPoolSpec } from './wafer-pool.ts';
export type { Wafer, WaferClaim, WaferSpec } from './wafer.ts';
