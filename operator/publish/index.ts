export type { ServingSource, SnapshotBus } from './publisher.ts';
export type { ServingObject } from './serving-objects.ts';
export type { ServingCell, ServingHeads } from './serving-snapshot.ts';
export { CONFIRM_MASS, startServing } from './start-serving.ts';
export type { RunningServing, ServingOptions } from './start-serving.ts';
export { cellField } from './serving-term.ts';
export type { ServingRef } from './serving-term.ts';
