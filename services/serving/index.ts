export { servingAccess } from './serving-access.ts';
export { ServingFeed } from './serving-feed.ts';
export type { ServingFeedOptions } from './serving-feed.ts';
export { ServingRoutes } from './serving-routes.ts';
