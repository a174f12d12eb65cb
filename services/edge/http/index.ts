export { startHttpEdge } from './server.ts';
export type { HttpEdge, HttpEdgeOptions } from './server.ts';
