export { RingWatch, ringBrokenAfterMs, ringMissesMax, ringPingMs } from './ring-watch.ts';
export type { RingWatchOptions, StageIdentity, StagePing, StagePong, StageState } from './ring-watch.ts';
export { startStage } from './stage-server.ts';
export type { RunningStage, StageOptions } from './stage-server.ts';
export { watchStages } from './watch-stages.ts';
export type { StageWatch, StageWatchOptions, WatchedStage } from './watch-stages.ts';
