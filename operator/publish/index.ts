export { Publisher } from './publisher.ts';
export type { PublisherOptions, ServingSource, SnapshotBus } from './publisher.ts';
export type { ServingObject } from './serving-objects.ts';
export type { ServingCell, ServingHeads } from './serving-snapshot.ts';
