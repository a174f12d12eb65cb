export { startGrpcEdge } from './server.ts';
export type { GrpcEdge, GrpcEdgeOptions } from './server.ts';
