export { capacityLedger, ledgerSteps } from './capacity-ledger.ts';
export type { LedgerInput, LedgerObserved, LedgerRow, LedgerStep, LedgerUnit } from './capacity-ledger.ts';
export {
  chainsOfPools,
  chainsOfUsable,
  joulesPerToken,
  openSessions,
  parkedBytes,
  phaseCapacity,
  servedCapacity,
} from './capacity.ts';
export type {
  Assumed,
  ChainFigures,
  PhaseCapacity,
  PhaseInput,
  PoolSlots,
  PowerBasis,
  ServedCapacity,
} from './capacity.ts';
export {
  activePerLayer,
  attentionFlop,
  bytesPerParameter,
  kvBytesPerToken,
  modelGeometry,
  prefillClass,
} from './geometry.ts';
export type { Attention, Drafter, LayerRun, ModelGeometry, ModelGeometrySpec, SpeculationClass } from './geometry.ts';
export { modelById, models } from './fixtures/models.ts';
export type { ModelFixture, ModelId } from './fixtures/models.ts';
export { waferProfiles, wse3Spec } from './fixtures/profiles.ts';
export { estimate, transferMicros } from './latency.ts';
export type { ChainCost, Load, PrefillTime, Speed, StageCost } from './latency.ts';
export { kvTokensPooled, streamsCap, streamsFitting, usableBytes, wafersPooled } from './memory.ts';
export type { Placement } from './memory.ts';
export { partition, wafersNeeded } from './partition.ts';
export type { Partition, Stage } from './partition.ts';
export {
  alpha,
  evaluatePlan,
  loadMicros,
  planChain,
  prefillMicros,
  restoreMicros,
  stepMicros,
  stepProbability,
  stepTokensMax,
  streamsMax,
} from './plan.ts';
export type { ChainPlan, ChainRequest } from './plan.ts';
export { waferProfile } from './profile.ts';
export type { BySpeculation, StepRule, WaferClassSpec, WaferHardware, WaferProfile } from './profile.ts';
export { speculation, stepProbabilityFor } from './speculation.ts';
export type { Speculation } from './speculation.ts';
