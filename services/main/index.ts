export { startEngine } from './engine-root.ts';
export type { EngineDependencies, RunningEngine } from './engine-root.ts';
export { startGateway } from './gateway-root.ts';
export type { GatewayDependencies, RunningGateway } from './gateway-root.ts';
export type { CellKey, EngineConfig, GatewayConfig, NatsAccess, StageConfig, StagePlan } from './messages.ts';
