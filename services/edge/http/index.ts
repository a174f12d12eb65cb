export { catalogEntries } from '../openai/catalog.ts';
export { startHttpEdge } from './server.ts';
export type { HttpEdge, HttpEdgeOptions } from './server.ts';
export type { HttpTimeouts } from './timeouts.ts';
